"""Conditions as trees: equal however they were written, and written out so that they can be read again."""

from __future__ import annotations

import pytest
from hypothesis import given

from amount import examples
from llm_gateway.config.conditions.expressions import parse
from llm_gateway.config.conditions.tree import NOWHERE, Condition, Not, Test, either, every, leaves
from random_conditions import conditions

A, B, C = (Test("model", "is", (letter,)) for letter in "abc")


@examples(60)
@given(conditions())
def test_what_is_written_out_reads_back_as_the_same(condition: Condition) -> None:
    """A condition's one line is a condition again, and the same one."""
    assert parse(str(condition), lambda _: NOWHERE) == condition


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (A, 'model == "a"'),
        (Test("model", "is", ("a", "b")), 'model in ["a", "b"]'),
        (Test("header", "glob", ("a*",), "x-team"), 'header("x-team") matches "a*"'),
        (Test("model", "regex_i", ("^a",)), "model matches /^a/i"),
        (Test("time", "between", (1320, 1440)), 'time between "22:00" and "24:00"'),
        (Test("cost", ">", (50_000_000,)), "cost > 0.05"),
        (Test("priority", ">=", (2,)), "priority >= high"),
        (Test("source", "is", ("10.0.0.0/8",)), 'source in "10.0.0.0/8"'),
        (Not(Test("stream", "is", (1,))), "not stream"),
        (Not(either(A, B)), 'not (model == "a" or model == "b")'),
        (every(either(A, B), C), '(model == "a" or model == "b") and model == "c"'),
        (either(every(A, B), C), 'model == "a" and model == "b" or model == "c"'),
    ],
    ids=str,
)
def test_how_it_is_written_out(condition: Condition, text: str) -> None:
    """One line, with parentheses only where they mean something."""
    assert str(condition) == text


def test_joining_flattens() -> None:
    """`a and (b and c)` is the same as `a and b and c`, and one condition alone needs no join."""
    assert every(A, every(B, C)) == every(A, B, C)
    assert either(either(A, B), C) == either(A, B, C)
    assert every(A) == either(A) == A


def test_leaves_gives_all_in_order() -> None:
    """Whatever they are under."""
    assert list(leaves(either(every(A, Not(B)), C))) == [A, B, C]
