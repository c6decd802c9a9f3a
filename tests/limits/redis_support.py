"""Books on a real Redis for tests."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from llm_gateway.config.schema.limits import Redis
from llm_gateway.config.values import Duration, Secret
from llm_gateway.core.clock import SystemClock
from llm_gateway.limits.memory import MemoryBook
from llm_gateway.limits.meter import Charge, Meter, Taken
from llm_gateway.limits.redis_book import RedisBook

RATE = Meter("key", "k", "requests", 10, 3600.0)
TOKENS = Meter("key", "k", "tokens", 1000, 3600.0)
PLACES = Meter("key", "k", "concurrent", 2)
BUDGET = Meter("tenant", "acme", "cost", 1000, calendar="month", alerts=(50, 100))


CLOCK = SystemClock()
LEASE = 60.0


def make(url: str, name: str = "worker", *, timeout: float = 2.0, **more: Any) -> RedisBook:
    """A book that is not started."""
    settings = {"workers": 1, "policy": "local_share", "log": lambda *_, **__: None} | more
    redis = Redis(url=Secret(url), timeout=Duration(timeout))
    return RedisBook(
        redis, worker=name, fallback=lambda: MemoryBook(CLOCK), clock=settings.pop("clock", CLOCK), draw=random.random, **settings
    )


@asynccontextmanager
async def book(url: str, name: str = "worker", **more: Any) -> AsyncIterator[RedisBook]:
    """A book that is started, and closed in the end."""
    made = make(url, name, **more)
    await made.start()
    try:
        yield made
    finally:
        await made.close()


async def take(book: RedisBook, hold: str, *charges: tuple[Meter, int], lease: float = LEASE) -> Taken:
    """Take and wait for it."""
    taken = book.take(hold, [Charge(*one) for one in charges], CLOCK.now(), lease)
    return taken if isinstance(taken, Taken) else await taken


def settle(book: RedisBook, hold: str, *charges: tuple[Meter, int]) -> None:
    book.settle(hold, [Charge(*one) for one in charges], CLOCK.now())


async def until(holds: Callable[[], bool], seconds: float = 8.0) -> None:
    """Wait for it; AssertionError if it does not come."""
    end = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < end, "it did not come"
        await asyncio.sleep(0.005)


async def told(book: RedisBook) -> None:
    """All that was settled counts in Redis."""
    await until(lambda: book.untold == 0)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())
