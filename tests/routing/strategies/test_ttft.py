"""The least time to the first token."""

from __future__ import annotations

from llm_gateway.routing.strategies.ttft import HALVING
from routing_support import AT, candidate_of, firsts, ranked


def test_the_quickest_first():
    """By the moving average, not by the latency of whole answers."""
    candidates = [candidate_of("a/m", {"ttft": 0.5, "latency": 1.0}), candidate_of("b/m", {"ttft": 0.2, "latency": 9.0})]
    assert ranked("least_ttft", candidates) == ["b/m", "a/m"]


def test_a_newcomer_is_tried_but_not_by_all_at_once():
    """As quick as the quickest while nothing runs there, behind it as soon as something does."""
    known = candidate_of("a/m", {"ttft": 0.5, "latency_at": AT})
    assert 0 < firsts("least_ttft", [known, candidate_of("new/m")], 200)["new/m"] < 200
    assert firsts("least_ttft", [known, candidate_of("new/m", {"running": 1})], 200)["new/m"] == 0


def test_what_was_slow_long_ago_is_tried_again():
    """A time counts half when it was not measured for the halving time."""
    candidates = [
        candidate_of("a/m", {"ttft": 0.9, "latency_at": AT - HALVING}),
        candidate_of("b/m", {"ttft": 0.5, "latency_at": AT}),
    ]
    assert ranked("least_ttft", candidates) == ["a/m", "b/m"]


def test_when_nobody_was_measured_all_share():
    """No herd at a start."""
    assert len(firsts("least_ttft", [candidate_of("a/m"), candidate_of("b/m")], 100)) == 2
