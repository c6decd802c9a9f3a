"""A dispatcher of real parts around recorded outcomes: no provider is asked."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from llm_gateway.core.clock import Clock, FakeClock
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.base import Operation
from llm_gateway.resilience.attempts import Attempts
from llm_gateway.resilience.backoff import Backoff, Policy
from llm_gateway.resilience.budget import RetryBudget
from llm_gateway.resilience.bulkhead import Bulkhead
from llm_gateway.resilience.dispatch import Dispatch
from llm_gateway.resilience.feedback import Feedback
from llm_gateway.resilience.hedges import Hedges
from llm_gateway.resilience.standings import Standings
from llm_gateway.resilience.verdicts import Verdicts
from llm_gateway.routing.candidate import Candidate, Leg
from llm_gateway.routing.decision import Decision
from llm_gateway.routing.route import Route
from routed import candidate, decision


class Parts:
    """What outlives a request."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.logged: list[tuple[str, str]] = []
        self.standings = Standings(self.clock, lambda level, event, **_fields: self.logged.append((level, event)))
        verdicts = Verdicts()
        self.feedback = Feedback(self.standings, verdicts, self.clock)
        self.bulkhead = Bulkhead()
        self.in_flight = 1
        self.budget = RetryBudget(self.feedback, verdicts, lambda: self.in_flight, self.clock)
        attempts = Attempts(self.feedback, self.bulkhead, self.clock)
        self.dispatch = Dispatch(
            attempts=attempts,
            hedges=Hedges(attempts, self.clock),
            budget=self.budget,
            backoff=Backoff(lambda: 0.5, Policy(initial=0.001)),
            clock=self.clock,
        )

    def candidate(self, provider: str, **facts: Any) -> Candidate:
        made = candidate(provider, **facts)
        return Candidate(made.deployment, made.patience, self.standings.of(made.name), self.standings.account(provider), **facts)

    def route(self, *legs: str, retries: int = 0, total: float = 60.0, **policy: Any) -> Route:
        """Each leg: the letters of its providers."""
        made = tuple(Leg(f"m{index or ''}", tuple(map(self.candidate, names))) for index, names in enumerate(legs))
        return Route("m", made, retries, total, **policy)


def deciding(of: Route) -> Callable[[Exchange], Decision]:
    return lambda _ex: decision(of)


def exchange(clock: Clock, front: Any = None, *, stream: bool = False) -> Exchange:
    http = SimpleNamespace(path=b"/", headers={}, notes=None, body=b"{}", peer="", reply=None)
    ex = Exchange("req_1", http, front or SimpleNamespace(operation=Operation.CHAT), clock.monotonic())
    ex.stream = stream
    return ex


class Asked:
    """An AskDeployment: `outcomes` is what asking comes to, one by one; what is callable is called first."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.providers: list[str] = []

    async def __call__(self, ex: Exchange, deployment: Any, patience: Any, deadline: float) -> Any:
        self.providers.append(deployment.upstream.name)
        outcome = self.outcomes.pop(0)
        if callable(outcome):
            outcome = outcome()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome
