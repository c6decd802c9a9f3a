"""Candidates with Standings of a registry, under a fake clock."""

from __future__ import annotations

from typing import Any

from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import UpstreamError
from llm_gateway.providers.deployment import Patience, Upstream
from llm_gateway.providers.openai import OPENAI
from llm_gateway.resilience.circuit import PLAIN, Rules
from llm_gateway.resilience.feedback import Feedback, Run
from llm_gateway.resilience.standings import Standings
from llm_gateway.resilience.verdicts import Verdicts
from llm_gateway.routing.candidate import Candidate


class Noted:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        self.lines.append((level, event, fields))

    @property
    def events(self) -> list[str]:
        return [event for _, event, _ in self.lines]


class World:
    """The memory of one process. `attempt` starts one, `ok` and `fail` are whole attempts of 0.1 seconds."""

    def __init__(self, rules: Rules = PLAIN) -> None:
        self.clock = FakeClock()
        self.log = Noted()
        self.standings = Standings(self.clock, self.log, rules)
        self.verdicts = Verdicts()
        self.feedback = Feedback(self.standings, self.verdicts, self.clock)

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def candidate(self, name: str = "openai/gpt", patience: Patience | None = None) -> Candidate:
        provider, _, model = name.partition("/")
        deployment = Upstream(provider, OPENAI, "http://127.0.0.1:1", api_key="sk-x").deployment(model)
        return Candidate(deployment, patience or Patience(), self.standings.of(name), self.standings.account(provider))

    def start(self, candidate: Candidate) -> Run:
        return self.feedback.started(candidate, self.now)

    def good(self, run: Run, *, stream: bool = False) -> None:
        seconds = self.now - run.at
        self.feedback.succeeded(run, self.now, seconds, None, seconds / 2 if stream else None)

    def bad(self, run: Run, reason: str = "server_error", *, stream: bool = False, **said: Any) -> None:
        self.feedback.failed(run, self.now, failure(reason, **said), stream=stream)

    def ok(self, candidate: Candidate) -> None:
        run = self.start(candidate)
        self.clock.advance(0.1)
        self.good(run)

    def fail(self, candidate: Candidate, reason: str = "server_error", times: int = 1, **said: Any) -> None:
        for _ in range(times):
            run = self.start(candidate)
            self.clock.advance(0.1)
            self.bad(run, reason, **said)


def failure(reason: str, *, status: int = 0, retry_after: float | None = None) -> UpstreamError:
    error = UpstreamError("It failed.", retry_after=retry_after)
    error.reason, error.upstream_status = reason, status
    return error
