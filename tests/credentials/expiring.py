"""A source of values that expire, and what refreshes them, on a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from credentials.support import Lines, turns
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.refreshing import Fetched, Refreshing


class Source:
    """Gives "1", "2", ...; fails while `fails` is set; waits while `gate` is closed."""

    def __init__(self, lifetime: float | None = 3600.0) -> None:
        self.calls = 0
        self.lifetime = lifetime
        self.fails: BaseException | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> Fetched[str]:
        self.calls += 1
        call = self.calls
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        return Fetched(str(call), self.lifetime)


class World:
    def __init__(self, lifetime: float | None, fetch_seconds: float) -> None:
        self.clock = FakeClock()
        self.source = Source(lifetime)
        self.log = Lines()
        self.held: Refreshing[str] = Refreshing(
            self.source, self.clock, lambda: 0.0, self.log, name="cloud", fetch_seconds=fetch_seconds
        )

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.held.wake()
        await turns()


@asynccontextmanager
async def world(lifetime: float | None = 3600.0, fetch_seconds: float = 20.0) -> AsyncIterator[World]:
    made = World(lifetime, fetch_seconds)
    try:
        yield made
    finally:
        await made.held.close()
