"""The store beside an event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from llm_gateway.store import marks
from llm_gateway.store.errors import StoreUnavailable
from llm_gateway.store.threads import Threads


def run(store, work, **options):
    async def inside():
        threads = Threads(store, **options)
        try:
            return await work(threads)
        finally:
            await asyncio.to_thread(threads.close)

    return asyncio.run(inside())


def test_many_at_once_are_all_done(store):
    """Reads and writes side by side; each write is there."""

    async def work(threads):
        counted = await asyncio.gather(*(threads.write(lambda c: marks.count(c, "x")) for _ in range(50)))
        read = await asyncio.gather(*(threads.read(lambda c: marks.get(c, "x")) for _ in range(50)))
        return sorted(counted), set(read)

    assert run(store, work) == (list(range(1, 51)), {50})


def test_errors_come_to_who_asked(store):
    """Ours as ours, the work's own as they are."""

    async def work(threads):
        with pytest.raises(ZeroDivisionError):
            await threads.read(lambda _: 1 // 0)
        with pytest.raises(StoreUnavailable):
            await threads.read(lambda c: marks.put(c, "x", 1))

    run(store, work)


def test_the_loop_goes_on_and_too_many_are_refused(store):
    """A slow transaction blocks nobody but those that need its thread; beyond the bound an error comes at once."""
    go = threading.Event()

    async def work(threads):
        slow = [asyncio.ensure_future(threads.write(lambda _: go.wait(5))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="3 transactions wait"):
            await threads.read(lambda c: marks.get(c, "x"))
        go.set()
        await asyncio.gather(*slow)
        return await threads.read(lambda c: marks.get(c, "x"))

    assert run(store, work, most_waiting=3) == 0


def test_what_is_cancelled_before_its_turn_never_runs(store):
    """Whoever no longer waits changes nothing."""
    go, inside = threading.Event(), threading.Event()

    def block(_connection):
        inside.set()
        go.wait(5)

    async def work(threads):
        first = [asyncio.ensure_future(threads.write(block)) for _ in range(store.readers)]
        await asyncio.to_thread(inside.wait, 5)
        late = asyncio.ensure_future(threads.write(lambda c: marks.count(c, "x")))
        await asyncio.sleep(0)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        go.set()
        await asyncio.gather(*first)
        return await threads.read(lambda c: marks.get(c, "x"))

    assert run(store, work) == 0
