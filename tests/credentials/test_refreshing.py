"""Values that expire: who fetches, when, and what happens when a fetch fails."""

from __future__ import annotations

import asyncio

import pytest

from credentials.expiring import Source, world
from credentials.support import Lines, turns
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import CredentialsUnavailable
from llm_gateway.credentials.refreshing import AGAIN, Fetched, Refreshing, Unavailable
from serving import run


def test_a_hundred_requests_make_one_fetch():
    """Single-flight: whoever comes while one is under way waits for it."""

    async def test() -> None:
        async with world() as w:
            w.source.gate.clear()
            waiting = [asyncio.ensure_future(w.held.ready(1)) for _ in range(100)]
            await turns()
            assert not any(one.done() for one in waiting)
            w.source.gate.set()
            await asyncio.gather(*waiting)
            await turns()
            assert (w.source.calls, w.held.current()) == (1, "1")

    run(test)


def test_who_leaves_does_not_take_the_fetch_along():
    """A cancelled request leaves the others' fetch alone."""

    async def test() -> None:
        async with world() as w:
            w.source.gate.clear()
            leaver, stayer = asyncio.ensure_future(w.held.ready(1)), asyncio.ensure_future(w.held.ready(1))
            await turns()
            leaver.cancel()
            await turns()
            w.source.gate.set()
            await stayer
            assert (w.source.calls, w.held.current()) == (1, "1")

    run(test)


def test_it_is_replaced_ahead_of_its_end():
    """Five minutes before the hour is over, with nobody asking; the old one is used until the new one is there."""

    async def test() -> None:
        async with world() as w:
            w.held.start()
            await turns()
            await w.pass_time(3299)
            assert w.source.calls == 1
            w.source.gate.clear()
            await w.pass_time(2)
            assert (w.source.calls, w.held.current()) == (2, "1")
            w.source.gate.set()
            await turns()
            assert w.held.current() == "2"

    run(test)


def test_gateways_that_started_together_do_not_ask_together():
    """The last fifth of a life, and up to half of that before: when exactly is drawn."""

    async def test() -> None:
        for draw, due in ((0.0, 800), (0.5, 750), (1.0, 700)):
            clock, source = FakeClock(), Source(1000.0)
            held: Refreshing[str] = Refreshing(source, clock, lambda draw=draw: draw, Lines())
            await held.ready(1)
            for seconds, calls in ((due - 1, 1), (2, 2)):
                clock.advance(seconds)
                held.wake()
                await turns()
                assert source.calls == calls
            await held.close()

    run(test)


@pytest.mark.parametrize("lifetime", [1.0, 10.0, 290.0])
def test_a_short_life_is_no_endless_loop(lifetime):
    """A metadata server hands out the same token until shortly before its end: it is not asked without pause."""

    async def test() -> None:
        async with world(lifetime) as w:
            w.held.start()
            await turns()
            await w.pass_time(lifetime * 0.4)
            assert (w.source.calls, w.held.current()) == (1, "1")
            await w.pass_time(lifetime * 0.45)
            assert (w.source.calls, w.held.current()) == (2, "2")

    run(test)


def test_what_does_not_expire_is_read_again():
    """A file may have changed."""

    async def test() -> None:
        async with world(None) as w:
            await w.held.ready(1)
            await w.pass_time(AGAIN - 1)
            assert w.source.calls == 1
            await w.pass_time(1)
            assert w.held.current() == "2"
            w.source.fails = Unavailable("no")
            await w.pass_time(AGAIN)
            assert w.held.current() == "2"
            assert w.log.all[-1][2]["usable_seconds"] is None

    run(test)


def test_closing_ends_the_task_and_whoever_waits():
    """The gateway ends at once; the value that is there stays."""

    async def test() -> None:
        async with world() as w:
            await w.held.ready(1)
            await w.held.close()
            assert w.held.current() == "1"
        async with world() as w:
            w.source.gate.clear()
            waiting = asyncio.ensure_future(w.held.ready(5))
            await turns()
            await w.held.close()
            with pytest.raises(CredentialsUnavailable):
                await waiting
            await w.held.close()
            with pytest.raises(CredentialsUnavailable, match="another configuration"):
                await w.held.ready(1)

    run(test)


def test_values_do_not_show():
    """Neither what was fetched nor its holder says what it is."""
    assert "SECRET" not in repr(Fetched("SECRET", 1.0))
