"""Random comings and goings: never too many, no place lost, none starved, and always the best waiter first."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from llm_gateway.config.schema.bulkheads import Bulkhead as Settings
from llm_gateway.core.errors import UpstreamUnavailable
from llm_gateway.resilience.bulkhead import Bulkhead, Waiter
from llm_gateway.routing.candidate import Candidate
from resilience.places import limited, siblings

LIMITS = st.integers(0, 3)
WHERE = st.sets(st.integers(0, 3), min_size=1).map(sorted)
QUEUE = 4


class Machine(RuleBasedStateMachine):
    """Three deployments of one account and one of another. What it knows for itself: who runs where, and who waits."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.bulkheads = Bulkhead(Settings(queue=QUEUE))
        self.running: list[Candidate] = []
        self.waiting: list[tuple[int, Waiter]] = []
        self.came = 0

    @initialize(limits=st.tuples(LIMITS, LIMITS, LIMITS), account=LIMITS, other=LIMITS)
    def begin(self, limits, account, other):
        self.all = [*siblings(*limits, account=account), limited(other, name="b")]

    def full(self, candidate: Candidate) -> bool:
        """As the limits say, by our own count."""
        here = sum(one.standing is candidate.standing for one in self.running)
        there = sum(one.account is candidate.account for one in self.running)
        return 0 < candidate.standing.limit <= here or 0 < candidate.account.limit <= there

    def settle(self, *, could: list[tuple[int, Waiter]] | None = None, freed: Candidate | None = None) -> None:
        """Take in who was let in or refused since. Of one class, nobody who came first and must be in first was passed over."""
        granted = [(came, waiter) for came, waiter in self.waiting if waiter.granted is not None]
        for came, waiter in granted:
            self.running.append(waiter.granted)
            for earlier, other in could or ():
                better = (-other.priority, other.until, earlier) < (-waiter.priority, waiter.until, came)
                if better and other.granted is None and freed is not None:
                    assert all(entry[5] is not waiter.granted for entry in other.entries)
        self.waiting = [(came, waiter) for came, waiter in self.waiting if waiter.granted is None and not waiter.reason]

    @rule(where=WHERE, priority=st.integers(0, 3), left=st.sampled_from([0.5, 2.0, 60.0]))
    def come(self, where, priority, left):
        wanted = [self.all[index] for index in where]
        before = [self.full(one) for one in wanted]
        entered = next((one for one in wanted if self.bulkheads.try_enter(one)), None)
        assert (entered is None) is all(before)
        self.came += 1
        if entered is not None:
            assert not before[wanted.index(entered)]
            self.running.append(entered)
            return
        try:
            waiter = self.bulkheads.join(wanted, priority, self.now + left, self.now)
        except UpstreamUnavailable as error:
            assert error.code == "queue_full" or error.retry_after > left  # noqa: PT017 - either may happen
        else:
            self.waiting.append((self.came, waiter))
        displaced = [waiter for _, waiter in self.waiting if waiter.reason == "queue_full"]
        assert all(waiter.priority < priority for waiter in displaced)
        assert len(displaced) <= 1
        self.settle()

    @precondition(lambda self: self.running)
    @rule(data=st.data(), held=st.sampled_from([0.0, 0.1, 3.0]))
    def end(self, data, held):
        candidate = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        could = list(self.waiting)
        self.bulkheads.leave(candidate, held)
        self.settle(could=could, freed=candidate)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def leave_queue(self, data):
        _, waiter = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        self.bulkheads.withdraw(waiter)

    @rule(seconds=st.sampled_from([0.1, 1.0, 6.0]))
    def time_passes(self, seconds):
        self.now += seconds
        for _, waiter in self.waiting:
            if waiter.until <= self.now:
                self.bulkheads.expire(waiter)
        self.settle()

    @rule(limits=st.tuples(LIMITS, LIMITS, LIMITS, LIMITS), account=LIMITS)
    def reload(self, limits, account):
        wanted = {one.standing: limit for one, limit in zip(self.all, limits, strict=True) if limit}
        wanted |= {self.all[0].account: account} if account else {}
        for standing in (*(one.standing for one in self.all), self.all[0].account):
            standing.limit = 0
        self.bulkheads.configure(Settings(queue=QUEUE), wanted, ())
        self.settle()

    @invariant()
    def places_are_counted_once(self):
        for candidate in getattr(self, "all", ()):
            assert candidate.standing.places == sum(one.standing is candidate.standing for one in self.running)
            assert candidate.account.places == sum(one.account is candidate.account for one in self.running)

    @invariant()
    def nobody_waits_beside_a_free_place(self):
        for _, waiter in self.waiting:
            assert waiter.entries
            assert all(self.full(entry[5]) for entry in waiter.entries)

    @invariant()
    def queues_are_counted_and_bounded(self):
        for candidate in getattr(self, "all", ()):
            entries = [entry for _, waiter in self.waiting for entry in waiter.entries]
            assert candidate.standing.waiting == sum(entry[5].standing is candidate.standing for entry in entries)
            assert candidate.account.waiting == sum(entry[5].account is candidate.account for entry in entries)

    def teardown(self):
        """When everybody has left, nothing is taken and nobody waits: every waiter was let in, in a bounded number of steps."""
        for _ in range(len(self.running) + len(self.waiting)):
            if self.running:
                self.bulkheads.leave(self.running.pop())
                self.settle()
        assert not self.running
        assert not self.waiting
        assert self.bulkheads._queues == {}


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_machine = Machine.TestCase
