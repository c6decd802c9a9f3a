"""Candidates side by side."""

from __future__ import annotations

import pytest

from llm_gateway.routing.candidate import LEAST_SHARE, Leg, Lineup
from routing_support import candidate_of, names_of


@pytest.mark.parametrize(
    ("weights", "slots"),
    [
        ((1, 1, 1), (1, 2, 3)),
        ((2, 4, 6), (1, 3, 6)),
        ((1, 0.5), (2, 3)),
        ((0.3333, 0.6667), (333, 1000)),
        ((1, 0), (1, 1)),
        ((0, 0), (1, 2)),
        ((1e-9, 1), (1, 1001)),
    ],
)
def test_weights_become_turns(weights, slots):
    """Whole numbers in the same proportions, to a thousandth; who has no weight has no turn unless nobody has one."""
    lineup = Lineup(tuple(candidate_of(f"p{n}/m", weight=float(weight)) for n, weight in enumerate(weights)))
    assert lineup.slots == slots


def test_facts_of_a_lineup():
    """What is known of some holds for the lineup; what nobody knows is 0."""
    lineup = Lineup((candidate_of("a/m", lacks=2, context=8000, weight=0.0), candidate_of("b/m", lacks=4, max_output=100)))
    assert (lineup.lacks, lineup.smallest, lineup.least_output, lineup.unpriced) == (6, 8000, 100, (0, 1))
    assert (lineup.shares, lineup.even, lineup.has_idle, lineup.has_deprecated) == ((LEAST_SHARE, 1.0), False, True, False)
    assert lineup.places == {"a/m": 0, "b/m": 1}


def test_standings_are_watched_once():
    """An account that several deployments share is looked at once."""
    one = candidate_of("a/one")
    other = candidate_of("a/two", account=one.account)
    assert Lineup((one, other)).watched == (one.standing, other.standing, one.account)


def test_a_leg_is_grouped_by_priority():
    """The smallest first, otherwise in the order of the configuration."""
    candidates = [candidate_of(f"p{n}/m", priority=priority) for n, priority in enumerate((1, 0, 1, 0))]
    lineups = Leg("smart", tuple(candidates)).lineups
    assert [names_of(lineup.candidates) for lineup in lineups] == [["p1/m", "p3/m"], ["p0/m", "p2/m"]]
