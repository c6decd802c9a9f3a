"""Sessions stay where they are, within bounds."""

from __future__ import annotations

from collections import Counter

import pytest

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.strategies.sticky import bounds_of
from routing_support import candidate_of, firsts, ranked

SESSIONS = [f"session-{number}" for number in range(2000)]


def homes(candidates):
    return {session: ranked("sticky", candidates, session=session)[0] for session in SESSIONS}


def test_a_session_has_one_home():
    """Whatever the seed and the turn."""
    candidates = [candidate_of(f"p{number}/m") for number in range(5)]
    assert len(firsts("sticky", candidates, 100, session="mine")) == 1


@pytest.mark.parametrize("weights", [(1.0,) * 5, (1.0, 2.0, 3.0, 2.0, 2.0)])
def test_sessions_are_spread_by_weight_and_few_of_them_move(weights):
    """When a candidate leaves, its own sessions move, by weight, and nobody else's."""
    candidates = [candidate_of(f"p{number}/m", weight=weight) for number, weight in enumerate(weights)]
    before = homes(candidates)
    shares = Counter(before.values())
    assert [shares[f"p{n}/m"] / 2000 for n in range(5)] == pytest.approx([one / sum(weights) for one in weights], abs=0.035)
    after = homes(candidates[1:])
    moved = {session for session in SESSIONS if before[session] != after[session]}
    assert moved == {session for session in SESSIONS if before[session] == "p0/m"}
    heirs = Counter(after[session] for session in moved)
    assert [heirs[f"p{n}/m"] / len(moved) for n in range(1, 5)] == pytest.approx(
        [one / sum(weights[1:]) for one in weights[1:]], abs=0.1
    )


def test_a_weight_moves_only_what_it_must():
    """More weight for one takes sessions from the others and gives none back."""
    candidates = [candidate_of(f"p{number}/m", weight=1.0 + number / 10) for number in range(4)]
    before = homes(candidates)
    after = homes([candidate_of("p0/m", weight=2.0), *candidates[1:]])
    assert {after[session] for session in SESSIONS if after[session] != before[session]} == {"p0/m"}


def test_load_is_bounded():
    """Who runs a quarter more than its share is passed over, and stays in the order for failover."""
    idle = [candidate_of(f"p{number}/m") for number in range(3)]
    home = ranked("sticky", idle, session="mine")
    busy = [candidate_of(name, {"running": running}) for name, running in ((home[0], 9), (home[1], 5), (home[2], 5))]
    assert ranked("sticky", busy, session="mine") == [home[1], home[2], home[0]]
    fair = [candidate_of(name, {"running": 7}) for name in home]
    assert ranked("sticky", fair, session="mine") == home


def test_a_few_requests_are_never_too_many():
    """Two requests of one session go to the same place though nothing else runs."""
    candidates = [candidate_of(f"p{number}/m") for number in range(3)]
    home = ranked("sticky", candidates, session="mine")
    next(one for one in candidates if one.name == home[0]).standing.running = 3
    assert ranked("sticky", candidates, session="mine") == home


def test_bounds_follow_weights():
    """A quarter more than the share of everything that runs, this request included."""
    lineup = Lineup((candidate_of("a/m", weight=3.0), candidate_of("b/m", weight=1.0)))
    assert bounds_of(lineup, 79) == [75.0, 25.0]


def test_without_a_session_it_is_a_draw():
    """There is nothing to hold on to."""
    assert len(firsts("sticky", [candidate_of(f"p{number}/m") for number in range(3)], 200)) == 3
