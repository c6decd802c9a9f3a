"""What waits for control."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from llm_gateway.channel.peer import Failed, Unanswered
from llm_gateway.core.clock import FakeClock
from llm_gateway.worker.handing import AT_ONCE, OLDEST, Handing
from serving import run, until


class Taker:
    """Control: takes what it is given, unless told otherwise."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.fails: Exception | None = None
        self.only: str | None = None
        self.hold = asyncio.Event()
        self.hold.set()
        self.busy = self.most = 0

    async def __call__(self, key, waiting):
        self.busy += 1
        self.most = max(self.most, self.busy)
        item = waiting.item
        await asyncio.sleep(0)
        await self.hold.wait()
        self.busy -= 1
        if self.fails is not None and self.only in (None, key):
            raise self.fails
        self.got.append((key, item))
        return True


@asynccontextmanager
async def handing(most: int = 1000):
    taker, clock, lines = Taker(), FakeClock(), []
    made = Handing(taker, clock, lambda level, event, **fields: lines.append((level, event, fields)), "things", most)
    made.taker, made.clock, made.lines = taker, clock, lines
    yield made
    taker.hold.set()
    taker.fails = None
    await made.close(1)
    assert (len(made), made.bytes) == (0, 0)


def test_it_is_handed_in_and_gone():
    """Readable while it waits; told when it was taken; several at once, and not more than a few."""

    async def test() -> None:
        async with handing() as made:
            waits = [made.add(f"k{number}", f"v{number}", 1) for number in range(3 * AT_ONCE)]
            assert (made.get("k1"), made.get("other"), len(made)) == ("v1", None, 3 * AT_ONCE)
            await asyncio.gather(*(wait.done.wait() for wait in waits))
            assert all(wait.taken for wait in waits)
            assert (len(made), made.bytes, made.get("k1")) == (0, 0, None)
            assert made.taker.got == [(f"k{number}", f"v{number}") for number in range(3 * AT_ONCE)]
            assert made.taker.most == AT_ONCE

    run(test)


def test_the_newest_of_a_key_is_the_last_that_is_handed_in():
    """Also where the one before was on its way already; its bytes are counted once."""

    async def test() -> None:
        async with handing() as made:
            made.taker.hold.clear()
            made.add("k", "old", 10)
            await until(lambda: made.taker.busy == 1)
            made.add("k", "newer", 20)
            newest = made.add("k", "newest", 30)
            assert made.bytes == 30
            made.taker.hold.set()
            await newest.done.wait()
            assert made.taker.got == [("k", "old"), ("k", "newest")]

    run(test)


def test_while_control_is_away_it_waits():
    """And is tried again and again; whoever cannot be handed in does not hold up the others; it is told in the log, once."""

    async def test() -> None:
        async with handing() as made:
            made.taker.fails = Unanswered("away")
            first = made.add("k1", "v", 1)
            await asyncio.sleep(0.1)
            assert not first.done.is_set()
            made.taker.fails, made.taker.only = Failed("busy", "no room"), "k1"
            others = [made.add(f"x{number}", "v", 1) for number in range(AT_ONCE)]
            await asyncio.gather(*(one.done.wait() for one in others))
            assert not first.done.is_set()
            made.taker.fails = None
            await first.done.wait()
            assert first.taken
            assert made.lines == []

    run(test)


def test_what_is_refused_for_good_is_lost_and_told():
    """Asking again would not help."""

    async def test() -> None:
        async with handing() as made:
            made.taker.fails = Failed("bug", "put failed: KeyError")
            wait = made.add("k", "v", 1)
            await wait.done.wait()
            assert (wait.taken, made.lost) == (False, 1)
            assert made.lines == [("error", "not_kept", {"what": "things", "number": 1, "why": "put failed: KeyError"})]
            made.taker.fails = ZeroDivisionError()
            wait = made.add("k", "v", 1)
            await wait.done.wait()
            assert (wait.taken, made.lost) == (False, 2)

    run(test)


def test_it_is_bounded():
    """In bytes and in time."""

    async def test() -> None:
        async with handing(most=100) as made:
            made.taker.fails = Unanswered("away")
            old = made.add("k1", "v", 60)
            assert made.add("k2", "v", 41) is None
            assert made.add("k1", "v2", 100) is not None
            assert old.done.is_set()
            made.clock.advance(OLDEST + 1)
            await until(lambda: len(made) == 0)
            assert made.lost == 2

    run(test)


def test_withdrawn():
    """It is not handed in any more, and what was on its way has arrived, so that what is asked for next comes after it."""

    async def test() -> None:
        async with handing() as made:
            made.taker.hold.clear()
            made.add("k", "v", 1)
            await until(lambda: made.taker.busy == 1)
            withdrawing = asyncio.create_task(made.withdraw("k"))
            await asyncio.sleep(0.01)
            assert made.get("k") is None
            assert not withdrawing.done()
            made.taker.hold.set()
            assert await withdrawing
            assert made.taker.got == [("k", "v")]
            assert not await made.withdraw("k")

    run(test)


def test_settled():
    """Somebody asks for it: it does not wait for its turn, and whoever asks not for longer than he likes."""

    async def test() -> None:
        async with handing() as made:
            assert not await made.settle(["k"], 1)
            made.taker.fails = Unanswered("away")
            made.add("k", "v", 1)
            for _ in range(3):
                assert await made.settle(["k", "other"], 0.01)
            await asyncio.sleep(0.4)
            made.taker.fails = None
            begun = asyncio.get_running_loop().time()
            assert await made.settle(["k"], 1)
            assert made.taker.got == [("k", "v")]
            assert asyncio.get_running_loop().time() - begun < 0.8

    run(test)


def test_at_the_end():
    """What can be handed in is; what cannot is counted in the log."""

    async def test() -> None:
        async with handing() as made:
            made.add("k", "v", 1)
            await made.close(1)
            assert made.taker.got == [("k", "v")]
            made.taker.fails = Unanswered("away")
            made.add("k", "v", 1)
            await made.close(0.05)
            assert made.lines[-1][1:] == (
                "not_kept",
                {"what": "things", "number": 1, "why": "control is away, and the worker ends"},
            )
            await made.withdraw("k")

    run(test)
