"""The book in Redis, when Redis forgets, hangs, is gone or refuses."""

from __future__ import annotations

import asyncio
import math

import pytest

from limits.redis_support import BUDGET, CLOCK, PLACES, RATE, TOKENS, book, make, run, settle, take, told, until
from llm_gateway.limits.meter import Meter, StoreDown
from llm_gateway.redis.owner import Unfit
from servers import RedisServer


def test_scripts_flushed(redis_server: RedisServer) -> None:
    """Redis that lost its scripts (a flush, a failover) is given them again, and nothing is lost or doubled."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            for turn in range(50):
                if turn % 7 == 0:
                    redis_server.command("SCRIPT", "FLUSH")
                taken = await asyncio.gather(*(take(one, f"{turn}-{i}", (BUDGET, 1)) for i in range(3)))
                assert all(each.refused == -1 for each in taken)
                if turn % 5 == 0:
                    redis_server.command("SCRIPT", "FLUSH")
                for i in range(3):
                    settle(one, f"{turn}-{i}", (BUDGET, 2))
            await told(one)
            states = (await take(one, "end", (BUDGET, 1))).states
            assert (states[0].settled, states[0].reserved) == (300, 1)
            assert not one.degraded

    run(story)


def test_data_flushed(redis_server: RedisServer) -> None:
    """Redis that lost its data is told what workers saw of the budgets last: money that is spent stays spent."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            await take(one, "a", (BUDGET, 600))
            settle(one, "a", (BUDGET, 600))
            await told(one)
            redis_server.command("FLUSHALL")
            taken = await take(one, "b", (BUDGET, 500))
            assert taken.refused == 0
            assert taken.states[0].settled == 600

    run(story)


def test_restart_in_the_middle(redis_server: RedisServer) -> None:
    """Redis is killed under load and comes back empty: requests go on, and the budget counts what was used, exactly once."""
    much = Meter("tenant", "acme", "cost", 10**12, calendar="month")

    async def story() -> None:
        async with book(redis_server.url) as one:
            used = 0

            async def caller(who: int) -> None:
                nonlocal used
                for turn in range(120):
                    hold = f"{who}-{turn}"
                    assert (await take(one, hold, (much, 100), (Meter("key", "k", "concurrent", 1000), 1))).refused == -1
                    await asyncio.sleep(0.001)
                    settle(one, hold, (much, 70), (Meter("key", "k", "concurrent", 1000), 0))
                    used += 70

            callers = [asyncio.ensure_future(caller(who)) for who in range(10)]
            await asyncio.sleep(0.05)
            await asyncio.to_thread(redis_server.stop)
            await asyncio.gather(*callers)
            assert one.degraded
            await asyncio.to_thread(redis_server.start)
            await until(lambda: not one.degraded)
            await until(lambda: not one.apart)
            await told(one)
            states = (await take(one, "end", (much, 1), (Meter("key", "k", "concurrent", 1000), 1))).states
            assert states[0].settled <= used  # what nobody had seen when it died is the ledger's to tell
            assert states[0].settled >= used - 70 * 40
            assert (states[0].reserved, states[1].settled) == (1, 1)

    run(story)


def test_hangs(redis_server: RedisServer) -> None:
    """Redis that hangs costs a request its timeout once; then each worker goes by its share, and what was used is told afterwards:
    no place stays taken by those whose answers came too late."""

    async def story() -> None:
        async with book(redis_server.url, timeout=0.1, workers=2) as one:
            await take(one, "before", (BUDGET, 200), (PLACES, 1))
            settle(one, "before", (BUDGET, 200), (PLACES, 0))
            await told(one)
            running = await take(one, "running", (BUDGET, 100), (PLACES, 1))
            assert running.refused == -1
            redis_server.pause()
            loop = asyncio.get_running_loop()
            began = loop.time()
            assert (await take(one, "late", (BUDGET, 50), (PLACES, 1))).refused == -1
            assert 0.08 < loop.time() - began < 10  # and not until Redis goes on
            assert one.degraded
            took = []
            for _ in range(5):
                began = loop.time()
                refused = await take(one, "much", (BUDGET, 400))  # 1000 - 300 are left, of which one of two workers has half
                took.append(loop.time() - began)
                assert refused.refused == 0
            assert min(took) < 0.05
            settle(one, "late", (BUDGET, 60), (PLACES, 0))
            assert (await take(one, "stays", (BUDGET, 10), (PLACES, 1))).refused == -1
            await asyncio.sleep(1.9)
            redis_server.go_on()
            await until(lambda: not one.degraded)
            await told(one)
            states = (await take(one, "end", (BUDGET, 1))).states
            assert (states[0].settled, states[0].reserved) == (260, 111)
            settle(one, "stays", (BUDGET, 10), (PLACES, 0))
            settle(one, "running", (BUDGET, 90), (PLACES, 0))
            states = (await take(one, "end", (PLACES, 2), (BUDGET, 1))).states
            assert (states[0].settled, states[1].settled, states[1].reserved) == (2, 360, 2)

    run(story)


def test_short_hang_keeps_the_connection(redis_server: RedisServer) -> None:
    """Answers that come late are not lost: what they gave is given back, exactly, rates too."""

    async def story() -> None:
        async with book(redis_server.url, timeout=0.1) as one:
            await take(one, "x", (TOKENS, 1))
            redis_server.pause()
            assert (await take(one, "late", (TOKENS, 500), (PLACES, 1))).refused == -1
            settle(one, "late", (TOKENS, 100), (PLACES, 0))
            redis_server.go_on()
            await until(lambda: not one.degraded)
            await told(one)
            states = (await take(one, "end", (TOKENS, 1), (PLACES, 1))).states
            assert abs(states[0].settled - 102) <= 1
            assert states[1].settled == 1

    run(story)


def test_starts_without_redis(redis_server: RedisServer) -> None:
    """A worker starts and serves while Redis is down, and finds it when it comes (L#42653: never once at boot only)."""
    redis_server.stop()

    async def story() -> None:
        async with book(redis_server.url, workers=2) as one:
            assert one.degraded
            assert [(await take(one, f"h{i}", (RATE, 1))).refused for i in range(6)] == [-1] * 5 + [0]
            for i in range(5):
                settle(one, f"h{i}", (RATE, 1))
            await asyncio.to_thread(redis_server.start)
            await until(lambda: not one.degraded)
            await told(one)
            assert (await take(one, "end", (RATE, 1))).states[0].settled == 6

    run(story)


def test_policies(redis_server: RedisServer) -> None:
    """open refuses nothing, closed everything that is limited; what was used under open is told afterwards."""
    redis_server.stop()

    async def story() -> None:
        async with book(redis_server.url, policy="open") as one:
            for i in range(30):
                assert (await take(one, f"h{i}", (RATE, 1), (BUDGET, 100))).refused == -1
                settle(one, f"h{i}", (RATE, 1), (BUDGET, 50))
            await asyncio.to_thread(redis_server.start)
            await until(lambda: not one.degraded)
            await told(one)
            assert (await take(one, "end", (BUDGET, 1))).states[0].settled == 1500
        await asyncio.to_thread(redis_server.stop)
        async with book(redis_server.url, "other", policy="closed") as one:
            with pytest.raises(StoreDown, match="away"):
                await take(one, "h", (RATE, 1))

    run(story)


def test_partition(redis_server: RedisServer) -> None:
    """Two workers cut off from Redis together allow no more than the limit, and both tell what they allowed once it is back."""

    async def story() -> None:
        async with book(redis_server.url) as one, book(redis_server.url, "other") as other:
            await one.beat(one.link._ask)
            assert one.workers == other.workers == 2
            await asyncio.to_thread(redis_server.stop)
            await until(lambda: one.degraded and other.degraded)
            granted = 0
            for i in range(20):
                for each in (one, other):
                    if (await take(each, f"{id(each)}-{i}", (RATE, 1))).refused == -1:
                        granted += 1
                        settle(each, f"{id(each)}-{i}", (RATE, 1))
            assert granted == 10
            await asyncio.to_thread(redis_server.start)
            await until(lambda: not one.degraded and not other.degraded)
            await told(one)
            await told(other)
            assert (await take(one, "end", (RATE, 1))).refused == 0

    run(story)


def test_scripts_forbidden(redis_server: RedisServer) -> None:
    """A Redis or a proxy that lets no scripts through is refused loudly at the start, not used per worker in silence (L#32232)."""
    redis_server.command("ACL", "SETUSER", "plain", "on", ">pw", "~*", "+@all", "-eval", "-evalsha")
    redis_server.command("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@all", "-@write")

    async def story() -> None:
        for user, why in (
            ("plain", "EVAL does not work .NOPERM."),
            ("reader", "a script that writes"),
            ("nobody", "AUTH was refused"),
        ):
            made = make(redis_server.url.replace("://", f"://{user}:pw@"))
            with pytest.raises(Unfit, match=why):
                await made.start()

    run(story)


def test_redis_that_turns_read_only(redis_server: RedisServer) -> None:
    """Errors of a Redis that cannot write (a replica after a failover, no memory) count as away, until it can again."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            await take(one, "a", (BUDGET, 100))
            redis_server.command("REPLICAOF", "127.0.0.1", "1")
            taken = await take(one, "b", (BUDGET, 100))
            settle(one, "b", (BUDGET, 70))
            assert taken.refused == -1
            await until(lambda: one.degraded)
            settle(one, "a", (BUDGET, 30))
            redis_server.command("REPLICAOF", "NO", "ONE")
            await until(lambda: not one.degraded)
            await told(one)
            states = (await take(one, "end", (BUDGET, 1))).states
            assert (states[0].settled, states[0].reserved) == (100, 1)

    run(story)


def test_clock_set_back_gives_and_takes_nothing(redis_server: RedisServer) -> None:
    """C32: a rate whose last use lies in Redis's future stands still instead of refusing for an hour or filling up."""
    import struct

    async def story() -> None:
        async with book(redis_server.url) as one:
            later = (CLOCK.now() + 3600) * 1000
            redis_server.command("SET", b"llm-gateway:" + RATE.key.encode(), struct.pack("<dd", 8.0, later), "PX", 100000)
            taken = await take(one, "a", (RATE, 2))
            assert taken.refused == -1
            refused = await take(one, "b", (RATE, 1))
            assert refused.refused == 0
            assert math.isclose(refused.states[0].retry, 360, abs_tol=5)

    run(story)


def test_unix_socket_and_database(redis_server: RedisServer) -> None:
    """Redis is reached over a Unix socket too, and in the database that the address names."""

    async def story() -> None:
        async with book(f"unix://{redis_server.socket}?db=3") as one:
            assert (await take(one, "a", (RATE, 1))).refused == -1
        assert redis_server.command("DBSIZE") == 0

    run(story)


def test_after_a_loss_nobody_is_asked_before_all_have_told(redis_server: RedisServer) -> None:
    """Peers 4b: a worker that is the first to find an emptied Redis gives away no money that others hold: it goes by its own part
    for as long as they may need to come back, and what it gave meanwhile is Redis's to know afterwards.
    """
    budget = Meter("tenant", "acme", "cost", 1000, calendar="month")

    async def story() -> None:
        async with book(redis_server.url, "first") as first, book(redis_server.url, "second") as second:
            await until(lambda: second.workers == 2)
            await first.beat(first.link._ask)
            assert (await take(second, "held", (budget, 900))).refused == -1
            assert (await take(first, "look", (budget, 1))).states[0].reserved == 901
            await asyncio.to_thread(redis_server.stop)
            await until(lambda: first.degraded and second.degraded)
            await asyncio.to_thread(redis_server.start)
            await until(lambda: not first.degraded)
            assert first.apart
            assert (await take(first, "much", (budget, 500))).refused == 0
            assert (await take(first, "little", (budget, 20))).refused == -1
            await until(lambda: not first.apart and not second.apart, 20)
            await told(first)
            await told(second)
            assert (await take(first, "more", (budget, 100))).refused == 0
            states = (await take(second, "rest", (budget, 10))).states
            assert states[0].reserved == 900 + 1 + 20 + 10

    run(story)
