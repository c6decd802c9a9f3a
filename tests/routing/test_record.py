"""A logged decision is made again from its record, bit for bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.routing.decide import Policy, decide
from llm_gateway.routing.record import from_json, outcome_of, recompute, record_of, to_json
from llm_gateway.routing.rules import Ruling
from llm_gateway.routing.strategies import STRATEGIES
from routing_support import AT, candidate_of, features, features_of, route_of, routes


class Say:
    """Rules that always say the same."""

    leads_to: tuple[str, ...] = ()
    strategies: frozenset[str] = frozenset()

    def __init__(self, ruling):
        self.ruling = ruling

    def judge(self, features):
        return self.ruling


rulings = st.builds(
    Ruling,
    matched=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    reject=st.none(),
    route=st.sampled_from([None, "smart", "other"]),
    strategy=st.none() | st.sampled_from(sorted(STRATEGIES)),
    priority=st.none() | st.integers(0, 3),
    mirror=st.sampled_from([(), ("other",), ("nowhere", "other")]),
    split=st.text(max_size=5),
)


@given(features, routes(), st.none() | rulings, st.booleans())
def test_a_record_gives_the_decision_again(request, route, ruling, explain):
    """Order, refusals, scores, rules, mirror: from the record alone, and with the routes of the same configuration."""
    other = route_of([candidate_of("p9/m", {"latency": 0.1}), candidate_of("p8/m")], "least_latency", name="other")
    find = {"smart": route, "other": other}.get
    policy = Policy(None if ruling is None else Say(ruling), find)
    decision = decide(request, route, policy, explain=explain)
    record = from_json(to_json(record_of(request, route, policy, decision)))
    assert record.outcome == outcome_of(decision)
    assert outcome_of(recompute(record)) == record.outcome
    for candidate in (*route.everyone, *other.everyone):  # time goes on: what they are now does not matter
        candidate.standing.latency = 77.0
        candidate.standing.running = 99
        candidate.account.until = AT + 1000
    assert outcome_of(recompute(record)) == record.outcome
    assert outcome_of(recompute(record, find)) == record.outcome


def test_another_configuration_decides_otherwise():
    """The same request on routes of today: what would change is seen without calling anybody."""
    then = route_of([candidate_of("a/m", rates=(2, 2, 2)), candidate_of("b/m", rates=(1, 1, 1))], "lowest_cost")
    now = route_of([candidate_of("a/m"), candidate_of("b/m"), candidate_of("new/m", quality=5.0)], "highest_quality")
    features = features_of(tokens=100)
    record = record_of(features, then, Policy(), decide(features, then))
    assert [one.name for one in recompute(record).legs[0].order] == ["b/m", "a/m"]
    assert recompute(record, {"smart": now}.get).legs[0].order[0].name == "new/m"
    with pytest.raises(LookupError, match="smart"):
        recompute(record, {}.get)


def test_rules_may_judge_anew():
    """Other rules than those of then, on the features of then."""
    route = route_of([candidate_of("a/m"), candidate_of("b/m")])
    features = features_of()
    policy = Policy(Say(Ruling(matched=("old",))))
    record = record_of(features, route, policy, decide(features, route, policy))
    assert recompute(record).rules == ("old",)
    assert recompute(record, rules=Say(Ruling(matched=("new",), strategy="sticky"))).strategy == "sticky"


def test_no_secrets_are_recorded():
    """Headers that rules read may carry credentials; those stay out, the others are kept."""
    headers = {"authorization": "Bearer sk-1", "x-api-key": "sk-2", "x-auth-token": "sk-3", "cookie": "sk-4", "x-team": "ml"}
    features = features_of(headers=headers)
    route = route_of([candidate_of("a/m")])
    record = record_of(features, route, Policy(), decide(features, route))
    assert b"sk-" not in to_json(record)
    assert record.features.headers == {"x-team": "ml"}
    assert features.headers is headers


def test_a_record_is_small():
    """What is as it always is takes no room: twenty candidates in good health fit into a few kilobytes."""
    route = route_of([candidate_of(f"p{number}/m") for number in range(20)], "least_latency")
    features = features_of(tokens=1000)
    assert len(to_json(record_of(features, route, Policy(), decide(features, route)))) < 4000
