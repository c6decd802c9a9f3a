"""Answers on their way to Redis."""

from __future__ import annotations

import asyncio
import os

import pytest

from cache.redis_support import KEY, proxy, worker
from limits.redis_support import until
from llm_gateway.cache import redis_writes
from servers import RedisServer


def test_what_waits_is_bounded(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many bytes fly and so many wait; what is too much is dropped at once, and all others get there."""
    monkeypatch.setattr(redis_writes, "MOST_FLYING", 20_000)
    monkeypatch.setattr(redis_writes, "MOST_WAITING", 50_000)

    async def story() -> None:
        async with proxy(redis_server) as way, worker(way.url, timeout=40.0) as one:
            way.stalls = True
            for number in range(100):
                one.kept(os.urandom(5000), number.to_bytes(24, "big"))
                await asyncio.sleep(0)
            assert 50_000 < len(one.far.writes) <= 20_000 + 5100 + 50_000
            dropped = one.far.dropped
            assert dropped > 80
            way.go_on()
            await until(lambda: not len(one.far.writes))
            assert one.far.dropped == dropped
            assert redis_server.command("DBSIZE") == 100 - dropped

    asyncio.run(story())


def test_what_waits_when_redis_goes(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not kept for later: it is in memory as well, and would only be in the way of what is newer."""
    monkeypatch.setattr(redis_writes, "MOST_FLYING", 1)

    async def story() -> None:
        async with proxy(redis_server) as way, worker(way.url, timeout=0.1) as one:
            way.stalls = True
            for number in range(10):
                one.kept(key=number.to_bytes(24, "big"))
            await until(lambda: not one.far.link.up)
            assert one.far.dropped == 9
            way.go_on()
            await until(lambda: one.far.link.up)
            await until(lambda: not len(one.far.writes))
            assert redis_server.command("DBSIZE") == 1

    asyncio.run(story())


def test_one_that_is_larger_than_the_bound(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written if it is alone, and not behind others."""
    monkeypatch.setattr(redis_writes, "MOST_WAITING", 1000)

    async def story() -> None:
        async with worker(redis_server.url) as one:
            one.kept(os.urandom(5000))
            one.kept(os.urandom(5000), bytes(24))
            await until(lambda: not len(one.far.writes))
            assert one.counted() == {"dropped": 1}
            assert await one.found(KEY) is not None

    asyncio.run(story())


def test_putting_costs_the_request_nothing(redis_server: RedisServer) -> None:
    """Nothing is sealed before the loop turns: the answer goes out first."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            sealed: list[bytes] = []
            seal = one.far.writes._seal
            one.far.writes._seal = lambda key, entry: sealed.append(key) or seal(key, entry)  # type: ignore[func-returns-value]
            one.kept(key=b"1" * 24)
            one.kept(key=b"2" * 24)
            assert sealed == []
            await asyncio.sleep(0)
            assert sealed == [b"1" * 24]
            await until(lambda: not len(one.far.writes))
            assert sealed == [b"1" * 24, b"2" * 24]

    asyncio.run(story())


def test_the_end_waits_for_what_was_put(redis_server: RedisServer) -> None:
    """A worker that ends leaves its last answers to the others; where Redis hangs it ends all the same."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            for number in range(50):
                one.kept(os.urandom(20_000), number.to_bytes(24, "big"))
        assert redis_server.command("DBSIZE") == 50
        async with proxy(redis_server) as way, worker(way.url, timeout=0.1) as one:
            way.stalls = True
            one.kept(key=bytes([9]) * 24)
        assert one.far.dropped == 1

    asyncio.run(story())


def test_a_name_that_is_no_text_is_no_obstacle(redis_server: RedisServer) -> None:
    """What cannot be sealed is dropped, and what waits behind it is written."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            one.kept(key=bytes(24), dropped=("\ud800",))
            one.kept()
            await until(lambda: not len(one.far.writes))
            assert one.counted() == {"dropped": 1}
            assert await one.found() is not None

    asyncio.run(story())
