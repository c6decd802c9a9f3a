"""Conditions as YAML: the same trees as those of one line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from amount import examples
from llm_gateway.config.conditions.structured import read
from llm_gateway.config.conditions.tree import NOWHERE, Condition, Not, Test, either, every
from llm_gateway.config.conditions.values import Misfit
from llm_gateway.config.conditions.when import When
from llm_gateway.config.errors import Problems
from llm_gateway.config.tree import plant
from llm_gateway.config.yaml_tree import read_yaml
from random_conditions import as_yaml, conditions

GPT = Test("model", "is", ("gpt",))
LONG = Test("tokens", ">", (20000,))


@examples(60)
@given(conditions())
def test_both_forms_of_a_condition_are_the_same(condition: Condition) -> None:
    """Written as a mapping or in one line, it is read as the same tree."""
    mapping = When.read(plant(as_yaml(condition), NOWHERE))
    line = When.read(plant(str(condition), NOWHERE))
    assert mapping == line
    assert mapping.condition == condition


@pytest.mark.parametrize(
    ("data", "condition"),
    [
        ({"model": "gpt"}, GPT),
        ({"model": "gpt", "tokens": {"gt": 20000}}, every(GPT, LONG)),
        ({"model": ["gpt", "x"]}, Test("model", "is", ("gpt", "x"))),
        ({"model": {"not_in": ["gpt"]}}, Not(GPT)),
        ({"tokens": {"ge": 5, "lt": 9}}, every(Test("tokens", ">=", (5,)), Test("tokens", "<", (9,)))),
        ({"any": [{"model": "gpt"}, {"tokens": {"gt": 20000}}]}, either(GPT, LONG)),
        ({"all": [{"model": "gpt"}, {"tokens": {"gt": 20000}}]}, every(GPT, LONG)),
        ({"not": {"model": "gpt", "tokens": {"gt": 20000}}}, Not(every(GPT, LONG))),
        ({"header": {"X-Team": ["a", "b"]}}, Test("header", "is", ("a", "b"), "x-team")),
        ({"metadata": {"team": {"starts_with": "m"}}}, Test("metadata", "starts_with", ("m",), "team")),
        ({"stream": False}, Not(Test("stream", "is", (1,)))),
        ({"needs": ["tools", "images"]}, Test("needs", "contains", ("tools", "images"))),
        ({"tags": {"in": ["a", "b"]}}, Test("tags", "contains", ("a", "b"))),
        ({"time": {"between": ["22:00", "06:00"]}}, Test("time", "between", (1320, 360))),
        ({"model": {"matches": "/^a|b/i"}}, Test("model", "regex_i", ("^a|b",))),
        ({"model": {"matches": "a*"}}, Test("model", "glob", ("a*",))),
        ({"cost": {"gt": 1e-06}}, Test("cost", ">", (1000,))),
        ({"priority": {"ge": "high"}}, Test("priority", ">=", (2,))),
    ],
)
def test_what_it_means(data: dict[str, Any], condition: Condition) -> None:
    """Keys of a mapping must all hold; a list is one of its entries."""
    assert read(plant(data, NOWHERE)) == condition


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("modle: a", (1, 1), 'there is no field "modle"; did you mean "model"?'),
        ("model: {start_with: a}", (1, 9), 'there is no comparison "start_with"; did you mean "starts_with"?'),
        ("tokens:\n  gt: many", (2, 7), 'tokens is a whole number, but "many" is text; write tokens > 20000'),
        ("model: 5", (1, 8), 'model is text, but 5 is a number; write "5"'),
        ("model: true", (1, 8), "expected a value, found true or false; put it in quotes"),
        ("model: {}", (1, 8), "model has no comparison"),
        ("model: [a, [b]]", (1, 12), "expected a value, found a list"),
        ("any: {model: a}", (1, 6), "any takes a list of conditions, found a mapping"),
        ("any: []", (1, 6), "any takes a list of conditions, found a list"),
        ("not: model", (1, 6), "expected a condition, found text"),
        ("all:\n- model: a\n- {}", (3, 3), "has no tests"),
        ("stream: yes please", (1, 9), "stream is true or false, found text"),
        ("header: x-team", (1, 9), "header takes the names of entries, found text"),
        ("header: {'x team': a}", (1, 10), '"x team" is not the name of a header'),
        ("needs: tool", (1, 8), 'needs is never "tool"; did you mean "tools"?'),
        ("model: []", (1, 1), "has no values to compare with"),
    ],
)
def test_what_is_said_of_a_mistake(text: str, place: tuple[int, int], said: str) -> None:
    """The line and column of the key or value that is wrong, and what is wrong."""
    with pytest.raises(Misfit) as caught:
        read(read_yaml(text, "f", Problems()))
    assert caught.value.at is not None
    assert (caught.value.at.line, caught.value.at.column) == place
    assert f"{caught.value.message}; {caught.value.suggestion}".startswith(said)
