"""Power of two choices by peak-EWMA."""

from __future__ import annotations

import pytest

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.strategies.latency import HALVING, loads_of
from routing_support import AT, candidate_of, firsts, ranked


def of_latencies(*latencies, **standing):
    return [candidate_of(f"p{n}/m", {"latency": one, "latency_at": AT, **standing}) for n, one in enumerate(latencies)]


def test_the_faster_of_two_is_always_first():
    """With two candidates there is nothing to draw."""
    assert firsts("least_latency", of_latencies(2.0, 1.0), 100) == {"p1/m": 100}


def test_the_slowest_is_never_first_and_the_fastest_most_often():
    """Of n the k-th fastest wins 2(n-k)/n(n-1) of the draws: that is what keeps herds away."""
    found = firsts("least_latency", of_latencies(1.0, 2.0, 3.0, 4.0), 6000)
    assert [found[f"p{n}/m"] / 6000 for n in range(4)] == pytest.approx([3 / 6, 2 / 6, 1 / 6, 0], abs=0.03)


def test_load_counts_as_waiting():
    """Who is twice as fast with three requests under way is as good as nobody's choice."""
    candidates = [candidate_of("a/m", {"latency": 1.0, "running": 3}), candidate_of("b/m", {"latency": 2.0})]
    assert ranked("least_latency", candidates) == ["b/m", "a/m"]


def test_weights_divide_the_load():
    """A candidate of four times the weight may have four times as much under way."""
    candidates = [candidate_of("a/m", {"latency": 1.0, "running": 3}, weight=5.0), candidate_of("b/m", {"latency": 1.0})]
    assert ranked("least_latency", candidates) == ["a/m", "b/m"]


def test_old_latency_counts_less():
    """Half as much after the halving time: who was slow is tried again."""
    lineup = Lineup(
        (
            candidate_of("a/m", {"latency": 3.0, "latency_at": AT - HALVING}),
            candidate_of("b/m", {"latency": 2.0, "latency_at": AT}),
        )
    )
    loads = loads_of(lineup, AT)
    assert loads[0] / loads[1] == pytest.approx(0.75)


def test_a_newcomer_gets_a_fair_try():
    """It counts as fast as the fastest with what it runs already: asked first once, then like the others."""
    idle = [*of_latencies(1.0, 2.0), candidate_of("new/m")]
    busy = [*of_latencies(1.0, 2.0), candidate_of("new/m", {"running": 3})]
    assert firsts("least_latency", idle, 3000)["new/m"] / 3000 == pytest.approx(1 / 2, abs=0.2)
    assert firsts("least_latency", busy, 3000)["new/m"] == 0
    assert loads_of(Lineup((candidate_of("a/m"), candidate_of("b/m", {"running": 1}))), AT) == [1.0, 2.0]


def test_failover_goes_to_the_next_fastest():
    """Behind the winner, by expected waiting."""
    order = ranked("least_latency", of_latencies(4.0, 1.0, 3.0, 2.0), seed=1)
    assert sorted(order[1:], key=lambda name: [4, 1, 3, 2][int(name[1])]) == order[1:]
