"""What a worker has itself, and what others have: which of them is given, and that both are cleared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cache.answers import entry
from cache.redis_support import KEY, Worker, worker
from limits.redis_support import until
from llm_gateway.cache.entry import Entry
from llm_gateway.cache.stage import Answers
from llm_gateway.core.clock import FakeClock
from servers import RedisServer

TTL = 60.0


@asynccontextmanager
async def tiers(url: str, clock: FakeClock, name: str) -> AsyncIterator[tuple[Answers, Worker]]:
    answers = Answers(clock)
    answers.memory.configure(1 << 20)
    async with worker(url, name, clock=clock) as one:
        answers.far = one.far
        yield answers, one


def made(clock: FakeClock, body: bytes) -> Entry:
    """Now, of use for long."""
    return entry(body, at=clock.now(), until=clock.now() + 1000)


async def kept(answers: tuple[Answers, Worker], one: Entry) -> None:
    """Put, and there."""
    answers[0].keep(KEY, one)
    await until(lambda: not len(answers[1].far.writes))


def test_what_is_near_is_not_asked_for(redis_server: RedisServer) -> None:
    """Redis is asked for what is not in memory, once."""

    async def story() -> None:
        clock = FakeClock()
        async with tiers(redis_server.url, clock, "one") as one, tiers(redis_server.url, clock, "two") as two:
            answer = made(clock, b"a")
            await kept(one, answer)
            assert [await two[0].find(KEY, "m", TTL) for _ in range(3)] == [answer] * 3
            assert await one[0].find(KEY, "m", TTL) is answer
            assert (one[1].counted(), two[1].counted()) == ({}, {"hits": 1})

    asyncio.run(story())


def test_the_newer_one_is_given(redis_server: RedisServer) -> None:
    """Where the own one's time is over another worker may have asked anew; where nobody has, the own one may still be stale."""

    async def story() -> None:
        clock = FakeClock()
        async with tiers(redis_server.url, clock, "one") as one, tiers(redis_server.url, clock, "two") as two:
            old = made(clock, b"old")
            await kept(one, old)
            assert await two[0].find(KEY, "m", TTL) == old
            clock.advance(TTL)
            assert await two[0].find(KEY, "m", TTL) == old
            new = made(clock, b"new")
            await kept(one, new)
            assert await two[0].find(KEY, "m", TTL) == new
            two[0].memory.forget()
            assert await two[0].find(KEY, "m", TTL) == new
            two[0].memory.put(KEY, newest := entry(b"newest", at=clock.now() + 1, until=clock.now() + 1000))
            clock.advance(TTL + 1)
            assert await two[0].find(KEY, "m", TTL) == newest

    asyncio.run(story())


def test_what_is_of_no_use_any_more(redis_server: RedisServer) -> None:
    """An answer whose time is over by this worker's clock is none, though Redis still has it."""

    async def story() -> None:
        clock = FakeClock()
        async with tiers(redis_server.url, clock, "one") as one, tiers(redis_server.url, clock, "two") as two:
            await kept(one, made(clock, b"old"))
            clock.advance(1000)
            assert await two[0].find(KEY, "m", TTL) is None
            assert two[1].counted() == {"hits": 1}
            assert len(two[0].memory) == 0

    asyncio.run(story())


def test_both_are_cleared(redis_server: RedisServer) -> None:
    """By one call: what was put up to this moment is found nowhere, however it was limited; what was not meant is."""

    async def story() -> None:
        clock = FakeClock()
        async with tiers(redis_server.url, clock, "one") as one, tiers(redis_server.url, clock, "two") as two:
            answers = two[0]
            await kept(one, made(clock, b"a"))
            assert answers.clear("n") == 0
            assert answers.clear(before=clock.now()) == 0
            assert await answers.find(KEY, "m", TTL) is not None
            assert answers.clear("m") == 1
            assert await answers.find(KEY, "m", TTL) is None
            clock.advance(1)
            await kept(one, made(clock, b"b"))
            assert await answers.find(KEY, "m", TTL) is not None
            assert answers.clear(before=clock.now() + 1e9) == 1
            assert await answers.find(KEY, "m", TTL) is None
            clock.advance(1)
            await kept(one, made(clock, b"c"))
            assert await answers.find(KEY, "m", TTL) is not None

    asyncio.run(story())
