"""The life of a request: order, failover and retries, every ending seen once, nothing left for the collector."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import Any

import pytest

from dispatching import Parts, exchange
from llm_gateway.core.errors import GatewayError, Unauthenticated, UpstreamRejected
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.base import Operation, View
from llm_gateway.pipeline import Pipeline
from routed import decision, failed
from serving import until


class Inside:
    """A pipeline of recorded stages; `outcomes` is what asking comes to, one by one."""

    operation = Operation.CHAT

    def __init__(self, names: str, *outcomes: Any, retries: int = 0) -> None:
        self.parts = Parts()
        self.clock = self.parts.clock
        of = self.parts.route(names, retries=retries)
        self.seen: list[str] = []
        self.outcomes = list(outcomes)
        self.refused: list[GatewayError] = []
        self.bugs: list[Exception] = []
        self.pipeline = Pipeline(
            observe=self.observe,
            identify=lambda ex: self.seen.append("identify"),
            admit=lambda ex: self.seen.append("admit"),
            authorize=lambda ex: self.seen.append("authorize"),
            hold=lambda ex: self.seen.append("hold"),
            decide=lambda ex: self.seen.append("decide") or decision(of),
            dispatch=self.parts.dispatch,
            ask=self.ask,
            clock=self.clock,
            edge=self,
            report=lambda ex, bug: self.bugs.append(bug),
        )
        self.ex = exchange(self.clock, self)

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
    inside = Inside("a", "answer")
    inside.serve()
    assert inside.seen == ["begin", "identify", "admit", "view", "authorize", "hold", "decide", "ask a", "respond", "end"]
    assert (inside.ex.model, inside.ex.stream) == ("m", True)


def test_a_stranger_costs_nothing():
    """Whoever is not known is refused before his body is parsed."""
    inside = Inside("a")

    def identify(ex: Exchange) -> None:
        raise Unauthenticated("no")

    inside.pipeline.identify = identify
    inside.serve()
    assert inside.seen == ["begin", "refuse", "end"]


def test_a_bug_is_one_requests_own():
    """What should not happen is reported, told as an internal error without its text, and seen to end."""
    inside = Inside("a", ValueError("secret"))
    inside.serve()
    assert inside.seen[-2:] == ["refuse", "end"]
    assert "secret" not in inside.refused[0].message
    assert inside.refused[0].status == 500
    assert [str(bug) for bug in inside.bugs] == ["secret"]


@pytest.mark.parametrize("error", [failed(), failed(UpstreamRejected), ValueError("bug")], ids=["retryable", "final", "bug"])
def test_a_handled_error_holds_nothing(error):
    """After the request an error keeps no frames, which would keep the request."""
    inside = Inside("a", error)
    error.__cause__ = KeyError()
    inside.serve()
    assert error.__traceback__ is None
    assert error.__cause__ is None
    assert error.__context__ is None


def test_a_cancelled_request_is_abandoned_and_seen():
    """Cancelling while it waits to try again ends it at once, through the edge and the observer."""
    inside = Inside("a", failed(after=2.5), retries=1)

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
