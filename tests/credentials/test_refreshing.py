"""Values that expire: who fetches, when, and what happens when a fetch fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import nan

import pytest

from credentials.support import Lines, turns
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import CredentialsUnavailable
from llm_gateway.credentials.refreshing import AGAIN, Fetched, Refreshing, Unavailable
from serving import run


class Source:
    """Gives "1", "2", ...; fails while `fails` is set; waits while `gate` is closed."""

    def __init__(self, lifetime: float | None = 3600.0) -> None:
        self.calls = 0
        self.lifetime = lifetime
        self.fails: BaseException | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> Fetched[str]:
        self.calls += 1
        call = self.calls
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        return Fetched(str(call), self.lifetime)


class World:
    def __init__(self, lifetime: float | None, fetch_seconds: float) -> None:
        self.clock = FakeClock()
        self.source = Source(lifetime)
        self.log = Lines()
        self.held: Refreshing[str] = Refreshing(
            self.source, self.clock, lambda: 0.0, self.log, name="cloud", fetch_seconds=fetch_seconds
        )

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.held.wake()
        await turns()


@asynccontextmanager
async def world(lifetime: float | None = 3600.0, fetch_seconds: float = 20.0) -> AsyncIterator[World]:
    made = World(lifetime, fetch_seconds)
    try:
        yield made
    finally:
        await made.held.close()


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


def test_the_old_one_serves_while_refreshing_fails():
    """Until it really expires; then the reason is told, and the next success is logged."""

    async def test() -> None:
        async with world() as w:
            await w.held.ready(1)
            w.source.fails = Unavailable("the token endpoint cannot be reached")
            for _ in range(5):
                await w.pass_time(3300 / 5 + 1)
            failed = w.source.calls - 1
            assert failed >= 1
            assert w.held.current() == "1"
            await w.pass_time(300)
            assert w.held.current() is None
            with pytest.raises(CredentialsUnavailable, match="the token endpoint cannot be reached"):
                await w.held.ready(1)
            w.source.fails = None
            await w.pass_time(2)
            await w.held.ready(1)
            assert w.held.current() is not None
            assert w.log.events()[-1] == "credentials_recovered"
            assert w.log.all[0][2] == {"provider": "cloud", "why": "the token endpoint cannot be reached", "usable_seconds": 290}

    run(test)


def test_failures_are_repeated_ever_more_slowly():
    """1, 2, 5, 10, 30 and 60 seconds (less a quarter here), not at each tick."""

    async def test() -> None:
        async with world() as w:
            w.source.fails = Unavailable("no")
            w.held.start()
            await turns()
            moments = []
            for second in range(200):
                before = w.source.calls
                await w.pass_time(1)
                if w.source.calls > before:
                    moments.append(second + 1)
            assert moments[:6] == [1, 3, 7, 15, 38, 83]
            assert 2 <= len(w.log.all) <= 4  # a line a minute

    run(test)


def test_a_failure_is_not_asked_for_again_at_once():
    """A crowd of requests cannot hammer a token endpoint that is down: one fetch a second at most."""

    async def test() -> None:
        async with world() as w:
            w.source.fails = Unavailable("no")
            for _ in range(50):
                with pytest.raises(CredentialsUnavailable):
                    await w.held.ready(1)
            assert w.source.calls == 1
            w.clock.advance(1.5)
            with pytest.raises(CredentialsUnavailable):
                await w.held.ready(1)
            assert w.source.calls <= 3  # the request's, and the one that was due by then

    run(test)


def test_a_request_waits_only_so_long():
    """The fetch goes on without it."""

    async def test() -> None:
        async with world() as w:
            w.source.gate.clear()
            with pytest.raises(CredentialsUnavailable, match="in time") as caught:
                await w.held.ready(0.02)
            assert (caught.value.sent, caught.value.retryable, caught.value.elsewhere_only) == (False, True, True)
            w.source.gate.set()
            await turns()
            assert w.held.current() == "1"

    run(test)


def test_a_fetch_takes_only_so_long():
    """One that hangs is given up, and counts as failed."""

    async def test() -> None:
        async with world(fetch_seconds=0.02) as w:
            w.source.gate.clear()
            with pytest.raises(CredentialsUnavailable, match="could not be fetched in time"):
                await w.held.ready(1)

    run(test)


def test_a_bug_does_not_end_the_task():
    """Whatever a fetch raises is a failure like others, and its text, which could quote an answer, is not shown."""

    async def test() -> None:
        async with world() as w:
            w.source.fails = KeyError("SECRET")
            with pytest.raises(CredentialsUnavailable, match="KeyError") as caught:
                await w.held.ready(1)
            assert "SECRET" not in str(caught.value)
            w.source.fails = None
            await w.pass_time(2)
            assert w.held.current() is not None

    run(test)


@pytest.mark.parametrize("lifetime", [-5.0, 0.0, nan])
def test_what_has_expired_already_is_a_failure(lifetime):
    """A wrong clock, here or there: said so, and not asked for without end; the next fetch may bring something."""

    async def test() -> None:
        async with world(lifetime) as w:
            with pytest.raises(CredentialsUnavailable, match="clock"):
                await w.held.ready(1)
            await turns(100)
            assert w.source.calls == 1
            w.source.lifetime = 3600.0
            await w.pass_time(60)
            assert w.held.current() == "2"

    run(test)


def test_a_clock_that_jumps_ahead():
    """It may have slept for hours: a new one is fetched first; if that fails, the monotonic clock decides."""

    async def test() -> None:
        async with world() as w:
            await w.held.ready(1)
            w.clock.jump(86_400)
            assert w.held.current() is None
            await w.held.ready(1)
            assert w.held.current() == "2"
            w.source.fails = Unavailable("no")
            w.clock.jump(86_400)
            await w.held.ready(1)
            assert w.held.current() == "2"
            await turns(100)
            assert w.source.calls == 3

    run(test)


def test_a_clock_that_jumps_back():
    """Nobody uses a token for longer than it lives."""

    async def test() -> None:
        async with world() as w:
            await w.held.ready(1)
            w.clock.jump(-86_400)
            assert w.held.current() == "1"
            w.clock.advance(3600)
            assert w.held.current() is None

    run(test)


def test_a_refusal_fetches_early_and_seldom():
    """The provider's 401: at once, but once a minute at most, and the old one stays meanwhile."""

    async def test() -> None:
        async with world() as w:
            await w.held.ready(1)
            w.source.gate.clear()
            w.held.stale()
            await turns()
            assert (w.source.calls, w.held.current()) == (2, "1")
            w.source.gate.set()
            await turns()
            for _ in range(20):
                w.held.stale()
                await turns()
            assert (w.source.calls, w.held.current()) == (2, "2")
            await w.pass_time(61)
            w.held.stale()
            await turns()
            assert w.source.calls == 3

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
