"""Who waits for the next news of a deployment: whether it answered, or failed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

MOST = 10_000
"""Waiters at once."""


class Verdicts:
    """Futures by deployment. All waiting is bounded, in number and time."""

    def __init__(self, most: int = MOST) -> None:
        self.waiting: dict[str, dict[asyncio.Future[None], None]] = {}
        """Empty nearly always: who has news looks whether it is before he calls `tell`."""
        self._count = 0
        self._most = most

    async def wait(self, name: str, seconds: float) -> bool:
        """Sleeps until there is news of `name`, for at most so long. False: at once, because too many wait already."""
        if self._count >= self._most:
            return False
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(max(seconds, 0.0), _done, future)
        self.waiting.setdefault(name, {})[future] = None
        self._count += 1
        try:
            await future
        finally:
            timer.cancel()
            self._count -= 1
            self._forget(name, future)
        return True

    def tell(self, name: str) -> None:
        """There is news: all who wait for it look."""
        for future in self.waiting.pop(name, {}):
            _done(future)

    def wake_one(self, name: str) -> None:
        """The longest waiting one looks."""
        self._wake_one(self.waiting.get(name, {}))

    def _wake_one(self, waiting: Iterable[asyncio.Future[None]]) -> bool:
        for future in waiting:
            if not future.done():
                future.set_result(None)
                return True
        return False

    def wake_any(self) -> None:
        """Somebody looks, whatever he waits for."""
        any(self._wake_one(futures) for futures in self.waiting.values())

    def _forget(self, name: str, future: asyncio.Future[None]) -> None:
        futures = self.waiting.get(name)
        if futures is not None:
            futures.pop(future, None)
            if not futures:
                del self.waiting[name]


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
