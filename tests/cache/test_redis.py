"""Answers that workers share in Redis: found, sealed, cleared."""

from __future__ import annotations

import asyncio

import pytest

from cache.answers import entry
from cache.redis_support import KEY, worker
from limits.redis_support import until
from llm_gateway.cache.redis import RedisAnswers
from llm_gateway.config.schema.limits import Redis
from llm_gateway.config.values import Secret
from llm_gateway.core.clock import FakeClock
from servers import RedisServer

NAME = f"llm-gateway:cache:{KEY.hex()}"
EPOCHS = "llm-gateway:cache:epochs"


def test_found_by_another_worker(redis_server: RedisServer) -> None:
    """What one puts the other finds, to the byte and with all that is known of it; what nobody put nobody finds."""

    async def story() -> None:
        async with worker(redis_server.url) as one, worker(redis_server.url, "two") as two:
            assert await two.found() is None
            made = one.kept(b'{"x":1}' * 500, stream=True, dropped=("a", "b"), estimated=True)
            await until(lambda: not len(one.far.writes))
            assert await two.found() == made
            assert await one.found(bytes(24)) is None
            assert two.counted() == {"hits": 1, "misses": 1}
            assert one.counted() == {"misses": 1}

    asyncio.run(story())


@pytest.mark.parametrize("size", [100, 5_000, 1 << 20, 3 << 20])
def test_sizes(redis_server: RedisServer, size: int) -> None:
    """Small and large ones; one above what is kept now is not found, and a worker that keeps larger ones finds it."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            one.far.configure(size)
            made = one.kept(b"x" * size)
            await until(lambda: not len(one.far.writes))
            assert await one.found() == made
            one.far.configure(size - 1)
            assert await one.found() is None
            assert one.counted() == {"hits": 1, "damaged": 1}

    asyncio.run(story())


def test_many_at_once(redis_server: RedisServer) -> None:
    """Each lookup of many gets its own answer, and Redis has them all though they were put at once."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            keys = [number.to_bytes(24, "big") for number in range(300)]
            for key in keys:
                one.kept(key * 20, key)
            await until(lambda: not len(one.far.writes))
            found = await asyncio.gather(*(one.found(key) for key in keys))
            assert [None if one is None else one.body for one in found] == [key * 20 for key in keys]
            assert one.counted() == {"hits": 300}

    asyncio.run(story())


def test_redis_forgets_it_when_its_time_is_over(redis_server: RedisServer) -> None:
    """Redis is told for how long it is of use; what is of none any more is not put."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            one.kept(seconds=300.0)
            one.kept(key=bytes(24), seconds=0.0)
            await until(lambda: not len(one.far.writes))
            assert one.counted() == {}
        left = redis_server.command("PTTL", NAME)
        assert isinstance(left, int)
        assert 250_000 < left <= 300_000
        assert redis_server.command("DBSIZE") == 1

    asyncio.run(story())


def test_nothing_can_be_read_there(redis_server: RedisServer) -> None:
    """Neither keys nor values tell anything of an answer: its text, its model, who served it, its dropped members."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            one.kept(b"a secret answer", asked="secret-alias", dropped=("secret-member",))
            one.kept(b"a secret answer" * 300, bytes(24), asked="secret-alias")
            await until(lambda: not len(one.far.writes))

    asyncio.run(story())
    keys = redis_server.command("KEYS", "*")
    assert isinstance(keys, list)
    assert len(keys) == 2
    for key in keys:
        value = redis_server.command("GET", key)
        assert isinstance(value, bytes)
        assert b"secret" not in key + value
        assert b"real" not in value


def test_another_pepper_finds_nothing(redis_server: RedisServer) -> None:
    """A node with another secret has a miss, and is no worse off than before."""

    async def story() -> None:
        async with worker(redis_server.url) as one, worker(redis_server.url, "two", secret=b"o" * 32) as other:
            one.kept()
            await until(lambda: not len(one.far.writes))
            assert await other.found() is None
            assert other.counted() == {"damaged": 1}
            assert await one.found() is not None

    asyncio.run(story())


@pytest.mark.parametrize("value", [b"x", b"\x01" * 100, b"\0" * (3 << 20), b'{"body": "a lie"}'], ids=["x", "1", "large", "json"])
def test_what_somebody_else_wrote(redis_server: RedisServer, value: bytes) -> None:
    """It is a miss, however large it is, and the connection stays as it is."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            redis_server.command("SET", NAME, value)
            assert [await one.found() for _ in range(10)] == [None] * 10
            assert one.counted() == {"damaged": 10}
            made = one.kept()
            await until(lambda: not len(one.far.writes))
            assert await one.found() == made
            assert one.log == ["cache_redis_back"]

    asyncio.run(story())


def test_moved_about_by_somebody(redis_server: RedisServer) -> None:
    """An answer that was copied to another key is not given for what is asked there."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            one.kept()
            await until(lambda: not len(one.far.writes))
            redis_server.command("COPY", NAME, f"llm-gateway:cache:{bytes(24).hex()}")
            assert await one.found(bytes(24)) is None
            assert one.counted() == {"damaged": 1}

    asyncio.run(story())


def test_wrong_kinds_of_values(redis_server: RedisServer) -> None:
    """A list where an answer should be, or a text where the times are: nothing is found, and answers that count no more stay so."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            redis_server.command("RPUSH", NAME, "x")
            assert await one.found() is None
            redis_server.command("DEL", NAME)
            one.kept()
            await until(lambda: not len(one.far.writes))
            redis_server.command("SET", EPOCHS, "x")
            assert await one.found() is None
            assert one.counted() == {"failures": 2}
            redis_server.command("DEL", EPOCHS)
            assert await one.found() is not None

    asyncio.run(story())


def test_cleared_for_all(redis_server: RedisServer) -> None:
    """What one clears nobody finds, though it still lies there: all, of one model, or older than some time; what comes later counts."""

    async def story() -> None:
        clock = FakeClock()
        async with worker(redis_server.url, clock=clock) as one, worker(redis_server.url, "two", clock=clock) as two:
            one.kept(key=b"1" * 24)
            one.kept(key=b"2" * 24, asked="n")
            clock.advance(10)
            one.kept(key=b"3" * 24)
            await until(lambda: not len(one.far.writes))

            async def found() -> list[bool]:
                models = {b"1" * 24: "m", b"2" * 24: "n", b"3" * 24: "m"}
                return [await two.found(key, model) is not None for key, model in models.items()]

            assert await found() == [True, True, True]
            one.far.clear("m", clock.now() - 5)
            assert await found() == [False, True, True]
            one.far.clear("n", clock.now() + 1)
            assert await found() == [False, False, True]
            one.far.clear(None, clock.now() + 1)
            assert await found() == [False, False, False]
            clock.advance(2)
            one.kept(key=b"1" * 24)
            await until(lambda: not len(one.far.writes))
            assert await found() == [True, False, False]
        assert redis_server.command("HLEN", EPOCHS) == 3

    asyncio.run(story())


def test_others_memory_is_cleared_too(redis_server: RedisServer) -> None:
    """What another node has in memory goes without a lookup: within a few seconds."""

    async def story() -> None:
        async with worker(redis_server.url) as one, worker(redis_server.url, "two", beats=0.02) as two:
            for key, model in ((b"1", "m"), (b"2", "n")):
                two.memory.put(key, entry(at=two.clock.now() - 1, until=two.clock.now() + 100, asked=model))
            one.far.clear("m", one.clock.now())
            await until(lambda: len(two.memory) == 1)
            one.far.clear(None, one.clock.now())
            await until(lambda: len(two.memory) == 0)

    asyncio.run(story())


def test_who_begins_later_knows_it(redis_server: RedisServer) -> None:
    """A worker that starts after it was cleared does not find it either, and later times of others do not take it back."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            one.kept()
            await until(lambda: not len(one.far.writes))
            one.far.clear(None, one.clock.now() + 1)
            one.far.clear(None, one.clock.now() - 100)
            assert await one.found() is None
        async with worker(redis_server.url, "two") as two:
            two.far.clear(None, two.clock.now() - 50)
            assert await two.found() is None
        assert redis_server.command("HGET", EPOCHS, "") == b"1700000001.0"

    asyncio.run(story())


def test_the_latest_time_holds(redis_server: RedisServer) -> None:
    """Who clears less, and has not heard yet that another cleared more, takes nothing of that back."""

    async def story() -> None:
        async with worker(redis_server.url) as one, worker(redis_server.url, "two") as two:
            late, early = one.clock.now() + 1, one.clock.now() - 50
            one.far.clear("m", late)
            await until(lambda: redis_server.command("HGET", EPOCHS, "m") == repr(late).encode())
            two.far.clear("m", early)
            two.far.clear("n", early)
            await until(lambda: redis_server.command("HGET", EPOCHS, "n") == repr(early).encode())
            assert redis_server.command("HGET", EPOCHS, "m") == repr(late).encode()

    asyncio.run(story())


def test_models_with_times_of_their_own_are_bounded(redis_server: RedisServer) -> None:
    """Redis keeps so many, and then one for all of them."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            words = [word for number in range(1000) for word in (f"m{number}", "5")]
            redis_server.command("HSET", EPOCHS, *words)
            one.kept(asked="n")
            await until(lambda: not len(one.far.writes))
            one.far.clear("o", one.clock.now() + 1)
            assert await one.found(model="n") is None
        assert redis_server.command("HLEN", EPOCHS) == 1001

    asyncio.run(story())


def test_settings_of_no_use() -> None:
    """They are refused when it is made, without what is secret in them."""
    with pytest.raises(ValueError, match="names no host") as told:
        RedisAnswers(
            Redis(url=Secret("redis://:hunter2@/0")),
            bytes(32),
            worker="w",
            forget=lambda *_: None,
            clock=FakeClock(),
            draw=lambda: 0.5,
            log=lambda *_, **__: None,
        )
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("model", ["\ud800", "m" * 300])
def test_strange_names(redis_server: RedisServer, model: str) -> None:
    """A name that is no text, or a very long one, is not shared, and does no harm."""

    async def story() -> None:
        async with worker(redis_server.url) as one:
            one.kept(asked=model)
            assert await one.found(model=model) is None
            one.far.clear(model, one.clock.now())
            one.kept(key=bytes(24))
            await until(lambda: not len(one.far.writes))
            assert await one.found(bytes(24)) is not None
        assert redis_server.command("EXISTS", NAME) == 0

    asyncio.run(story())
