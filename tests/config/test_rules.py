"""Routing rules beside the rest of a configuration: names and routes that exist, and rules that can come to hold."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from config.helpers_config import loaded, told

HEAD = """
providers: {openai: {api_key: k-12345}, old: {type: openai, api_key: k-12345, enabled: false}}
models: {a: openai/gpt-4o, b: openai/gpt-4o-mini}
auth:
  keys:
  - {name: alice, key: aaaaaaaaaaaaaaaaaa, tenant: acme, project: red, tags: [vip, eu]}
  - {name: bob, key: bbbbbbbbbbbbbbbbbb, tenant: umbrella}
routing:
  rules:
"""


def rules(*lines: str) -> str:
    """A configuration; its first rule stands in line 10."""
    return HEAD + "".join(f"  - {line}\n" for line in lines)


def rule(when: str, name: str = "r", then: str = "{route: a}", more: str = "") -> str:
    return f"{{name: {name}, when: '{when}', then: {then}{more}}}"


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("{route: c}", '10:45: routing.rules[0].then.route: there is no alias or provider "c"'),
        ("{route: opnai/gpt}", 'routing.rules[0].then.route: there is no provider "opnai"; did you mean "openai"?'),
        ("{route: openai}", "names a provider, but no model; write provider/model"),
        ("{route: old/gpt}", 'the provider "old" is disabled'),
        ("{mirror: {to: c, percent: 5}}", "routing.rules[0].then.mirror.to: there is no alias"),
        (
            "{split: [{route: a, percent: 50}, {route: c, percent: 50}]}",
            "routing.rules[0].then.split[1].route: there is no alias",
        ),
    ],
)
def test_routes_must_exist(tmp_path: Path, then: str, said: str) -> None:
    """Wherever a rule names one."""
    lines = told(tmp_path, rules(rule("stream", then=then)))
    assert len(lines) == 1
    assert said in lines[0]


def test_names_are_unique(tmp_path: Path) -> None:
    """Decisions tell a rule by its name."""
    lines = told(tmp_path, rules(rule("stream"), rule("needs tools")))
    assert lines == ["gateway.yaml:11:12: routing.rules[1].name: is also the name of routing.rules[0]"]


@pytest.mark.parametrize(
    ("when", "column", "said"),
    [
        ('tenant == "acne"', 22, 'no key has such a tenant: "acne"; did you mean "acme"?'),
        ('tenant in ["acme", "x"]', 22, 'no key has such a tenant: "x"; known here: acme, umbrella'),
        ('not tenant starts_with "um" or tenant matches "z*"', 53, 'no key has such a tenant: "z*"; known here: acme, umbrella'),
        ('key == "Bob"', 22, 'there is no such key: "Bob"; did you mean "bob"?'),
        ('key == "anonymous"', 22, 'there is no such key: "anonymous"; known here: alice, bob'),
        ('project == "blue"', 22, 'no key has such a project: "blue"; known here: red'),
        ('tags contains "vpi"', 22, 'no key has such a tag: "vpi"; did you mean "vip"?'),
        ('region == "eu"', 22, "asks for the gateway's region, and there is none; say routing.region"),
    ],
)
def test_names_that_no_key_has(tmp_path: Path, when: str, column: int, said: str) -> None:
    """A misspelt tenant, project, key or tag would make a rule that never holds."""
    assert told(tmp_path, rules(rule(when))) == [f"gateway.yaml:10:{column}: routing.rules[0].when: {said}"]


def test_names_that_some_key_has(tmp_path: Path) -> None:
    """Exact, by their beginning, and none at all."""
    good = ['tenant == "acme"', 'tenant starts_with "u"', 'project == ""', 'tags in ["vip"]', "key matches /^b/"]
    assert len(loaded(tmp_path, rules(*(rule(when, f"r{n}") for n, when in enumerate(good)))).routing.rules) == 5
    open_to_all = (
        "auth: {required: false}\nrouting: {region: eu, rules: ["
        + rule('key == "anonymous" and region == "us"', then="{reject: no}")
        + "]}"
    )
    assert loaded(tmp_path, open_to_all).routing.rules[0].when is not None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (rule("stream"), rule("stream", "s")),
        (rule('model starts_with "gpt"'), rule('model == "gpt-4o" and stream', "s")),
        (rule("tokens > 5"), "{name: s, when: {tokens: {gt: 10}}, then: {priority: high}, continue: true}"),
        ("{name: r, then: {route: a}}", rule("stream", "s")),
        ("{name: r, then: {route: a}}", "{name: s, then: {route: b}}"),
    ],
)
def test_a_rule_that_is_never_reached(tmp_path: Path, first: str, second: str) -> None:
    """An earlier one that ends the search holds whenever it would."""
    lines = told(tmp_path, rules(first, second))
    said = 'gateway.yaml:11:5: routing.rules[1]: is never reached: rule "r" (line 10) holds whenever it does'
    assert lines == [f"{said}; put it first, narrow that one, or say continue: true there"]


def test_rules_that_are_reached(tmp_path: Path) -> None:
    """Behind a rule that goes on, one that is narrower, or one about something else."""
    config = loaded(
        tmp_path,
        rules(
            rule("stream", then="{priority: high}", more=", continue: true"),
            rule("stream and needs tools", "s"),
            rule("stream", "t"),
            rule('model == "gpt"', "u"),
            "{name: v, then: {route: b}}",
        ),
    )
    assert len(config.routing.rules) == 5


def test_a_rule_that_can_never_hold(tmp_path: Path) -> None:
    """Its tests contradict each other."""
    lines = told(
        tmp_path, rules("{name: r, when: {tokens: {gt: 5, lt: 3}}, then: {route: a}}", rule("stream and not stream", "s"))
    )
    assert lines == [
        "gateway.yaml:10:21: routing.rules[0].when: can never hold: its tests contradict each other",
        "gateway.yaml:11:21: routing.rules[1].when: can never hold: its tests contradict each other",
    ]


def test_one_mistake_is_told_once(tmp_path: Path) -> None:
    """A condition that could not be read is not taken for one that always holds."""
    lines = told(tmp_path, rules(rule("strem"), rule("stream", "s"), "{name: t, when: needs tools, then: {route: [a]}}"))
    assert [line.split(" ")[0] for line in lines] == ["gateway.yaml:10:22:", "gateway.yaml:12:48:"]


def test_rules_are_bounded_and_checked_soon(tmp_path: Path) -> None:
    """As many rules as there may be are compared with each other in a few seconds; more are refused."""
    many = [rule(f'model == "m{n}" and tokens > {n}', f"r{n}") for n in range(501)]
    assert "has more than 500 rules" in told(tmp_path, rules(*many))[0]
    began = time.process_time()
    assert len(loaded(tmp_path, rules(*many[:500])).routing.rules) == 500
    assert time.process_time() - began < 10
