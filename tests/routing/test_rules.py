"""Rules as they are judged."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from amount import examples
from llm_gateway.config.conditions.tree import Condition
from llm_gateway.config.conditions.when import When
from llm_gateway.config.errors import Where
from llm_gateway.config.schema import Action, Mirroring, Routing, Rule, Share
from llm_gateway.config.tree import plant
from llm_gateway.core.strategy import StrategyName
from llm_gateway.routing.features import HIGH, LOW, Features, Needs
from llm_gateway.routing.rules import NOTHING, Reads, Rules, Ruling, reads_of, rules_of
from llm_gateway.routing.strategies import STRATEGIES
from random_conditions import conditions, holds, requests

HALVES = (Share("a", 90.0), Share("b", 10.0))


def rule(name: str, when: str | None, *, goes_on: bool = False, **then: Any) -> Rule:
    condition = None if when is None else When.read(plant(when, Where("f", 1, 1)))
    return Rule(name, Action(**then), condition, goes_on)


def rules(*given: Rule, cost: int | None = None) -> Rules:
    return Rules(given, lambda _: cost)


def request(model: str = "m", **facts: Any) -> Features:
    return Features(model, 0.0, 0.0, facts.pop("seed", 1), **facts)


def test_the_first_that_holds_decides() -> None:
    """Later ones are not asked; where none holds nothing is said."""
    judged = rules(
        rule("one", "tokens > 5", route="x"), rule("two", "tokens > 3", route="y"), rule("three", "stream", reject="no")
    )
    assert judged.judge(request(tokens=9)) == Ruling(("one",), route="x")
    assert judged.judge(request(tokens=4)) == Ruling(("two",), route="y")
    assert judged.judge(request(needs=int(Needs.STREAMING))) == Ruling(("three",), reject="no")
    assert judged.judge(request()) is NOTHING


def test_rules_that_go_on_have_their_say() -> None:
    """What an earlier one said of strategy and priority stays; the rule that ends the search gives the route."""
    judged = rules(
        rule("one", "stream", goes_on=True, priority="low"),
        rule("two", None, goes_on=True, strategy="sticky", priority="high", mirror=Mirroring("shadow", 100.0)),
        rule("three", 'model == "m"', route="x", strategy="random", mirror=Mirroring("other", 100.0)),
    )
    assert judged.judge(request(needs=int(Needs.STREAMING))) == Ruling(
        ("one", "two", "three"), route="x", strategy="sticky", priority=LOW, mirror=("shadow", "other")
    )
    assert judged.judge(request("n")) == Ruling(("two",), strategy="sticky", priority=HIGH, mirror=("shadow",))


def test_a_split_and_a_mirror_are_said_with_their_names() -> None:
    """The side that was taken is known as rule:route, and the copy goes to the mirror's name."""
    judged = rules(rule("canary", None, split=HALVES, mirror=Mirroring("m2", 100.0), strategy="sticky"))
    rulings = {judged.judge(request(session=f"s{number}")) for number in range(100)}
    assert rulings == {
        Ruling(("canary",), route=side, strategy="sticky", mirror=("m2",), split=f"canary:{side}") for side in ("a", "b")
    }


def test_what_went_on_stays_beside_a_split() -> None:
    """A rule before it has its say; the split gives the route."""
    judged = rules(rule("one", None, goes_on=True, priority="high"), rule("canary", None, split=HALVES))
    ruling = judged.judge(request(session="s"))
    assert ruling.matched == ("one", "canary")
    assert (ruling.priority, ruling.split) == (HIGH, f"canary:{ruling.route}")


def test_what_rules_look_at() -> None:
    """Only that has to be collected."""
    looked = reads_of([rule("a", 'header("X-A") == "b" and metadata.team == "x"', route="r"), rule("b", "cost > 1", route="r")])
    assert looked == Reads(headers=frozenset({"x-a"}), metadata=True, tokens=True, output=True, cost=True)
    assert reads_of([rule("a", "stream or needs streaming", route="r")]) == Reads(stream=True)
    assert reads_of([rule("a", "needs in [streaming, tools]", route="r")]) == Reads(needs=True, stream=True)
    assert reads_of([rule("a", 'source in "10.0.0.0/8" and user == "u"', route="r")]) == Reads(source=True, user=True)
    assert reads_of([rule("a", None, split=HALVES)]) == Reads(user=True, session=True)
    assert reads_of([rule("a", None, split=HALVES, by="key")]) == Reads()
    assert reads_of([rule("a", 'model == "m" and tenant == "t" and time < "10:00"', route="r")]) == Reads()


def test_models_that_no_rule_is_about() -> None:
    """For them nothing has to be collected, and the answer is remembered for a bounded number of names."""
    judged = rules(
        rule("a", 'model starts_with "claude" and tokens > 5', route="r"),
        rule("b", 'model in ["x", "y"] or model == "z"', route="r"),
    )
    assert [judged.concerns(model) for model in ("claude-3", "x", "z", "gpt", "claude-3")] == [True, True, True, False, True]
    assert rules(rule("a", 'not model == "x"', route="r")).concerns("y")
    assert not rules(rule("a", 'not model == "x"', route="r")).concerns("x")
    assert rules(rule("a", "stream", route="r")).concerns("anything")
    for number in range(10_100):
        judged.concerns(f"model-{number}")
    assert len(judged._concerned) == 10_000


@examples(20)
@given(st.lists(conditions(), min_size=1, max_size=3), st.lists(requests(), min_size=1, max_size=5))
def test_a_model_that_is_no_concern_meets_no_rule(given: list[Condition], asked: list[Features]) -> None:
    """Whatever the conditions: where a rule holds, its request's model was a concern."""
    judged = Rules([Rule(f"r{n}", Action(route="x"), When(condition)) for n, condition in enumerate(given)], lambda _: None)
    for one in asked:
        assert judged.concerns(one.model) or judged.judge(one) is NOTHING
        assert bool(judged.judge(one).matched) == any(holds(condition, one) for condition in given)


def test_costs_come_from_the_callable() -> None:
    """In nano-dollars, against dollars in the rule; a cost that nobody knows passes no test."""
    dear = rule("dear", "cost > 0.05", reject="too dear")
    assert rules(dear, cost=50_000_001).judge(request()).reject == "too dear"
    assert rules(dear, cost=50_000_000).judge(request()) is NOTHING
    assert rules(dear, cost=None).judge(request()) is NOTHING


def test_a_configuration_without_rules_has_none() -> None:
    """So that a request without rules is not judged at all."""
    assert rules_of(Routing(), lambda _: None) is None
    assert rules_of(Routing(rules=(rule("a", None, route="x"),)), lambda _: None) is not None


def test_strategies_are_called_the_same_everywhere() -> None:
    """Each name that configurations and requests may say has its strategy, and no other has."""
    assert set(get_args(StrategyName)) == set(STRATEGIES)
