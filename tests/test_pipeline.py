"""The life of a request: order, failover and retries, every ending seen once, nothing left for the collector."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import (
    GatewayError,
    Unauthenticated,
    Unsupported,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.base import View
from llm_gateway.pipeline import LONGEST_WAIT, Pipeline, Tries
from llm_gateway.providers.deployment import Patience, Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.routing.route import Backoff, Route
from serving import until

BACKOFF = Backoff(lambda: 0.5, initial=0.001)


def candidate(name: str):
    upstream = Upstream(name, PROVIDER_TYPES["openai_compatible"], "http://127.0.0.1:1")
    return upstream.deployment("model"), Patience()


def route(*names: str, retries: int = 0, total: float = 60.0) -> Route:
    return Route("m", tuple(map(candidate, names)), retries, total)


def failed(kind: type[UpstreamError] = UpstreamUnavailable, *, after: float | None = None, **marks: Any) -> UpstreamError:
    error = kind("it failed")
    error.retry_after = after
    for name, value in marks.items():
        setattr(error, name, value)
    return error


class Inside:
    """A pipeline of recorded stages; `outcomes` is what asking comes to, one by one."""

    def __init__(self, route_: Route, *outcomes: Any) -> None:
        self.clock = FakeClock()
        self.seen: list[str] = []
        self.outcomes = list(outcomes)
        self.refused: list[GatewayError] = []
        self.bugs: list[Exception] = []
        self.pipeline = Pipeline(
            observe=self.observe,
            identify=lambda ex: self.seen.append("identify"),
            authorize=lambda ex: self.seen.append("authorize"),
            route=lambda ex: self.seen.append("route") or route_,
            ask=self.ask,
            backoff=BACKOFF,
            clock=self.clock,
            edge=self,
            report=lambda ex, bug: self.bugs.append(bug),
        )
        http = SimpleNamespace(path=b"/", headers={}, notes=None, body=b"{}", peer="", reply=None)
        self.ex = Exchange("req_1", http, self, self.clock.monotonic())

    @contextmanager
    def observe(self, ex: Exchange):
        self.seen.append("begin")
        try:
            yield
        finally:
            self.seen.append("end")

    def view(self, body: bytes) -> View:
        self.seen.append("view")
        return View("m", stream=True)

    async def ask(self, ex, deployment, patience, deadline) -> Any:
        self.seen.append(f"ask {deployment.upstream.name}")
        outcome = self.outcomes.pop(0)
        if callable(outcome):
            outcome = outcome()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def respond(self, ex: Exchange, answer: Any) -> None:
        self.seen.append("respond")

    def refuse(self, ex: Exchange, error: GatewayError) -> None:
        self.seen.append("refuse")
        self.refused.append(error)

    def abandon(self, ex: Exchange) -> None:
        self.seen.append("abandon")

    def serve(self) -> None:
        asyncio.run(self.pipeline.serve(self.ex))

    @property
    def asked(self) -> list[str]:
        return [seen[4:] for seen in self.seen if seen.startswith("ask ")]


def test_the_stages_stand_in_their_order():
    """Identity before the body is looked at, permission before anything is asked, observation around it all."""
    inside = Inside(route("a"), "answer")
    inside.serve()
    assert inside.seen == ["begin", "identify", "view", "authorize", "route", "ask a", "respond", "end"]
    assert (inside.ex.model, inside.ex.stream) == ("m", True)


def test_a_stranger_costs_nothing():
    """Whoever is not known is refused before his body is parsed."""
    inside = Inside(route("a"))

    def identify(ex: Exchange) -> None:
        raise Unauthenticated("no")

    inside.pipeline.identify = identify
    inside.serve()
    assert inside.seen == ["begin", "refuse", "end"]


def test_a_bug_is_one_requests_own():
    """What should not happen is reported, told as an internal error without its text, and seen to end."""
    inside = Inside(route("a"), ValueError("secret"))
    inside.serve()
    assert inside.seen[-2:] == ["refuse", "end"]
    assert "secret" not in inside.refused[0].message
    assert inside.refused[0].status == 500
    assert [str(bug) for bug in inside.bugs] == ["secret"]


@pytest.mark.parametrize("error", [failed(), failed(UpstreamRejected), ValueError("bug")], ids=["retryable", "final", "bug"])
def test_a_handled_error_holds_nothing(error):
    """After the request an error keeps no frames, which would keep the request."""
    inside = Inside(route("a"), error)
    error.__cause__ = KeyError()
    inside.serve()
    assert error.__traceback__ is None
    assert error.__cause__ is None
    assert error.__context__ is None


def test_candidates_are_asked_in_order():
    """A failure goes to the next candidate at once; each attempt keeps why it failed."""
    inside = Inside(route("a", "b", "c"), failed(reason="x"), failed(reason="y"), "answer")
    inside.serve()
    assert inside.asked == ["a", "b", "c"]
    assert [attempt.error for attempt in inside.ex.attempts] == ["x", "y", None]
    assert not inside.refused


def test_retries_begin_at_the_front_again():
    """When all had their turn the first is asked again, as often as retries allow and not once more."""
    inside = Inside(route("a", "b", retries=2), *(failed() for _ in range(4)))
    inside.serve()
    assert inside.asked == ["a", "b", "a", "b"]
    assert [error.status for error in inside.refused] == [503]


def test_without_candidates_it_is_unavailable():
    """A route whose providers are all away is a 503 and not a crash."""
    inside = Inside(route())
    inside.serve()
    assert [(error.status, error.code) for error in inside.refused] == [(503, "no_providers_available")]


def test_a_rejected_request_is_not_repeated():
    """The request's own fault is told at once (U17): no other candidate sees it."""
    inside = Inside(route("a", "b", retries=5), failed(UpstreamRejected))
    inside.serve()
    assert inside.asked == ["a"]


@pytest.mark.parametrize("names", [("a",), ("a", "b")])
def test_what_only_others_can_help_with_is_not_repeated_there(names):
    """Refused credentials or an exhausted quota (U14, U17): that candidate is not asked again, the others are."""
    refusals = [failed(elsewhere_only=True) for _ in names]
    inside = Inside(route(*names, retries=5), *refusals)
    inside.serve()
    assert inside.asked == list(names)
    assert len(inside.refused) == 1


def test_retry_after_is_waited_for():
    """A short Retry-After of the only candidate is slept through (U12)."""
    inside = Inside(route("a", retries=1), failed(UpstreamRateLimited, after=0.05), "answer")

    async def timed() -> float:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await inside.pipeline.serve(inside.ex)
        return loop.time() - before

    assert 0.045 < asyncio.run(timed()) < 1
    assert inside.asked == ["a", "a"]


def test_a_long_retry_after_is_the_callers_to_wait_for():
    """More than LONGEST_WAIT is not slept: the error goes out as it is (U13); other candidates are still asked."""
    long = failed(UpstreamRateLimited, after=LONGEST_WAIT + 1)
    inside = Inside(route("a", "b", retries=3), long, failed(), failed(), "answer")
    inside.serve()
    assert inside.asked == ["a", "b", "b", "b"]
    alone = Inside(route("a", retries=3), long)
    alone.serve()
    assert alone.refused == [long]
    assert alone.refused[0].retry_after == LONGEST_WAIT + 1


def test_the_longest_short_wait_of_a_round_counts():
    """Going round again waits for everyone who asked for a pause, not just for the last."""
    tries = Tries(route("a", "b", retries=2))
    assert tries.next(failed(after=4.0), BACKOFF) == 0.0
    assert tries.next(failed(), BACKOFF) == 4.0
    assert tries.next(failed(), BACKOFF) == 0.0
    assert tries.next(failed(), BACKOFF) is None


def test_no_try_begins_after_the_deadline():
    """Time that is over is not spent on another candidate, nor is a pause begun that would outlast it."""
    inside = Inside(route("a", "b", total=10.0))
    inside.outcomes = [lambda: inside.clock.advance(10.0) or failed(reason="timeout")]
    inside.serve()
    assert inside.asked == ["a"]
    waiting = Inside(route("a", retries=1, total=3.0), failed(after=4.0))
    waiting.serve()
    assert waiting.asked == ["a"]
    assert waiting.refused[0].retry_after == 4.0


def test_who_cannot_be_given_the_request_is_passed_over():
    """A candidate that lacks the operation was not asked: it is no attempt and no failover, and the next one serves."""
    inside = Inside(route("a", "b"), Unsupported("not here"), "answer")
    inside.serve()
    assert inside.asked == ["a", "b"]
    assert [attempt.provider for attempt in inside.ex.attempts] == ["b"]


def test_nobody_can_be_given_the_request():
    """If no candidate can carry it the caller is told so: 400."""
    inside = Inside(route("a", "b", retries=2), Unsupported("not a"), Unsupported("not b"))
    inside.serve()
    assert [error.message for error in inside.refused] == ["not b"]
    assert inside.ex.attempts == []


def test_a_providers_failure_is_told_rather_than_that_the_last_one_could_not():
    """A 503 that may pass is worth repeating, so it must not be hidden behind a 400."""
    broken = failed()
    inside = Inside(route("a", "b"), broken, Unsupported("not b"))
    inside.serve()
    assert inside.refused == [broken]


def test_a_cancelled_request_is_abandoned_and_seen():
    """Cancelling while it waits to try again ends it at once, through the edge and the observer."""
    inside = Inside(route("a", retries=1), failed(after=4.0))

    async def cancelled() -> None:
        task = asyncio.get_running_loop().create_task(inside.pipeline.serve(inside.ex))
        await until(lambda: inside.asked == ["a"])
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert inside.seen[-2:] == ["abandon", "end"]
    assert inside.ex.attempts[0].ended == inside.clock.monotonic()
