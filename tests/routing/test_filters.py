"""Who is not asked, and the word for it."""

from __future__ import annotations

import pytest

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.features import Needs, Wishes
from llm_gateway.routing.filters import sieve
from llm_gateway.routing.standing import HALF_OPEN, OPEN
from llm_gateway.routing.strategies.base import RAMP_SECONDS
from routing_support import AT, candidate_of, features_of, names_of

EU = frozenset({"eu"})


def reason(standing=None, account=None, wanted=None, **facts):
    """Why one candidate beside a good one is refused; "": it is not; "late": it is passed over."""
    one, other = candidate_of("a/m", standing, account, **facts), candidate_of("b/m", region="eu")
    sieved = sieve(Lineup((one, other)), features_of(**(wanted or {})), 60.0)
    if sieved is None:
        return ""
    reasons = {refused.candidate: refused.reason for refused in sieved.refused}
    assert names_of(sieved.lineup.candidates) == ["a/m", "b/m"][len(reasons) :]
    return reasons.get(one, "late" if one in sieved.late else "")


@pytest.mark.parametrize(
    ("facts", "wanted", "expected"),
    [
        ({"lacks": int(Needs.TOOLS)}, {"needs": int(Needs.TOOLS | Needs.STREAMING)}, "lacks_tools"),
        ({"lacks": int(Needs.TOOLS)}, {"needs": int(Needs.STREAMING)}, ""),
        ({"lacks": int(Needs.JSON_SCHEMA)}, {"needs": int(Needs.JSON_SCHEMA)}, "lacks_json_schema"),
        ({"context": 1000}, {"tokens": 1300}, "context_window"),
        ({"context": 1000}, {"tokens": 900, "output": 500}, "context_window"),
        ({"context": 1000, "max_output": 50}, {"tokens": 900, "output": 500}, ""),
        ({"context": 1000}, {"tokens": 1100}, "late"),
        ({"context": 1000}, {"tokens": 1000}, ""),
        ({"context": 1000}, {"tokens": -1}, ""),
        ({"context": 0}, {"tokens": 10**9}, ""),
        ({"region": "us"}, {"regions": EU}, "region"),
        ({"region": ""}, {"regions": EU}, "region"),
        ({"region": "eu"}, {"regions": EU}, ""),
        ({}, {"providers": frozenset({"b"})}, "provider_not_allowed"),
        ({}, {"wishes": Wishes(exclude=frozenset({"a"}))}, "excluded"),
        ({}, {"wishes": Wishes(exclude=frozenset({"a/m"}))}, "excluded"),
        ({"deprecated": True}, {}, "deprecated"),
        ({"weight": 0.0}, {}, "late"),
        ({"rates": (10**9, 10**9, 10**9)}, {"tokens": 1000, "output": 1000, "budget": 1_999_999}, "too_expensive"),
        ({"rates": (10**9, 10**9, 10**9)}, {"tokens": 1000, "output": 1000, "budget": 2_000_000}, ""),
        ({"rates": (10**9, 10**9, 10**9)}, {"tokens": 1000, "wishes": Wishes(max_cost=1000)}, "too_expensive"),
        ({"rates": None}, {"tokens": 1000, "budget": 0}, ""),
        ({"rates": (10**9, 0, 0)}, {"tokens": -1, "budget": 0}, ""),
    ],
)
def test_what_a_candidate_is(facts, wanted, expected):
    """Capabilities, window, region, rights, wishes and money; what is not known never excludes, but for the region."""
    assert reason(wanted=wanted, **facts) == expected


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ({"state": OPEN, "until": AT + 1, "reason": "circuit"}, "circuit_open"),
        ({"state": OPEN, "until": AT - 1, "reason": "circuit"}, ""),
        ({"until": AT + 1}, "circuit_open"),
        ({"until": AT + 1, "reason": "rate_limited"}, "rate_limited"),
        ({"until": AT + 1, "reason": "quota"}, "quota"),
        ({"until": AT + 1, "reason": "credentials"}, "credentials"),
        ({"until": AT + 1, "reason": "tls"}, "tls"),
        ({"until": AT, "reason": "quota"}, ""),
        ({"state": HALF_OPEN, "probes": 0}, "circuit_open"),
        ({"state": HALF_OPEN, "probes": 1}, ""),
        ({"limit": 2, "running": 2}, "late"),
        ({"limit": 2, "places": 2}, "late"),
        ({"limit": 2, "running": 1, "places": 1}, ""),
        ({"limit": 2, "running": 2, "waiting": 9, "service": 10.0}, "late"),
        ({"limit": 2, "running": 2, "waiting": 12, "service": 10.0}, "at_capacity"),
        ({"limit": 2, "running": 2, "waiting": 12, "latency": 10.0}, "at_capacity"),
        ({"requests_left": 0.0, "left_until": AT + 1}, "no_headroom"),
        ({"requests_left": 0.0, "left_until": AT - 1}, ""),
        ({"requests_left": -1.0, "left_until": AT + 1}, ""),
        ({"tokens_left": 99.0, "left_until": AT + 1}, "no_headroom"),
        ({"tokens_left": 100.0, "left_until": AT + 1}, ""),
        ({"recovered": AT - RAMP_SECONDS}, ""),
        ({"running": 1000}, ""),
    ],
)
@pytest.mark.parametrize("whose", ["standing", "account"])
def test_how_a_candidate_is_doing(standing, expected, whose):
    """Circuits, pauses, capacity and headroom count alike for a deployment and for its account."""
    assert reason(**{whose: standing}, wanted={"tokens": 100}) == expected


def test_a_deprecated_model_is_asked_when_there_is_no_other():
    """Deprecation is no reason to leave a caller without an answer."""
    lineup = Lineup((candidate_of("a/m", deprecated=True), candidate_of("b/m", {"until": AT + 1})))
    sieved = sieve(lineup, features_of(), 60.0)
    assert sieved is not None
    assert names_of(sieved.lineup.candidates) == ["a/m"]
    assert [one.reason for one in sieved.refused] == ["circuit_open"]


def test_a_candidate_that_recovers_gets_a_growing_share_of_first_places():
    """Over the ramp, the share of seeds for which it is not passed over grows from a twentieth to all."""
    shares = []
    for age in (0.0, 2.5, 5.0, 9.9):
        lineup = Lineup((candidate_of("a/m", {"recovered": AT - age}), candidate_of("b/m")))
        sieves = [sieve(lineup, features_of(seed=seed * 7919), 60.0) for seed in range(1000)]
        shares.append(sum(1 for one in sieves if one is not None and not one.late) / 1000)
    assert shares == pytest.approx([0.05, 0.25, 0.5, 0.99], abs=0.05)


def test_a_session_comes_back_once_while_its_home_recovers():
    """Drawn by the session and not by the request: it does not go to and fro."""
    returns = 0
    for session in range(100):
        late = []
        for age in (0, 2, 4, 6, 8, 9.99):
            lineup = Lineup((candidate_of("a/m", {"recovered": AT - age}), candidate_of("b/m")))
            sieved = sieve(lineup, features_of(seed=int(age * 7919)), 60.0, anchored=session)
            assert sieved is not None
            late.append(bool(sieved.late))
        assert late == sorted(late, reverse=True)
        returns += late[0] and not late[-1]
    assert returns > 85


def test_everybody_well_is_said_without_a_list():
    """The usual case costs a look at each Standing and makes nothing."""
    assert sieve(Lineup((candidate_of("a/m"), candidate_of("b/m"))), features_of(tokens=100), 60.0) is None
