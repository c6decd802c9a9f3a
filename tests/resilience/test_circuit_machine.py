"""The circuit against everything that can happen, in any order."""

from __future__ import annotations

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from llm_gateway.resilience.circuit import Rules
from llm_gateway.resilience.effects import EFFECTS
from llm_gateway.resilience.feedback import Run
from llm_gateway.routing.standing import CLOSED, HALF_OPEN, OPEN
from resilience_support import World

MODELS = ("openai/a", "openai/b")
LONGEST = 3600.0


class Machine(RuleBasedStateMachine):
    """Attempts at two models of one account start when they may, and end in any way, in any order, at any time."""

    @initialize(probes=st.integers(1, 4), successes=st.integers(1, 3), failures=st.integers(1, 5), enabled=st.booleans())
    def begin(self, probes: int, successes: int, failures: int, enabled: bool) -> None:
        self.rules = Rules(probes=probes, successes=successes, failures=failures, enabled=enabled, probe_time=30.0)
        self.world = World(self.rules)
        self.candidates = [self.world.candidate(name) for name in MODELS]
        self.running: list[Run] = []

    @rule(which=st.integers(0, 1))
    def start(self, which: int) -> None:
        candidate = self.candidates[which]
        if not self.world.feedback.admits(candidate, self.world.now):
            assert max(candidate.standing.until, candidate.account.until) > self.world.now
            return
        run = self.world.start(candidate)
        self.running.append(run)
        for standing, circuit in ((candidate.standing, run.circuit), (candidate.account, run.account)):
            if standing.state == HALF_OPEN:
                # never more probes than allowed, of those that are still waited for
                lent = [one for one in self.running if _epoch(one, circuit) == circuit.epoch]
                assert len(lent) <= self.rules.probes

    @precondition(lambda self: self.running)
    @rule(data=st.data(), how=st.sampled_from(["ok", "left", "again", *EFFECTS]), told=st.none() | st.floats(0, 1e6))
    def end(self, data: st.DataObject, how: str, told: float | None) -> None:
        run = data.draw(st.sampled_from(self.running))
        self.running.remove(run)
        stream = data.draw(st.booleans())
        if how in ("ok", "again"):
            self.world.good(run, stream=stream)
        elif how == "left":
            self.world.feedback.left(run)
        else:
            self.world.bad(run, how, stream=stream, status=data.draw(st.sampled_from([0, 401, 403])), retry_after=told)
        if how == "again":  # a second ending does nothing
            self.world.bad(run)
            self.world.feedback.left(run)

    @rule(seconds=st.floats(0.0, 5.0) | st.floats(0.0, 200.0))
    def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @rule(name=st.sampled_from(["openai", *MODELS]))
    def reset(self, name: str) -> None:
        self.world.standings.reset(name)
        standing = self.world.standings.find(name)
        assert standing is not None
        assert (standing.state, standing.until) == (CLOSED, 0.0)

    @rule()
    def checked(self) -> None:
        self.world.standings.circuit(self.candidates[0].account).revive(self.world.now)

    @invariant()
    def sane(self) -> None:
        if not hasattr(self, "world"):
            return
        standings = [self.candidates[0].account, *(one.standing for one in self.candidates)]
        assert self.candidates[0].account.running == len(self.running)
        for standing in standings:
            assert standing.state in (CLOSED, HALF_OPEN, OPEN)
            assert self.rules.enabled or standing.state == CLOSED
            assert standing.until <= self.world.now + LONGEST  # never open for ever
            assert standing.running >= 0
            assert standing.failures >= 0
            assert 0 <= standing.probes <= self.rules.probes
            assert 0.0 <= standing.success <= 1.0
            numbers = (standing.latency, standing.ttft, standing.per_token, standing.output, standing.good, standing.bad)
            assert all(math.isfinite(number) and number >= 0.0 for number in numbers)

    def teardown(self) -> None:
        """Whatever happened: from some time on attempts may start, and enough that go well close everything."""
        if not hasattr(self, "world"):
            return
        for run in self.running:
            self.world.feedback.left(run)
        for candidate in self.candidates:
            self.world.clock.advance(LONGEST)
            for _ in range(self.rules.successes):
                assert self.world.feedback.admits(candidate, self.world.now)
                self.world.ok(candidate)
            assert (candidate.standing.state, candidate.account.state) == (CLOSED, CLOSED)
            assert (candidate.standing.until, candidate.standing.reason) == (0.0, "")


def _epoch(run: Run, circuit: object) -> int:
    return run.epoch if run.circuit is circuit else run.account_epoch if run.account is circuit else -2


Machine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestCircuit = Machine.TestCase
TestCircuit.__doc__ = "Hypothesis runs the machine: the invariants hold after every step."
