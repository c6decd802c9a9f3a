"""Waiting with a bound, beside the request path (there deadlines live in http/)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Result = TypeVar("Result")


async def within(awaitable: Awaitable[Result], seconds: float | None) -> Result:
    """What it gives; `seconds` None: however late. Raises TimeoutError, and what it raises.

    It is cancelled when it is too late, and when this is. As asyncio.wait_for, which until Python 3.12 keeps a cancellation to
    itself if what it waits for is done at that moment (bpo-42130): whoever ends a loop that waits so may wait for ever.
    """
    async with asyncio.timeout(seconds):  # noqa: TID251 - nothing here is on the request path
        return await awaitable
