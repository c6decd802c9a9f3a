"""Refreshing that fails, hangs or comes too late."""

from __future__ import annotations

from math import nan

import pytest

from credentials.expiring import world
from credentials.support import turns
from llm_gateway.core.errors import CredentialsUnavailable
from llm_gateway.credentials.refreshing import Unavailable
from serving import run


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
