"""What the workers of a node know together, by control: wrong credentials of an address, and signatures that were seen.

Where control is away each worker goes by what it saw itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from llm_gateway.channel.peer import Unanswered

FAILED, LOCKED, ONCE = "failed", "locked", "once"
"""Told to control, told by it, asked of it."""
TOGETHER_SECONDS = 0.05
"""Failures are told together, so that a flood of them is a few messages."""
MOST_FAILED = 1000
"""Addresses between two of them; of more, each worker counts for itself."""
ONCE_SECONDS = 1.0
"""That a signed request waits for an answer."""


class Linked(Protocol):
    """channel.link.Link."""

    @property
    def connected(self) -> bool: ...

    def tell(self, topic: str, body: Any) -> bool: ...

    async def ask(self, method: str, body: Any, seconds: float) -> Any: ...


class Node:
    """One per worker."""

    def __init__(self) -> None:
        self.locked: Callable[[str, float], None] = lambda _peer, _seconds: None
        """Told which address is locked out, and for how long."""
        self._link: Linked | None = None
        self._failed: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def join(self, link: Linked) -> None:
        """From now on. Needs a running loop."""
        self._link = link

    def failed(self, peer: str) -> bool:
        """Somebody had wrong credentials. Whether control is told, which then says whether that is too often."""
        if self._link is None or not self._link.connected or (peer not in self._failed and len(self._failed) >= MOST_FAILED):
            return False
        self._failed[peer] = self._failed.get(peer, 0) + 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TOGETHER_SECONDS, self._tell)
        return True

    def once(self, signature: bytes, left: float) -> Awaitable[str] | None:
        """identity.signing.Together."""
        if self._link is None or not self._link.connected:
            return None
        return self._asked(self._link, signature, left)

    def told(self, _peer: object, body: Any) -> None:
        """By control: LOCKED. Raises msgspec.ValidationError."""
        for peer, seconds in msgspec.convert(body, list[tuple[str, float]]):
            self.locked(peer, seconds)

    async def _asked(self, link: Linked, signature: bytes, left: float) -> str:
        try:
            return msgspec.convert(await link.ask(ONCE, [signature, left], ONCE_SECONDS), str)
        except (Unanswered, msgspec.ValidationError):
            return ""  # it was not seen here

    def _tell(self) -> None:
        self._timer, failed, self._failed = None, self._failed, {}
        if self._link is not None:
            self._link.tell(FAILED, failed)
