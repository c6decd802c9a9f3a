"""Learned limits against a simulated server whose answers grow slower, or fail, past a knee."""

from __future__ import annotations

import heapq
import random

import pytest

from llm_gateway.config.schema.bulkheads import AdaptiveLimit
from llm_gateway.resilience.adaptive import Adaptive, Aimd, Gradient, adaptive_of


class Server:
    """As fast as ever with up to `knee` requests, slower in proportion beyond; with more than `most`, new ones fail. There is always
    demand for as many as the limit allows."""

    def __init__(self, limit: Adaptive, *, spread: float = 0.0) -> None:
        self.limit = limit
        self.spread = spread
        self.random = random.Random(1)
        self.now = 0.0
        self.under_way: list[tuple[float, int, float, bool]] = []
        self.begun = 0

    def serve(self, answers: int, *, knee: float, most: float = 1e9, base: float = 1.0, stream: bool = False) -> list[int]:
        """The limit after each answer."""
        seen = []
        for _ in range(answers):
            while len(self.under_way) < self.limit.limit:
                count = len(self.under_way) + 1
                noise = self.random.lognormvariate(-(self.spread**2) / 2, self.spread)
                seconds = base * max(1.0, count / knee) * noise
                heapq.heappush(self.under_way, (self.now + seconds, self.begun, seconds, count <= most))
                self.begun += 1
            self.now, _, seconds, answered = heapq.heappop(self.under_way)
            first = seconds if stream else 0.0
            self.limit.ended(seconds, first, answered=answered, running=len(self.under_way) + 1)
            seen.append(self.limit.limit)
        return seen


def usually(limits: list[int]) -> float:
    """The mean of the last quarter."""
    last = limits[-len(limits) // 4 :]
    return sum(last) / len(last)


@pytest.mark.parametrize("knee", [10, 50])
@pytest.mark.parametrize("spread", [0.0, 0.5], ids=["even", "noisy"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_gradient_settles_near_the_knee(knee, spread, stream):
    """Neither much below, where capacity is left unused, nor far above, where everybody only waits longer."""
    server = Server(Gradient(2, 1000, 20), spread=spread)
    assert knee <= usually(server.serve(20_000, knee=knee, stream=stream)) <= 2.2 * knee


def test_gradient_follows_a_server_that_shrinks_and_grows():
    """The knee falls to a third and comes back."""
    server = Server(Gradient(2, 1000, 20))
    assert 45 <= usually(server.serve(20_000, knee=45)) <= 90
    assert 15 <= usually(server.serve(20_000, knee=15)) <= 35
    assert 45 <= usually(server.serve(40_000, knee=45)) <= 100


def test_gradient_does_not_take_an_overload_for_the_usual():
    """Started far beyond the knee, where everything it ever saw was slow, it still comes down."""
    server = Server(Gradient(2, 1000, 400))
    assert usually(server.serve(60_000, knee=20)) <= 60


def test_gradient_accepts_that_a_model_is_slower_now():
    """Four times slower at every load: no reason to stay small."""
    server = Server(Gradient(2, 1000, 20))
    server.serve(20_000, knee=40)
    assert 40 <= usually(server.serve(40_000, knee=40, base=4.0)) <= 100


@pytest.mark.parametrize("most", [10, 60])
def test_aimd_settles_below_where_failures_begin(most):
    """A saw tooth that touches the limit: three quarters of it or more are used."""
    limits = Server(Aimd(1, 1000, 20), spread=0.3).serve(20_000, knee=1e9, most=most)
    assert 0.75 * most <= usually(limits) <= most + 0.5
    assert max(limits[-5000:]) <= most + 1


def test_aimd_falls_once_for_what_failed_together():
    """Twenty under way when the first failed: their failures were caused by the same limit."""
    limit = Aimd(1, 1000, 20)
    for running in range(20, 0, -1):
        limit.ended(1.0, 0.0, answered=False, running=running)
    assert limit.limit == 18
    limit.ended(1.0, 0.0, answered=False, running=1)
    assert limit.limit == 16


@pytest.mark.parametrize("kind", [Aimd, Gradient])
def test_a_limit_stays_within_its_bounds(kind):
    """Whatever happens, and a start outside of them counts as the nearest bound."""
    limit = kind(5, 12, 100)
    assert limit.limit <= 12
    source = random.Random(2)
    for _ in range(5000):
        seconds = source.choice([0.001, 1.0, 100.0])
        limit.ended(seconds, 0.0, answered=source.random() < 0.5, running=source.randint(1, 12))
        assert 5 <= limit.limit <= 12


@pytest.mark.parametrize("kind", [Aimd, Gradient])
def test_what_is_not_used_does_not_grow(kind):
    """One request at a time says nothing about a hundred."""
    limit = kind(2, 1000, 20)
    for _ in range(5000):
        limit.ended(1.0, 0.0, answered=True, running=1)
    assert limit.limit == 20


def test_gradient_comes_down_for_failures_too():
    """A provider that answers 429 quickly looks fast."""
    limit = Gradient(2, 1000, 100)
    for _ in range(1000):
        limit.ended(0.01, 0.0, answered=False, running=100)
    assert limit.limit < 50


def test_whole_answers_and_streams_are_compared_with_their_own_kind():
    """A change in their mix is no change of speed."""
    limit = Gradient(2, 1000, 50)
    for _ in range(2000):
        limit.ended(10.0, 0.2, answered=True, running=10)
    for _ in range(2000):
        limit.ended(10.0, 0.0, answered=True, running=10)
    before = limit.limit
    seen = [limit.ended(10.0, 0.2 * (index % 2), answered=True, running=limit.limit) for index in range(2000)]
    assert min(seen) >= before / 2  # while it measures
    assert limit.limit > before


def test_a_reload_keeps_what_was_learned_in_the_same_way():
    """Another algorithm begins anew; narrower bounds bind at once."""
    settings = AdaptiveLimit(algorithm="aimd", initial=30)
    first = adaptive_of(settings, 1000)
    first.ended(1.0, 0.0, answered=False, running=1)
    assert (first.limit, adaptive_of(settings, 1000, first).limit) == (27, 27)
    assert adaptive_of(settings, 2, first).limit == 2
    other = adaptive_of(AdaptiveLimit(algorithm="gradient", initial=30), 1000, first)
    assert type(other) is Gradient
    assert other.limit == 30
