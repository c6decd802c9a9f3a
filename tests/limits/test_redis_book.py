"""The book on a real Redis: exact among workers."""

from __future__ import annotations

import asyncio
import multiprocessing
from typing import Any

from limits.redis_support import BUDGET, PLACES, RATE, TOKENS, book, run, settle, take, told
from llm_gateway.limits.meter import Meter
from servers import RedisServer


def test_takes_all_or_nothing(redis_server: RedisServer) -> None:
    """A refused charge leaves the others untaken, and says which one it was and how all of them stand."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            taken = await take(one, "a", (RATE, 1), (TOKENS, 400), (PLACES, 1), (BUDGET, 300))
            assert taken.refused == -1
            assert [(state.left, state.settled, state.reserved) for state in taken.states] == [
                (9, 1, 0),
                (600, 400, 0),
                (1, 1, 0),
                (700, 0, 300),
            ]
            refused = await take(one, "b", (RATE, 1), (TOKENS, 700), (PLACES, 1), (BUDGET, 300))
            assert refused.refused == 1
            assert 300 < refused.states[1].retry < 400
            again = await take(one, "c", (RATE, 1), (TOKENS, 600), (PLACES, 1), (BUDGET, 700))
            assert again.refused == -1

    run(story)


def test_settles_what_was_used(redis_server: RedisServer) -> None:
    """What was held is free again, and what was used stays: tokens, places and money alike."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            await take(one, "a", (TOKENS, 900), (PLACES, 2), (BUDGET, 900))
            settle(one, "a", (TOKENS, 100), (PLACES, 0), (BUDGET, 250))
            settle(one, "a", (TOKENS, 100), (PLACES, 0), (BUDGET, 250))
            taken = await take(one, "b", (TOKENS, 900), (PLACES, 2), (BUDGET, 750))
            assert taken.refused == -1
            assert (taken.states[2].settled, taken.states[2].reserved) == (250, 750)

    run(story)


def test_what_was_settled_before_counts_before(redis_server: RedisServer) -> None:
    """Who gives a place back and asks for one right after gets it: no request is refused for what is on its way."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            only = Meter("key", "k", "concurrent", 1)
            for turn in range(200):
                assert (await take(one, f"h{turn}", (only, 1))).refused == -1
                settle(one, f"h{turn}", (only, 0))

    run(story)


def test_charges_what_was_not_held(redis_server: RedisServer) -> None:
    """What a request used of a meter that it had not reserved is charged, once."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            settle(one, "x", (BUDGET, 40), (TOKENS, 7))
            settle(one, "x", (BUDGET, 40), (TOKENS, 7))
            await told(one)
            states = (await take(one, "b", (BUDGET, 1), (TOKENS, 1))).states
            assert (states[0].settled, states[1].settled) == (40, 8)

    run(story)


def test_second_take_adds(redis_server: RedisServer) -> None:
    """A top-up adds to what the hold has, and one settlement gives back all of it."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            await take(one, "a", (TOKENS, 100), (PLACES, 1), (BUDGET, 100))
            states = (await take(one, "a", (TOKENS, 200), (BUDGET, 200))).states
            assert (states[0].settled, states[1].reserved) == (300, 300)
            settle(one, "a", (TOKENS, 10), (PLACES, 0), (BUDGET, 10))
            states = (await take(one, "b", (TOKENS, 0), (PLACES, 1), (BUDGET, 0))).states
            assert (states[0].settled, states[1].settled, states[2].settled, states[2].reserved) == (10, 1, 10, 0)

    run(story)


def test_leases_end(redis_server: RedisServer) -> None:
    """What a worker held that died is free after its lease; what it then used counts once all the same."""

    async def story() -> None:
        async with book(redis_server.url) as one, book(redis_server.url, "other") as other:
            assert (await take(one, "a", (PLACES, 2), (BUDGET, 1000), lease=0.05)).refused == -1
            assert (await take(other, "b", (PLACES, 1), (BUDGET, 1))).refused != -1
            await asyncio.sleep(0.08)
            assert (await take(other, "b", (PLACES, 2), (BUDGET, 1))).refused == -1
            settle(one, "a", (PLACES, 0), (BUDGET, 500))
            await told(one)
            states = (await take(other, "c", (BUDGET, 1))).states
            assert (states[0].settled, states[0].reserved) == (500, 2)

    run(story)


def test_every_key_expires(redis_server: RedisServer) -> None:
    """Nothing stays in Redis for ever."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            await take(one, "a", (RATE, 1), (TOKENS, 100), (PLACES, 1), (BUDGET, 100))
            one.seed(BUDGET.key, 10, 1)
            settle(one, "a", (RATE, 1), (TOKENS, 50), (PLACES, 0), (BUDGET, 10))
            await take(one, "b", (PLACES, 1), (BUDGET, 100))
            await told(one)
            keys = redis_server.command("KEYS", "*")
            assert isinstance(keys, list)
            assert len(keys) >= 6
            assert all(int(str(redis_server.command("PTTL", key))) > 0 for key in keys)

    run(story)


def test_cancelled_waiting_leaves_nothing(redis_server: RedisServer) -> None:
    """A caller who leaves while Redis is asked for him holds nothing."""

    async def story() -> None:
        async with book(redis_server.url) as one:
            waiting = asyncio.ensure_future(take(one, "a", (TOKENS, 1000), (PLACES, 2), (BUDGET, 1000)))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await asyncio.sleep(0.02)
            await told(one)
            assert (await take(one, "b", (TOKENS, 1000), (PLACES, 2), (BUDGET, 1000))).refused == -1

    run(story)


def test_seeds_by_version(redis_server: RedisServer) -> None:
    """Many workers that seed a budget at once do not multiply it; an older figure never replaces a newer one (L#28247, #30460)."""

    async def story() -> None:
        async with book(redis_server.url) as one, book(redis_server.url, "other") as other:
            for _ in range(8):
                for each in (one, other):
                    each.know(BUDGET)
                    each.seed(BUDGET.key, 400, 7)
            await take(one, "a", (BUDGET, 1))
            other.seed(BUDGET.key, 300, 6)
            await asyncio.sleep(0.02)
            assert (await take(one, "b", (BUDGET, 1))).states[0].settled == 400
            other.seed(BUDGET.key, 390, 8)
            await asyncio.sleep(0.02)
            assert (await take(one, "c", (BUDGET, 1))).states[0].settled == 390

    run(story)


def test_thresholds_are_told_once(redis_server: RedisServer) -> None:
    """Of several workers the one that passes a budget's threshold tells of it."""
    heard: list[int] = []

    async def story() -> None:
        tell = lambda meter, spent, start, end: heard.append(spent)  # noqa: E731
        async with book(redis_server.url, tell=tell) as one, book(redis_server.url, "other", tell=tell) as other:
            for turn in range(10):
                each = one if turn % 2 else other
                await take(each, f"h{turn}", (BUDGET, 100))
                settle(each, f"h{turn}", (BUDGET, 100))
                await told(each)

    run(story)
    assert heard == [500, 1000]


def _worker(url: str, name: str, gate: Any, granted: Any) -> None:
    async def story() -> None:
        async with book(url, name, timeout=5.0) as one:
            await asyncio.get_running_loop().run_in_executor(None, gate.wait, 20)
            taken = await asyncio.gather(*(take(one, f"{name}-{i}", (RATE, 1), (BUDGET, 100)) for i in range(100)))
            granted.put(sum(one.refused == -1 for one in taken))

    asyncio.run(story())


def test_race_over_processes(redis_server: RedisServer) -> None:
    """C26, C27: 200 requests of two workers at once on a limit of 10 and a budget for 10: exactly 10 pass."""
    spawn = multiprocessing.get_context("spawn")
    gate, granted = spawn.Barrier(2), spawn.Queue()
    workers = [spawn.Process(target=_worker, args=(redis_server.url, f"w{i}", gate, granted)) for i in range(2)]
    for worker in workers:
        worker.start()
    counts = [granted.get(timeout=40) for _ in workers]
    for worker in workers:
        worker.join(20)
    assert sum(counts) == 10


# ---- Redis that forgets, hangs, is gone
