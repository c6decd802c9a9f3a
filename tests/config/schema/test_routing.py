"""The section `routing`: which fields of a rule make sense together."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import loaded, told

HEAD = "providers: {openai: {api_key: k-12345}}\nmodels: {a: openai/gpt-4o, b: openai/gpt-4o-mini}\nrouting:\n  rules:\n"


def rules(*lines: str) -> str:
    return HEAD + "".join(f"  - {line}\n" for line in lines)


def test_what_a_rule_holds(tmp_path: Path) -> None:
    """Every action as it is written."""
    config = loaded(
        tmp_path,
        rules(
            "{name: early, when: stream, then: {strategy: lowest_cost, priority: high}, continue: true}",
            "{name: canary, when: needs tools, then: {split: [{route: a, percent: 90}, {route: b, percent: 10}], by: user}}",
            "{name: shadow, when: {model: a}, then: {route: b, mirror: {to: openai/x, percent: 0.5}}}",
            "{name: rest, then: {reject: Ask somebody else.}}",
        ),
    )
    early, canary, shadow, rest = config.routing.rules
    assert early.continue_
    assert (early.then.strategy, early.then.priority) == ("lowest_cost", "high")
    assert [(share.route, share.percent) for share in canary.then.split] == [("a", 90.0), ("b", 10.0)]
    assert canary.then.by == "user"
    assert shadow.then.mirror is not None
    assert (shadow.then.mirror.to, shadow.then.mirror.percent) == ("openai/x", 0.5)
    assert rest.when is None
    assert rest.then.reject == "Ask somebody else."


def test_without_the_section_nothing_is_judged(tmp_path: Path) -> None:
    """No rules, priority as the strategy."""
    routing = loaded(tmp_path, "").routing
    assert (routing.strategy, routing.region, routing.rules) == ("priority", "", ())


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "{name: r, then: {}}",
            "5:21: routing.rules[0].then: does nothing; say route, reject, strategy, priority, split or mirror",
        ),
        (
            "{name: r, then: {reject: no way, route: a}}",
            "5:45: routing.rules[0].then.route: does nothing beside reject; remove one of them",
        ),
        ("{name: r, then: {reject: no way, by: key}}", "5:42: routing.rules[0].then.by: is for a split, and there is none"),
        ("{name: r, then: {route: a, by: key}}", "5:36: routing.rules[0].then.by: is for a split, and there is none"),
        ("{name: r, then: {split: [{route: a, percent: 100}]}}", "needs at least two sides; for one, say route"),
        ("{name: r, then: {split: [{route: a, percent: 50}, {route: a, percent: 50}]}}", "names a route twice"),
        (
            "{name: r, then: {split: [{route: a, percent: 60}, {route: b, percent: 50}]}}",
            "adds up to 110 percent; it must be 100",
        ),
        (
            "{name: r, then: {split: [{route: a, percent: 99.9}, {route: b, percent: 0}]}}",
            "adds up to 99.9 percent; it must be 100",
        ),
        (
            "{name: r, then: {route: b, split: [{route: a, percent: 60}, {route: b, percent: 40}]}}",
            "stands beside route; keep one",
        ),
        (
            "{name: r, then: {route: a}, continue: true}",
            "5:43: routing.rules[0].continue: cannot stand beside route, which ends the search",
        ),
        ("{name: r, then: {reject: no way}, continue: true}", "cannot stand beside reject, which ends the search"),
        ("{name: a b, then: {route: a}}", "has the wrong form; letters, digits, '.', '_' and '-', 64 at most"),
        ("{then: {route: a}}", "routing.rules[0]: needs name"),
        ("{name: r, then: {mirror: {to: a, percent: 0}}}", "expected a number above 0, 100 at most"),
        ("{name: r, then: {strategy: cheapest}}", "expected adaptive, highest_quality"),
        ("{name: r, then: {route: a}, wehn: stream}", 'unknown key; did you mean "when"?'),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, rule: str, said: str) -> None:
    """Exactly the fields that go together, shares that are whole."""
    lines = told(tmp_path, rules(rule))
    assert len(lines) == 1
    assert said in lines[0]


def test_thirds_add_up(tmp_path: Path) -> None:
    """Shares are not compared to the last bit."""
    share = "percent: 33.3333333"
    sides = f"{{route: a, {share}}}, {{route: b, {share}}}, {{route: openai/c, percent: 33.3333334}}"
    assert len(loaded(tmp_path, rules(f"{{name: r, then: {{split: [{sides}]}}}}")).routing.rules[0].then.split) == 3
