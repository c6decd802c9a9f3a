"""What the tests of secret stores share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from llm_gateway.config.schema import Network, Secrets
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.credentials.stores.base import Store
from llm_gateway.credentials.stores.open import Stores


@asynccontextmanager
async def opened(kind: str, said: Secrets, environ: Mapping[str, str] | None = None, clock: Any = None) -> AsyncIterator[Store]:
    """One store, as a configuration describes it."""
    stores = Stores(said, Network(), environ or {}, clock or FakeClock())
    try:
        yield stores.of(kind)
    finally:
        await stores.close()


async def told(fetching: Coroutine[Any, Any, Any]) -> str:
    """What is said when a fetch fails."""
    with pytest.raises(Unavailable) as caught:
        await fetching
    return str(caught.value)


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 20))
