"""Waiting for news of a deployment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from llm_gateway.resilience.verdicts import Verdicts


def run(test: Callable[[Verdicts], Awaitable[None]], most: int = 10) -> None:
    async def inside() -> None:
        verdicts = Verdicts(most)
        await test(verdicts)
        assert verdicts.waiting == {}

    asyncio.run(inside())


def waiters(verdicts: Verdicts, name: str, count: int, seconds: float = 5.0) -> list[asyncio.Task[bool]]:
    loop = asyncio.get_running_loop()
    return [loop.create_task(verdicts.wait(name, seconds)) for _ in range(count)]


def test_news_wakes_all_who_wait_for_it() -> None:
    """And nobody else."""

    async def test(verdicts: Verdicts) -> None:
        mine, other = waiters(verdicts, "a/x", 3), waiters(verdicts, "b/y", 1)
        await asyncio.sleep(0)
        verdicts.tell("a/x")
        assert await asyncio.gather(*mine) == [True] * 3
        assert not other[0].done()
        verdicts.tell("b/y")
        await other[0]

    run(test)


def test_one_is_woken_alone() -> None:
    """The one that waited longest."""

    async def test(verdicts: Verdicts) -> None:
        tasks = waiters(verdicts, "a/x", 2)
        await asyncio.sleep(0)
        verdicts.wake_one("a/x")
        await tasks[0]
        assert not tasks[1].done()
        verdicts.wake_one("a/x")
        await tasks[1]

    run(test)


def test_waiting_ends() -> None:
    """After the time given, when the caller leaves, and at once when too many wait."""

    async def test(verdicts: Verdicts) -> None:
        assert await verdicts.wait("a/x", 0.01)
        tasks = waiters(verdicts, "a/x", 2)
        await asyncio.sleep(0)
        assert not await verdicts.wait("a/x", 5.0)
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
        assert await verdicts.wait("a/x", 0.01)
        verdicts.tell("a/x")
        await tasks[1]

    run(test, most=2)


def test_somebody_is_woken() -> None:
    """One waiter, whatever he waits for; nobody is no mistake."""

    async def test(verdicts: Verdicts) -> None:
        verdicts.wake_any()
        first, second = waiters(verdicts, "a/x", 1), waiters(verdicts, "b/y", 1)
        await asyncio.sleep(0)
        verdicts.wake_any()
        assert await first[0]
        assert not second[0].done()
        verdicts.wake_any()
        assert await second[0]

    run(test)
