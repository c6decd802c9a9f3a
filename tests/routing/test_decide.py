"""A whole decision: rules, route, filters, strategy and the caller's wishes together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.errors import Forbidden, NotFound
from llm_gateway.routing.candidate import Leg
from llm_gateway.routing.decide import Policy, decide
from llm_gateway.routing.features import HIGH, Features, Needs, Wishes
from llm_gateway.routing.record import outcome_of
from llm_gateway.routing.route import Route
from llm_gateway.routing.rules import Ruling
from routed import candidate, route
from routing_support import AT, candidate_of, features, features_of, names_of, route_of, routes

BROKEN = {"until": AT + 5, "reason": "circuit"}


class Say:
    """Rules that always say the same."""

    leads_to: tuple[str, ...] = ()
    strategies: frozenset[str] = frozenset()

    def __init__(self, **ruling):
        self.ruling = Ruling(**ruling)

    def judge(self, features):
        return self.ruling


def two_legs(*, broken=(), strategy="priority"):
    """smart: a/m, b/m; falls back to fast: c/m."""

    def one(name):
        return candidate_of(name, BROKEN if name in broken else None)

    legs = (Leg("smart", (one("a/m"), one("b/m")), strategy), Leg("fast", (one("c/m"),)))
    return Route("smart", legs, retries=2, total=60.0)


def shown(decision):
    return [(chosen.leg.name, names_of(chosen.order)) for chosen in decision.legs]


def decided(route, policy=None, *, explain=False, **facts):
    return decide(features_of(**facts), route, policy or Policy(), explain=explain)


def test_legs_in_order_and_those_that_are_left_in_them():
    """The strategy's order within a leg, legs as the route has them, everybody else refused with a reason."""
    decision = decided(two_legs(broken=("a/m",)))
    assert shown(decision) == [("smart", ["b/m"]), ("fast", ["c/m"])]
    assert [(one.candidate.name, one.reason) for one in decision.refused] == [("a/m", "circuit_open")]
    assert (decision.strategy, decision.priority, decision.rules, decision.scored) == ("priority", 1, (), ())


def test_a_leg_without_anybody_left_is_left_out():
    """What remains begins with the fallback."""
    assert shown(decided(two_legs(broken=("a/m", "b/m")))) == [("fast", ["c/m"])]


def test_nobody_left_is_a_decision_that_says_why():
    """No legs, and everybody among the refused."""
    decision = decided(two_legs(broken=("a/m", "b/m", "c/m")))
    assert decision.legs == ()
    assert len(decision.refused) == 3


def test_priorities_come_before_the_strategy():
    """Among equals of the first priority the strategy chooses; the others are their failover."""
    route = route_of(
        [candidate_of("a/m", priority=1, quality=9.0), candidate_of("b/m", quality=1.0), candidate_of("c/m", quality=2.0)],
        "highest_quality",
    )
    assert shown(decided(route)) == [("smart", ["c/m", "b/m", "a/m"])]


def test_who_is_full_is_asked_last():
    """Behind the lower priorities too, and before another leg."""
    route = route_of([candidate_of("a/m", {"limit": 1, "running": 1}), candidate_of("b/m"), candidate_of("c/m", priority=1)])
    assert shown(decided(route)) == [("smart", ["b/m", "c/m", "a/m"])]


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (Wishes(prefer=("b",)), [("smart", ["b/m", "a/m"]), ("fast", ["c/m"])]),
        (Wishes(prefer=("c", "b/m")), [("fast", ["c/m"]), ("smart", ["b/m", "a/m"])]),
        (Wishes(prefer=("unknown",)), [("smart", ["a/m", "b/m"]), ("fast", ["c/m"])]),
        (Wishes(exclude=frozenset({"a"})), [("smart", ["b/m"]), ("fast", ["c/m"])]),
        (Wishes(fallback=False), [("smart", ["a/m", "b/m"])]),
        (Wishes(fallback=False, prefer=("c",)), [("smart", ["a/m", "b/m"])]),
        (Wishes(fallback=True), [("smart", ["a/m", "b/m"]), ("fast", ["c/m"])]),
    ],
)
def test_wishes(wishes, expected):
    """What a caller prefers is tried first, in order, across legs; without fallback there is the first leg only."""
    decision = decided(two_legs(), wishes=wishes)
    assert shown(decision) == expected
    assert decision.wishes is wishes


def test_whose_strategy_it_is():
    """The caller's wish, else the rules', else the leg's."""
    route = two_legs(strategy="sticky")
    ruled = Policy(Say(strategy="weighted"))
    assert decided(route).strategy == "sticky"
    assert decided(route, ruled).strategy == "weighted"
    assert decided(route, ruled, wishes=Wishes(strategy="lowest_cost")).strategy == "lowest_cost"


def test_a_rule_sends_to_another_route():
    """The decision is for that route, and says which rules matched, the split and the priority."""
    other = route_of([candidate_of("d/m")], name="canary")
    policy = Policy(Say(matched=("one", "two"), route="canary", split="two:canary", priority=HIGH), {"canary": other}.get)
    decision = decided(two_legs(), policy)
    assert shown(decision) == [("canary", ["d/m"])]
    assert (decision.route, decision.rules, decision.split, decision.priority) == (other, ("one", "two"), "two:canary", HIGH)


def test_a_rule_that_sends_to_nowhere_is_an_error():
    """It is checked at load; if it happens all the same, nothing else is asked in silence."""
    with pytest.raises(NotFound, match="nowhere"):
        decided(two_legs(), Policy(Say(route="nowhere"), {}.get))


def test_a_rule_rejects():
    """With its reason and name for the caller."""
    with pytest.raises(Forbidden) as caught:
        decided(two_legs(), Policy(Say(matched=("night", "no-tools"), reject="no tools at night")))
    assert (caught.value.code, caught.value.details) == ("rejected_by_rule", {"rule": "no-tools", "reason": "no tools at night"})
    assert "no tools at night" in caught.value.message


def test_a_mirror_is_the_first_that_can_be_asked():
    """One at most; who is broken or not there is no mirror."""
    found = {"x": route_of([candidate_of("x/m", BROKEN)]), "y": route_of([candidate_of("y/m")])}
    mirror = decided(two_legs(), Policy(Say(mirror=("nowhere", "x", "y")), found.get)).mirror
    assert mirror is not None
    assert mirror.candidate.name == "y/m"
    assert decided(two_legs(), Policy(Say(mirror=("x",)), found.get)).mirror is None


def test_explaining_scores_everybody_who_is_left():
    """With what was looked at, one candidate or several, and those that are passed over marked."""
    route = route_of(
        [candidate_of("a/m", {"limit": 1, "running": 1}, rates=(1, 1, 1)), candidate_of("b/m"), candidate_of("c/m", BROKEN)],
        "lowest_cost",
    )
    decision = decided(route, explain=True, tokens=10)
    assert [one.candidate.name for one in decision.scored] == ["a/m", "b/m"]
    assert decision.scored[0].score < decision.scored[1].score == float("inf")
    assert decision.scored[0].terms["late"] == 1.0
    assert len(decided(route_of([candidate_of("a/m")]), explain=True).scored) == 1


@given(features, routes(), st.booleans())
def test_every_candidate_is_in_the_order_or_refused_and_never_both(request, route, explain):
    """Whatever the request, the route and the Standings: nobody is lost, nobody doubled, the same every time."""
    decision = decide(request, route, explain=explain)
    assert outcome_of(decision) == outcome_of(decide(request, route, explain=explain))
    wishes = request.wishes
    legs = route.legs[:1] if wishes is not None and wishes.fallback is False else route.legs
    left = [candidate for chosen in decision.legs for candidate in chosen.order]
    asked_and_not = left + [one.candidate for one in decision.refused]
    assert sorted(map(id, asked_and_not)) == sorted(id(candidate) for leg in legs for candidate in leg.candidates)
    assert all(chosen.order for chosen in decision.legs)
    assert all(one.reason for one in decision.refused)
    if explain:
        assert sorted(id(one.candidate) for one in decision.scored) == sorted(map(id, left))


@given(features, routes())
def test_explaining_changes_nothing(request, route):
    """What is explained is what is done."""
    assert outcome_of(decide(request, route)).legs == outcome_of(decide(request, route, explain=True)).legs


def test_a_catalogue_may_be_wrong():
    """When everybody is refused for what a list of models says, they are asked all the same: the provider knows best."""
    of = route([candidate("a", lacks=int(Needs.TOOLS)), candidate("b", context=10)])
    features = Features("m", at=1000.0, wall=0.0, seed=1, needs=int(Needs.TOOLS), tokens=1000)
    decision = decide(features, of)
    assert [[one.provider for one in leg.order] for leg in decision.legs] == [["a", "b"]]
    assert decision.refused == ()


def test_what_an_operator_or_a_caller_forbids_stays_forbidden():
    """Regions, allowed providers and wishes are no guesses."""
    of = route([candidate("a", region="us", lacks=int(Needs.TOOLS))])
    features = Features("m", at=1000.0, wall=0.0, seed=1, needs=int(Needs.TOOLS), regions=frozenset({"eu"}))
    decision = decide(features, of)
    assert decision.legs == ()
    assert [one.reason for one in decision.refused] == ["region"]


def test_a_route_without_providers_decides_nothing():
    """None of its providers is running: nobody to ask, and no crash."""
    decision = decide(Features("m", at=1000.0, wall=0.0, seed=1), route())
    assert (decision.legs, decision.refused, decision.strategy) == ((), (), "priority")
