"""Redis that is gone, slow, full, read only, or none: a miss, and never an error."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from cache.redis_support import USUAL, Worker, pretender, proxy, worker
from limits.redis_support import until
from llm_gateway.cache.redis_breaker import FAILURES, PAUSE
from servers import RedisServer, free_port

OTHER = bytes(24)
PATIENT = 40.0
"""Seconds: the connection is not given up in a test that looks at what comes before that."""


async def _written(one: Worker) -> None:
    await until(lambda: not len(one.far.writes))


def test_gone_from_the_start_and_there_later(redis_server: RedisServer) -> None:
    """It starts without Redis, says so, and finds answers once it is there."""

    async def story() -> None:
        redis_server.stop()
        async with worker(redis_server.url) as one:
            assert await one.found() is None
            one.kept()
            assert one.counted() == {"skipped": 1, "dropped": 1}
            assert one.log == ["cache_redis_away"]
            await asyncio.to_thread(redis_server.start)
            await until(lambda: one.far.link.up)
            made = one.kept()
            await _written(one)
            assert await one.found() == made
            assert one.log == ["cache_redis_away", "cache_redis_back"]

    asyncio.run(story())


def test_killed_and_started_again_under_load(redis_server: RedisServer) -> None:
    """Lookups and answers go on all the time: each is what was put, or none, and when Redis is back they are found again."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            ending = asyncio.Event()

            async def caller(who: int) -> None:
                for turn in itertools.count():
                    key = bytes([who, turn % 250]) * 12
                    one.kept(key * 100, key)
                    found = await one.found(key)
                    assert found is None or found.body == key * 100
                    await asyncio.sleep(0.001)
                    if ending.is_set():
                        return

            callers = [asyncio.ensure_future(caller(who)) for who in range(8)]
            await until(lambda: one.far.hits > 50)
            await asyncio.to_thread(redis_server.stop)
            await until(lambda: one.far.skipped > 50)
            await asyncio.to_thread(redis_server.start)
            hits = one.far.hits
            await until(lambda: one.far.hits > hits + 50)
            ending.set()
            await asyncio.gather(*callers)
            assert one.far.damaged == 0
            assert one.log[:3] == ["cache_redis_back", "cache_redis_away", "cache_redis_back"]

    asyncio.run(story())


def test_hangs(redis_server: RedisServer) -> None:
    """A request waits for its short time and not for Redis's long one; after some no request waits at all, until one finds it well."""

    async def story() -> None:
        async with worker(redis_server.url, timeout=PATIENT) as one:
            made = one.kept()
            await _written(one)
            redis_server.pause()
            for _ in range(FAILURES + 20):
                assert await one.found() is None
            assert one.counted() == {"failures": FAILURES, "skipped": 20}
            assert one.far.link.up
            redis_server.go_on()
            assert await one.found() is None  # still in the pause
            one.clock.advance(PAUSE)
            assert await one.found() == made
            assert await one.found() == made

    asyncio.run(story())


def test_given_up_by_its_connection(redis_server: RedisServer) -> None:
    """After `redis.timeout` it is away, and that is known without asking, until it answers again."""

    async def story() -> None:
        async with worker(redis_server.url, timeout=0.1) as one:
            made = one.kept()
            await _written(one)
            redis_server.pause()
            assert await one.found() is None
            await until(lambda: not one.far.link.up)
            assert await one.found() is None
            one.kept(key=OTHER)
            assert one.counted() == {"failures": 1, "skipped": 1, "dropped": 1}
            redis_server.go_on()
            await until(lambda: one.far.link.up)
            assert await one.found() == made

    asyncio.run(story())


def test_late_replies_are_nobody_elses(redis_server: RedisServer) -> None:
    """What comes after a request stopped waiting belongs to that request: the next one gets its own answer."""

    async def story() -> None:
        async with proxy(redis_server) as way, worker(way.url, timeout=PATIENT) as one:
            first, second = one.kept(b"first"), one.kept(b"second", OTHER)
            await _written(one)
            way.stalls = True
            assert await asyncio.gather(one.found(), one.found(OTHER)) == [None, None]
            way.go_on()
            assert [await one.found(OTHER), await one.found()] == [second, first]
            assert one.counted() == {"hits": 2, "failures": 2}

    asyncio.run(story())


def test_caller_that_leaves(redis_server: RedisServer) -> None:
    """A lookup that is cancelled leaves nothing behind that others could stumble over."""

    async def story() -> None:
        async with proxy(redis_server) as way, worker(way.url, timeout=PATIENT) as one:
            made = one.kept()
            await _written(one)
            way.stalls = True
            leaving = asyncio.ensure_future(one.found(OTHER))
            await asyncio.sleep(0)
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
            way.go_on()
            assert await one.found() == made

    asyncio.run(story())


def test_full(redis_server: RedisServer) -> None:
    """Redis that takes nothing more is soon not sent answers any more, what it has is found, and when there is room it goes on."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            made = one.kept()
            await _written(one)
            redis_server.command("CONFIG", "SET", "maxmemory", "1")
            sealed: list[bytes] = []
            seal = one.far.writes._seal
            one.far.writes._seal = lambda key, entry: sealed.append(key) or seal(key, entry)  # type: ignore[func-returns-value]
            try:
                for count in range(1, FAILURES + 3):
                    one.kept(key=OTHER)
                    await until(lambda count=count: one.far.dropped == count and not len(one.far.writes))
                assert len(sealed) == FAILURES
                assert await one.found() == made
                assert await one.found(OTHER) is None
            finally:
                redis_server.command("CONFIG", "SET", "maxmemory", "0")
            one.clock.advance(PAUSE)
            one.kept(key=OTHER)
            await _written(one)
            assert await one.found(OTHER) is not None

    asyncio.run(story())


def test_written_again_when_it_is_there_anew(redis_server: RedisServer) -> None:
    """A Redis that took nothing and was replaced is not left alone any longer."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            redis_server.command("CONFIG", "SET", "maxmemory", "1")
            for count in range(1, FAILURES + 1):
                one.kept()
                await until(lambda count=count: one.far.dropped == count and not len(one.far.writes))
            await asyncio.to_thread(redis_server.stop)
            await until(lambda: not one.far.link.up)
            await asyncio.to_thread(redis_server.start)
            await until(lambda: one.far.link.up)
            made = one.kept()
            await _written(one)
            assert await one.found() == made

    asyncio.run(story())


def test_answers_leave_room_for_counters(redis_server: RedisServer) -> None:
    """Where Redis evicts nothing, answers stop before it is full: the counters of limits need the rest."""

    async def story() -> None:
        async with worker(redis_server.url, beats=0.02) as one:
            facts = redis_server.command("INFO", "memory")
            assert isinstance(facts, bytes)
            used = int(facts.partition(b"used_memory:")[2].partition(b"\r")[0])
            redis_server.command("CONFIG", "SET", "maxmemory", str(int(used * 1.2)))
            try:
                await until(lambda: one.far.writes.full)
                one.kept()
                assert one.counted() == {"dropped": 1}
                assert redis_server.command("SET", "a-counter", "1") == b"OK"
                redis_server.command("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
                await until(lambda: not one.far.writes.full)
            finally:
                redis_server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
                redis_server.command("CONFIG", "SET", "maxmemory", "0")
            assert one.log == ["cache_redis_back", "cache_redis_full"]

    asyncio.run(story())


def test_read_only(redis_server: RedisServer) -> None:
    """A replica finds and takes nothing; what is cleared meanwhile it is told as soon as it can be."""

    async def story() -> None:
        async with worker(redis_server.url, beats=0.02) as one:
            made = one.kept()
            await _written(one)
            redis_server.command("REPLICAOF", "127.0.0.1", str(free_port()))
            try:
                one.kept(key=OTHER)
                await until(lambda: one.far.dropped == 1)
                assert await one.found() == made
                one.far.clear("m", one.clock.now() + 1)
                assert await one.found() is None
            finally:
                redis_server.command("REPLICAOF", "NO", "ONE")
            await until(lambda: redis_server.command("HEXISTS", "llm-gateway:cache:epochs", "m") == 1)

    asyncio.run(story())


def test_cleared_while_it_is_away(redis_server: RedisServer) -> None:
    """It is told when it is back, before anything is looked up."""

    async def story() -> None:
        async with (
            worker(redis_server.url, timeout=0.1, beats=60.0) as one,
            worker(redis_server.url, "two", timeout=0.1, beats=60.0) as two,
        ):
            one.kept()
            await _written(one)
            redis_server.pause()
            assert [await one.found(), await two.found()] == [None, None]
            await until(lambda: not one.far.link.up and not two.far.link.up)
            one.far.clear(None, one.clock.now() + 1)
            redis_server.go_on()
            await until(lambda: one.far.link.up and two.far.link.up)
            await until(lambda: redis_server.command("HEXISTS", "llm-gateway:cache:epochs", "") == 1)
            assert await two.found() is None
            assert two.far.hits == 0

    asyncio.run(story())


def test_bad_credentials() -> None:
    """Redis that lets nobody in is as none; the log says so, without the password."""

    async def story() -> None:
        async with (
            pretender(lambda words: b"-WRONGPASS no\r\n") as url,
            worker(url.replace("//", "//:hunter2@")) as one,
        ):
            assert one.log == ["cache_redis_away"]
            assert one.far.link.why == "AUTH was refused (WRONGPASS)"
            assert await one.found() is None

    asyncio.run(story())


@pytest.mark.parametrize(
    "reply",
    [
        b"+OK\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b":5\r\n",
        b"$-1\r\n",
        b"-ERR no\r\n",
        b"*2\r\n:1\r\n$1\r\na\r\n",
        b"_\r\n",
        b"%1\r\n+a\r\n:1\r\n",
    ],
)
def test_replies_of_another_kind(reply: bytes) -> None:
    """Whatever a server answers instead of times and an answer, it is nothing found."""

    async def story() -> None:
        async with pretender(lambda words: USUAL.get(words[0], reply)) as url, worker(url) as one:
            assert await one.found() is None
            assert one.counted() == {"failures": 1}
            one.kept()
            await _written(one)

    asyncio.run(story())


@pytest.mark.parametrize(
    "reply",
    [b"HTTP/1.1 400 no\r\n\r\n", b"*4000000000\r\n", b"%1\r\n*1\r\n:1\r\n:2\r\n", b"*1\r\n" * 100, b"", b"+OK\r\n" * 3],
    ids=["http", "many", "unhashable", "deep", "silence", "too many"],
)
def test_no_protocol(reply: bytes) -> None:
    """What does not speak it, or stops in the middle, is a miss too, and is not believed what it says next."""

    async def story() -> None:
        async with pretender(lambda words: USUAL.get(words[0], reply)) as url, worker(url, timeout=0.1) as one:
            assert await one.found() is None
            await until(lambda: "cache_redis_away" in one.log)
            assert one.counted() == {"failures": 1}

    asyncio.run(story())


@pytest.mark.parametrize("begin", [b"$4000000000\r\n", b"*4000000\r\n"], ids=["one", "many"])
def test_a_reply_without_end(begin: bytes) -> None:
    """The connection is given up when a reply is larger than any answer: it cannot fill the memory."""

    def answer(words: list[bytes]) -> bytes:
        return USUAL.get(words[0]) or begin + b"$1\r\na\r\n" * (20 << 17)

    async def story() -> None:
        async with pretender(answer) as url, worker(url, timeout=PATIENT) as one:
            assert await one.found() is None
            await until(lambda: not one.far.link.up)
            assert one.far.link.why == "its answer is too large"

    asyncio.run(story())
