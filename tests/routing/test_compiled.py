"""Compiled conditions mean what they say, cost little, and hold nothing that came from a configuration but constants."""

from __future__ import annotations

import timeit
from types import CodeType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amount import examples
from llm_gateway.config.conditions.expressions import parse
from llm_gateway.config.conditions.tree import ALWAYS, NOWHERE, Condition
from llm_gateway.routing.compiled import finder
from llm_gateway.routing.features import Features
from random_conditions import conditions, holds, requests


def read(text: str) -> Condition:
    return parse(text, lambda _: NOWHERE)


def never(_: Features) -> int | None:
    pytest.fail("the cost was asked for")


@examples(40)
@given(
    st.lists(st.tuples(conditions(), st.booleans()), min_size=1, max_size=4),
    st.lists(requests(), min_size=1, max_size=6),
    st.sampled_from([None, 0, 1000, 5_000_000, 10**10]),
)
def test_compiled_conditions_hold_where_they_should(
    rules: list[tuple[Condition, bool]], asked: list[Features], cost: int | None
) -> None:
    """For any conditions and requests: those that hold, in order, up to the first that ends the search."""
    find = finder(rules, lambda _: cost)
    for request in asked:
        expected: list[int] = []
        for index, (condition, ends) in enumerate(rules):
            if holds(condition, request, cost):
                expected.append(index)
                if ends:
                    break
        assert find(request) == tuple(expected)


def test_an_expensive_fact_is_worked_out_when_it_is_needed_and_once() -> None:
    """The cost is not asked for unless a test on it is reached, and then once for all of them."""
    asked: list[int] = []
    rules = [(read("stream and cost > 1"), True), (read("tokens > 5 and cost > 1"), True), (read("cost > 2"), True)]
    find = finder(rules, lambda _: asked.append(1))
    small = Features("m", 0.0, 0.0, 0)
    assert find(small) == ()
    assert len(asked) == 1
    assert finder(rules[:2], never)(small) == ()


def test_a_condition_that_always_holds() -> None:
    """A rule without `when`."""
    assert finder([(ALWAYS, False), (ALWAYS, True), (ALWAYS, True)], never)(Features("m", 0.0, 0.0, 0)) == (0, 1)


def test_nothing_that_is_configured_becomes_code() -> None:
    """Names in the bytecode are ours, whatever the condition says; there are no builtins to reach."""
    evil = read('''model == "__import__('os')" and header("__class__") == "x" and metadata("f.model") matches "a?b*c"''')
    find = finder([(evil, True)], never)
    code: CodeType = find.__code__  # type: ignore[attr-defined]
    ours = {"model", "headers", "metadata", "get"}
    assert set(code.co_names) - ours <= {name for name in find.__globals__ if name.startswith("test_")}  # type: ignore[attr-defined]
    assert set(code.co_varnames) == {"f", "found", "model", "headers", "metadata"}
    assert find.__globals__["__builtins__"] == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        'model starts_with "m{n}-" and tokens > 20000',
        'tenant == "t{n}" and needs tools',
        'header("x-h{n}") == "ml" and not stream',
        'model matches "gpt-{n}-*" and time between "22:00" and "06:00"',
        'source in "10.{n}.0.0/16"',
        "model matches /^claude-{n}-.*-(sonnet|opus)/",
    ],
)
def test_fifty_rules_cost_a_few_microseconds(text: str) -> None:
    """None of them holds: a rule takes about 50 ns (bound: 20 us for all, as other work shares the machine)."""
    find = finder([(read(text.replace("{n}", str(n))), True) for n in range(50)], lambda _: 0)
    request = Features("gpt-4o", 0.0, 1e9, 5, tenant="x", tokens=300, source="192.168.1.1", headers={"x-a": "b"})
    assert find(request) == ()
    assert min(timeit.repeat(lambda: find(request), number=200, repeat=10)) / 200 < 20e-6
