"""Candidates one after another until one answers: the state machine around real standings, budget and places."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dispatching import Asked, Parts, deciding, exchange
from llm_gateway.core.chat import ChatRequest, Message, Text
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.errors import GatewayError, Unsupported, UpstreamError, UpstreamRateLimited, UpstreamRejected
from llm_gateway.core.exchange import Exchange
from llm_gateway.providers.answer import WholeAnswer
from llm_gateway.resilience.budget import Allowance
from llm_gateway.routing.decision import Decision, Refused
from llm_gateway.routing.features import Wishes
from llm_gateway.routing.route import Hedge, Route
from llm_gateway.routing.standing import CLOSED, HALF_OPEN, OPEN
from routed import decision, failed


def whole() -> WholeAnswer:
    return WholeAnswer(b"{}", None, None, None)  # type: ignore[arg-type] - nobody looks


class Ran:
    """One request through the dispatcher."""

    def __init__(self, parts: Parts, of: Route, *outcomes: Any, wishes: Wishes | None = None) -> None:
        self.parts = parts
        self.ask = Asked(*outcomes)
        self.ex = exchange(parts.clock)
        self.answer: Any = None
        self.error: GatewayError | None = None
        decide = deciding(of) if wishes is None else lambda _ex: decision(of, wishes=wishes)
        try:
            self.answer = asyncio.run(parts.dispatch(self.ex, decide, self.ask))
        except GatewayError as error:
            self.error = error

    @property
    def asked(self) -> list[str]:
        return self.ask.providers


def ran(*legs: str, outcomes: tuple[Any, ...], retries: int = 0, total: float = 60.0, **policy: Any) -> Ran:
    parts = Parts()
    return Ran(parts, parts.route(*legs, retries=retries, total=total, **policy), *outcomes)


def test_candidates_are_asked_in_order():
    """A failure goes to the next candidate at once; each attempt keeps why it failed."""
    one = ran("abc", outcomes=(failed(reason="x"), failed(reason="y"), whole()))
    assert one.asked == ["a", "b", "c"]
    assert [attempt.error for attempt in one.ex.attempts] == ["x", "y", None]
    assert one.error is None


def test_retries_begin_at_the_front_again():
    """When all had their turn the first is asked again, as often as retries allow and not once more."""
    one = ran("ab", outcomes=(failed(),) * 4, retries=2)
    assert one.asked == ["a", "b", "a", "b"]
    assert one.error is not None
    assert one.error.status == 503


def test_without_candidates_it_is_unavailable():
    """A route whose providers are all away is a 503 and not a crash."""
    error = ran(outcomes=()).error
    assert error is not None
    assert (error.status, error.code) == (503, "no_providers_available")


def test_a_rejected_request_is_not_repeated():
    """The request's own fault is told at once (U17): no other candidate sees it."""
    assert ran("ab", outcomes=(failed(UpstreamRejected),), retries=5).asked == ["a"]


def test_a_retry_after_is_waited_for():
    """A short pause that the only candidate asked for is slept through (U12)."""
    parts = Parts(SystemClock())
    limited = failed(UpstreamRateLimited, reason="rate_limited", after=0.05)
    before = parts.clock.monotonic()
    one = Ran(parts, parts.route("a", retries=1), limited, whole())
    assert 0.045 < parts.clock.monotonic() - before < 1
    assert one.asked == ["a", "a"]


def test_a_long_retry_after_is_the_callers_to_wait_for():
    """More than the route's max_wait is not slept: the error goes out as it is (U13)."""
    long = failed(UpstreamRateLimited, reason="rate_limited", after=4)
    one = ran("a", outcomes=(long,), retries=3)
    assert one.error is long
    assert long.retry_after == 4


def test_no_try_begins_after_the_deadline():
    """Time that is over is not spent on another candidate, nor is a pause begun that would outlast it."""
    parts = Parts()
    late = Ran(parts, parts.route("ab", total=10.0), lambda: parts.clock.advance(10.0) or failed(reason="server_error"))  # type: ignore[attr-defined]
    assert late.asked == ["a"]
    waiting = ran("a", outcomes=(failed(after=2.5),), retries=1, total=2.0)
    assert waiting.asked == ["a"]


def test_who_cannot_be_given_the_request_is_passed_over():
    """A candidate that lacks the operation was not asked: it is no attempt and no failover, and the next one serves."""
    one = ran("ab", outcomes=(Unsupported("not here"), whole()))
    assert one.asked == ["a", "b"]
    assert [attempt.provider for attempt in one.ex.attempts] == ["b"]


def test_nobody_can_be_given_the_request():
    """If no candidate can carry it the caller is told so: 400."""
    one = ran("ab", outcomes=(Unsupported("not a"), Unsupported("not b")), retries=2)
    assert one.error is not None
    assert one.error.message == "not b"
    assert one.ex.attempts == []


def test_a_providers_failure_is_told_rather_than_that_the_last_one_could_not():
    """A 503 that may pass is worth repeating, so it must not be hidden behind a 400."""
    broken = failed()
    assert ran("ab", outcomes=(broken, Unsupported("not b"))).error is broken


def test_standings_learn_from_every_attempt():
    """Nothing is left running; successes and failures are counted where they belong."""
    one = ran("ab", outcomes=(failed(reason="server_error"), whole()))
    found = {standing.name: standing for standing in one.parts.standings.everyone()}
    assert {name: standing.running for name, standing in found.items()} == dict.fromkeys(found, 0)
    assert (found["a/model"].failures, found["b/model"].failures) == (1, 0)
    assert found["a/model"].places == found["b/model"].places == 0


def test_five_failures_open_the_circuit_and_the_next_request_is_not_sent():
    """After enough failures in a row a deployment is passed over (U18), and the error says when to come back."""
    parts = Parts()
    route = parts.route("a")
    for _ in range(5):
        Ran(parts, route, failed(reason="server_error"))
    standing = parts.standings.of("a/model")
    assert standing.state == OPEN
    (alone,) = route.everyone
    refused = Decision(route, (), "priority", (Refused(alone, "circuit_open"),))
    with pytest.raises(GatewayError) as told:
        asyncio.run(parts.dispatch(exchange(parts.clock), lambda _ex: refused, Asked()))
    assert (told.value.status, told.value.code) == (503, "circuit_breaker_open")
    assert told.value.retry_after == pytest.approx(standing.until - parts.clock.monotonic())


def test_the_last_hope_is_asked_before_a_long_cooldown_is_over():
    """Trouble that met all deployments is over for callers a second after it is over, not when the longest cooldown is."""
    parts = Parts()
    route = parts.route("a")
    (alone,) = route.everyone
    for _ in range(5 + 5):
        parts.clock.advance(max(alone.standing.until - parts.clock.monotonic(), 0.0))
        Ran(parts, route, failed(reason="server_error"))
    assert alone.standing.until - parts.clock.monotonic() > 30.0

    def decide(_ex: Exchange) -> Decision:
        shut = alone.standing.until > parts.clock.monotonic()
        return Decision(route, (), "priority", (Refused(alone, "circuit_open"),)) if shut else decision(route)

    with pytest.raises(GatewayError):
        asyncio.run(parts.dispatch(exchange(parts.clock), decide, Asked()))
    parts.clock.advance(1.0)
    assert asyncio.run(parts.dispatch(exchange(parts.clock), decide, Asked(whole()))) is not None
    assert alone.standing.state == HALF_OPEN


def test_a_short_pause_of_everybody_is_waited_for():
    """When all that is wrong is a short pause that somebody else's request was told, this one waits it out."""
    parts = Parts(SystemClock())
    route = parts.route("a")
    (only,) = route.everyone
    only.standing.until, only.standing.reason = parts.clock.monotonic() + 0.05, "rate_limited"

    def decide(_ex: Exchange) -> Decision:
        waiting = only.standing.until > parts.clock.monotonic()
        return Decision(route, (), "priority", (Refused(only, "rate_limited"),)) if waiting else decision(route)

    ask = Asked(whole())
    asyncio.run(parts.dispatch(exchange(parts.clock), decide, ask))
    assert ask.providers == ["a"]


def test_the_callers_limit_of_retries():
    """max_retries of the request counts every further attempt."""
    parts = Parts()
    one = Ran(parts, parts.route("abc", retries=3), failed(), failed(), wishes=Wishes(retries=1))
    assert one.asked == ["a", "b"]


def test_the_callers_deadline():
    """A deadline of the request's own is the nearer one."""
    parts = Parts()
    slow = lambda: parts.clock.advance(2.0) or failed(reason="server_error")  # type: ignore[attr-defined] # noqa: E731
    one = Ran(parts, parts.route("ab"), slow, wishes=Wishes(deadline=1.0))
    assert one.asked == ["a"]


def stream() -> Any:
    class Begun:
        def close(self) -> None:
            pass

    return Begun()


@pytest.mark.parametrize(("ending", "failures"), [("complete", 0), ("cut", 1), ("left", 0)])
def test_a_streams_verdict_falls_at_its_end(ending, failures):
    """A stream holds its place until it is over; one that was cut speaks against its deployment, one that was left does not."""
    parts = Parts()
    one = Ran(parts, parts.route("a"), stream())
    standing = parts.standings.of("a/model")
    assert (standing.running, standing.places) == (1, 1)
    parts.clock.advance(1.0)  # type: ignore[attr-defined]
    error = failed(UpstreamError, reason="cut") if ending == "cut" else None
    parts.dispatch.ended(one.ex, complete=ending == "complete", error=error)
    assert (standing.running, standing.places, standing.failures) == (0, 0, failures)
    assert one.ex.running is None
    assert standing.state == CLOSED


class Racing:
    """An ask by provider: seconds until it answers, and what."""

    def __init__(self, **providers: tuple[float, Any]) -> None:
        self.providers = providers
        self.asked: list[str] = []
        self.cancelled: list[str] = []

    async def __call__(self, ex: Exchange, deployment: Any, patience: Any, deadline: float) -> Any:
        name = deployment.upstream.name
        self.asked.append(name)
        seconds, outcome = self.providers[name]
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        ex.dropped = [name]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def hedged(ask: Racing, legs: tuple[str, ...] = ("ab",), **policy: Any) -> tuple[Parts, Exchange, Any]:

    parts = Parts(SystemClock())
    ex = exchange(parts.clock)
    ex.request = ChatRequest("m", (Message("user", (Text("hi"),)),))
    of = parts.route(*legs, hedge=Hedge(0.02, 0.5), **policy)
    return parts, ex, asyncio.run(parts.dispatch(ex, deciding(of), ask))


def test_the_faster_of_two_answers():
    """A slow first is joined by the second, whose answer, losses and attempt become the request's; the first is let go of."""
    ask = Racing(a=(5.0, whole()), b=(0.0, whole()))
    parts, ex, answer = hedged(ask)
    assert answer is ask.providers["b"][1]
    assert (ask.asked, ask.cancelled) == (["a", "b"], ["a"])
    assert [attempt.provider for attempt in ex.attempts] == ["b"]
    assert [attempt.provider for attempt in ex.hedges or []] == ["a"]
    assert ex.dropped == ["b"]
    assert all(standing.running == standing.places == 0 for standing in parts.standings.everyone())
    assert parts.standings.of("a/model").failures == 0, "a cancelled loser did not fail"


def test_a_broken_hedge_does_not_win():
    """The second fails at once: the first still answers, and both attempts are told."""
    ask = Racing(a=(0.1, whole()), b=(0.0, failed(reason="in_band")))
    _, ex, answer = hedged(ask)
    assert answer is ask.providers["a"][1]
    assert [(attempt.provider, attempt.error) for attempt in ex.attempts] == [("b", "in_band"), ("a", None)]


def test_after_a_lost_race_the_others_are_asked():
    """When both fail the next candidate serves, and none of the two is asked again before it."""
    ask = Racing(a=(0.05, failed()), b=(0.0, failed()), c=(0.0, whole()))
    _, ex, answer = hedged(ask, ("abc",))
    assert answer is ask.providers["c"][1]
    assert ask.asked == ["a", "b", "c"]
    assert [attempt.provider for attempt in ex.attempts] == ["a", "b", "c"]


def test_a_first_that_fails_before_the_hedge():
    """Nobody was asked twice: it is the usual failover."""
    ask = Racing(a=(0.0, failed()), b=(0.0, whole()))
    _, ex, _ = hedged(ask)
    assert ask.asked == ["a", "b"]
    assert [attempt.provider for attempt in ex.attempts] == ["a", "b"]


def test_what_the_budget_refuses_is_passed_by():
    """There is no permit for a deployment that nobody knows: the request goes on to one that is proven, which needs none."""
    parts = Parts()
    of = parts.route("abc")
    parts.budget.allowance = Allowance(share=0.0, minimum=0, wait=0.0)
    proven = of.legs[0].candidates[2]
    run = parts.feedback.started(proven, parts.clock.monotonic())
    parts.feedback.succeeded(run, parts.clock.monotonic(), 0.1, None)
    one = Ran(parts, of, failed(), whole())
    assert one.asked == ["a", "c"]
    assert one.error is None
    assert Ran(parts, parts.route("ab"), failed()).asked == ["a"]


def test_an_error_may_name_what_else_there_is():
    """Only where the route says so, and only when providers failed: a refused request is no better elsewhere."""
    parts = Parts()
    parts.dispatch._alternatives = lambda _ex: ["other"]
    told = Ran(parts, parts.route("a", show_alternatives=True), failed())
    assert told.error is not None
    assert told.error.details == {"alternatives": ["other"]}
    refused = Ran(parts, parts.route("b", show_alternatives=True), failed(UpstreamRejected))
    silent = Ran(parts, parts.route("c"), failed())
    assert [one.error.details for one in (refused, silent) if one.error is not None] == [None, None]


def test_a_race_that_is_called_off_gives_its_places_back():
    """Cancelled before the first attempt has taken a step: nobody holds the place any more."""
    ask = Racing(a=(5.0, whole()), b=(5.0, whole()))

    parts = Parts(SystemClock())
    ex = exchange(parts.clock)
    ex.request = ChatRequest("m", (Message("user", (Text("hi"),)),))
    of = parts.route("ab", hedge=Hedge(0.0, 0.5))

    async def main() -> None:
        for turns in range(4):
            task = asyncio.ensure_future(parts.dispatch(ex, deciding(of), ask))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert {one.name: one.places for one in parts.standings.everyone() if one.places} == {}
    assert {one.name: one.running for one in parts.standings.everyone() if one.running} == {}
