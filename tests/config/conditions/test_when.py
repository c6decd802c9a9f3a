"""The configuration key `when`: either form, with places inside of texts, and silent about what came from outside."""

from __future__ import annotations

from pathlib import Path

from config.helpers_config import loaded, told
from llm_gateway.config.conditions.tree import Test
from llm_gateway.config.conditions.when import When

HEAD = "providers: {openai: {api_key: k-12345}}\nmodels: {gpt: openai/gpt-4o}\nrouting:\n  rules:\n"


def test_both_forms_are_read(tmp_path: Path) -> None:
    """One line or a mapping, in YAML, and either from a flag."""
    text = HEAD + "  - {name: a, when: stream, then: {route: gpt}}\n  - {name: b, when: {model: x}, then: {route: gpt}}\n"
    rules = loaded(tmp_path, text).routing.rules
    assert rules[0].when == When(Test("stream", "is", (1,)))
    assert rules[1].when == When(Test("model", "is", ("x",)))
    flagged = loaded(
        tmp_path, text, flags=['routing.rules[0].when={"model": "y"}', 'routing.rules[1].when=model == "z"']
    ).routing.rules
    assert [str(rule.when) for rule in flagged] == ['model == "y"', 'model == "z"']


def test_a_mistake_is_told_by_line_and_column_inside_the_text(tmp_path: Path) -> None:
    """Through quotes, escapes and folded lines; in JSON too."""
    text = HEAD + "  - name: a\n    when: >-\n      stream\n      and tokns > 5\n    then: {route: gpt}\n"
    assert told(tmp_path, text) == ['gateway.yaml:8:11: routing.rules[0].when: there is no field "tokns"; did you mean "tokens"?']
    data = '{"routing": {"rules": [{"name": "a", "when": "header(\\"x\\") == 5", "then": {"reject": "no"}}]}}'
    place = data.index("5") + 1
    assert told(tmp_path, data, name="gateway.json") == [
        f'gateway.json:1:{place}: routing.rules[0].when: header is text, but 5 is a number; write "5"'
    ]


def test_what_came_from_outside_is_not_shown(tmp_path: Path) -> None:
    """A text that a variable holds may be a secret in the wrong place."""
    text = HEAD + "  - {name: a, when: '${COND}', then: {route: gpt}}\n"
    assert loaded(tmp_path, text, COND="stream").routing.rules[0].when == When(Test("stream", "is", (1,)))
    lines = told(tmp_path, text, COND='sk-secret-0123456789 == "x"')
    assert lines == ["gateway.yaml:5:21: routing.rules[0].when: what ${COND} holds makes no condition"]


def test_it_is_a_condition_or_nothing(tmp_path: Path) -> None:
    """Other values are told; absent and empty mean always."""
    assert (
        "expected a condition, found a whole number" in told(tmp_path, HEAD + "  - {name: a, when: 5, then: {route: gpt}}\n")[0]
    )
    assert loaded(tmp_path, HEAD + "  - {name: a, when: , then: {route: gpt}}\n").routing.rules[0].when is None
