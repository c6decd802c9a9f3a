"""The lowest expected cost."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.cost import expected_cost
from llm_gateway.routing.strategies.cost import costs_of
from routing_support import candidate_lists, candidate_of, features, features_of, firsts, ranked

DEAR_OUTPUT = candidate_of("a/m", rates=(1_000, 1_000, 10_000))
DEAR_INPUT = candidate_of("b/m", rates=(3_000, 300, 3_000))


@pytest.mark.parametrize(
    ("wanted", "first"),
    [
        ({"tokens": 10_000, "output": 100}, "a/m"),
        ({"tokens": 100, "output": 1_000}, "b/m"),
        ({"tokens": 10_000, "output": 100, "cached": {"b/m": 9_000}}, "b/m"),
        ({"tokens": 10_000, "output": 100, "cached": {"b/m": 1_000}}, "a/m"),
    ],
)
def test_it_depends_on_the_request(wanted, first):
    """Long prompts, long answers and cached prompts have different cheapest models."""
    assert ranked("lowest_cost", [DEAR_OUTPUT, DEAR_INPUT], **wanted)[0] == first


def test_prices_that_are_not_known_come_last():
    """Free is cheaper than a price, and a price is cheaper than no price."""
    candidates = [candidate_of("unknown/m"), DEAR_OUTPUT, candidate_of("free/m", rates=(0, 0, 0))]
    assert ranked("lowest_cost", candidates, tokens=10) == ["free/m", "a/m", "unknown/m"]


def test_equal_prices_share():
    """By weight."""
    candidates = [candidate_of(f"p{n}/m", rates=(1, 1, 1), weight=weight) for n, weight in enumerate((1.0, 3.0))]
    assert firsts("lowest_cost", candidates, 4000)["p1/m"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_answers_of_the_past_tell_how_long_the_next_will_be():
    """Who talks more costs more, up to what the caller allows."""
    short, long = (
        candidate_of(f"{name}/m", {"output": output}, rates=(1, 1, 100)) for name, output in (("s", 100.0), ("l", 900.0))
    )
    assert ranked("lowest_cost", [long, short], tokens=10)[0] == "s/m"
    assert len(firsts("lowest_cost", [long, short], 50, tokens=10, output=50)) == 2


@given(candidate_lists(), st.integers(1, 6), features)
def test_it_is_the_cost_that_filters_and_rules_know(candidates, count, request):
    """Of one by itself the same number as routing.cost.expected_cost, but for what that rounds up (a token of output)."""
    for candidate in candidates[:count]:
        (cost,) = costs_of(Lineup((candidate,)), request)
        known = expected_cost(candidate, request)
        if candidate.rates is None:
            assert cost == inf
        elif known is not None:
            assert cost / 1e6 == pytest.approx(known, abs=1 + candidate.rates[2] / 1e6, rel=1e-9)


def test_a_cheaper_newcomer_is_asked():
    """Who has not answered yet is not taken to talk more than those who have: it would never get to show what it costs."""
    known = candidate_of("known/m", {"output": 150.0}, rates=(3_000, 300, 15_000))
    assert ranked("lowest_cost", [known, candidate_of("new/m", rates=(1_000, 100, 5_000))], tokens=500)[0] == "new/m"
    assert len(firsts("lowest_cost", [known, candidate_of("new/m", rates=(3_000, 300, 15_000))], 50, tokens=500)) == 2


def test_the_length_of_a_few_answers_is_chance():
    """Averages that are not far from each other do not decide between equal prices, nor against a lower one."""
    short, long = (
        candidate_of(f"{name}/m", {"output": output}, rates=(1, 1, 100)) for name, output in (("s", 140.0), ("l", 190.0))
    )
    cheaper = candidate_of("c/m", {"output": 200.0}, rates=(1, 1, 90))
    assert len(firsts("lowest_cost", [short, long], 50, tokens=10)) == 2
    assert ranked("lowest_cost", [short, long, cheaper], tokens=10)[0] == "c/m"


def test_who_counted_no_tokens_compares_output():
    """A prompt that was not counted is no reason to fail."""
    assert costs_of(Lineup((DEAR_OUTPUT,)), features_of(output=10)) == [100_000.0]
