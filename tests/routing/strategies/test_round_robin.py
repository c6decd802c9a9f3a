"""Each in turn, by weight, evenly mixed."""

from __future__ import annotations

from collections import Counter
from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.routing.strategies.round_robin import slot_of
from routing_support import candidate_of, firsts, ranked


def of_weights(*weights):
    return [candidate_of(f"p{number}/m", weight=float(weight)) for number, weight in enumerate(weights)]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=7), st.integers(0, 10**9))
def test_a_cycle_has_everybody_as_often_as_its_weight(weights, start):
    """Exactly, over any cycle of turns, whenever it begins."""
    common = gcd(*weights)
    cycle = sum(weights) // common
    candidates = of_weights(*weights)
    found = Counter(ranked("round_robin", candidates, turn=start + turn)[0] for turn in range(cycle))
    assert [found[candidate.name] for candidate in candidates] == [weight // common for weight in weights]


@given(st.integers(1, 5000))
def test_turns_meet_every_slot_once(length):
    """The step and the length of the cycle have no common divisor."""
    assert {slot_of(turn, length) for turn in range(length)} == set(range(length))


def test_heavy_ones_are_not_asked_in_a_row():
    """Of weights 5, 1, 1 the heavy one comes at most four times in a row, of 3 and 3 they alternate."""
    order = "".join(ranked("round_robin", of_weights(5, 1, 1), turn=turn)[0][1] for turn in range(70))
    assert "00000" not in order
    assert order.count("0") == 50
    alternating = [ranked("round_robin", of_weights(3, 3), turn=turn)[0] for turn in range(6)]
    assert alternating[0] != alternating[1] == alternating[3] == alternating[5]


def test_fractions_and_nothing_are_weights_too():
    """Half as much is half as often; without a weight it is no turn, unless nobody has one."""
    assert firsts("round_robin", of_weights(1, 0.5), 300) == {"p0/m": 200, "p1/m": 100}
    assert firsts("round_robin", of_weights(1, 0), 10) == {"p0/m": 10}
    assert firsts("round_robin", of_weights(0, 0), 10) == {"p0/m": 5, "p1/m": 5}


def test_the_load_of_one_that_fails_is_shared():
    """Second places are everybody else's, about alike."""
    candidates = of_weights(1, 1, 1, 1)
    orders = [ranked("round_robin", candidates, turn=turn) for turn in range(1200)]
    behind = Counter(order[1] for order in orders if order[0] == "p0/m")
    assert sum(behind.values()) == 300
    assert all(behind[f"p{number}/m"] == pytest.approx(100, abs=2) for number in (1, 2, 3))
