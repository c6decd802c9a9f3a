"""What is claimed about conditions without a request is true for every request."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amount import examples
from llm_gateway.config.conditions.expressions import parse
from llm_gateway.config.conditions.overlap import Reach
from llm_gateway.config.conditions.tree import ALWAYS, NOWHERE, Condition, every
from llm_gateway.routing.features import Features
from random_conditions import conditions, holds, requests


def reach(text: str) -> Reach:
    return Reach(parse(text, lambda _: NOWHERE) if text else ALWAYS)


@examples(80)
@given(conditions(), conditions(), st.lists(requests(), min_size=1, max_size=8), st.sampled_from([None, 0, 5_000_000, 10**10]))
def test_claims_are_true(one: Condition, other: Condition, asked: list[Features], cost: int | None) -> None:
    """A condition that is said never to hold holds for no request, and one within another never without it."""
    narrow, wide, both = Reach(one), Reach(other), Reach(every(one, other))
    for request in asked:
        first, second = holds(one, request, cost), holds(other, request, cost)
        assert not (narrow.never and first)
        assert not (both.never and first and second)
        assert not (narrow.within(wide) and first and not second)
        assert not (wide.within(narrow) and second and not first)


@settings(max_examples=100, deadline=None)
@given(conditions(), conditions())
def test_a_condition_is_within_itself_and_whatever_is_wider(one: Condition, other: Condition) -> None:
    """`a and b` is within `a`, as far as it is laid out at all."""
    narrow, both = Reach(one), Reach(every(one, other))
    if narrow.within(narrow):
        assert both.never or both.within(narrow) or not both.within(both)


@pytest.mark.parametrize(
    "text",
    [
        "tokens > 5 and tokens < 3",
        'model == "a" and model == "b"',
        'model == "abc" and model starts_with "b"',
        'model starts_with "gpt" and model starts_with "claude"',
        'model ends_with "a" and model ends_with "b"',
        'model starts_with "gpt-4" and not model starts_with "gpt"',
        'model matches "gpt*" and model == "claude"',
        'model in ["a", "b"] and not model in ["a", "b", "c"]',
        'time < "06:00" and time >= "22:00"',
        'time between "22:00" and "06:00" and time between "10:00" and "12:00"',
        "stream and not stream",
        "needs tools and not (needs tools or needs images)",
        'tags contains "a" and not tags contains "a"',
        'source in "10.0.0.0/8" and source in "192.168.0.0/16"',
        'source in "10.1.0.0/16" and not source in "10.0.0.0/8"',
        "weekday == mon and weekday in [tue, sun]",
        "not weekday in [mon, tue, wed, thu, fri, sat, sun]",
        "not (priority >= low)",
        "tokens < 0",
        "(tokens > 5 and tokens < 3) or (stream and not stream)",
        'header("a") == "x" and header("a") == "y"',
    ],
)
def test_contradictions_are_seen(text: str) -> None:
    """What can never hold is known without a request."""
    assert reach(text).never


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not tokens >= 0",
        "not (cost < 1) and not (cost >= 1)",
        'tags contains "a" and tags contains "b"',
        "needs tools and needs images",
        'header("a") == "x" and header("b") == "y"',
        'model contains "a" and model contains "b"',
        'model starts_with "gpt" and model starts_with "gpt-4"',
        'not user == ""',
    ],
)
def test_what_can_hold_is_not_called_a_contradiction(text: str) -> None:
    """Among them: a number that nobody knows passes no test, so its negation holds."""
    assert not reach(text).never


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("stream", ""),
        ("stream and needs tools", "stream"),
        ("stream", "stream or needs tools"),
        ('model == "gpt-4o"', 'model starts_with "gpt"'),
        ('model in ["gpt-4o", "gpt-5"]', "model matches /^gpt-\\d/"),
        ('model starts_with "gpt-4"', 'model matches "gpt*"'),
        ('model matches "gpt-4*"', 'model starts_with ["claude", "gpt"]'),
        ('model ends_with "-mini"', 'model contains "mini"'),
        ("tokens > 100", "tokens >= 100"),
        ("tokens between 5 and 9", "tokens < 11 and tokens > 4"),
        ("priority == critical", "priority >= high"),
        ('time between "23:00" and "02:00"', 'time between "22:00" and "06:00"'),
        ('source in "10.1.0.0/16"', 'source in ["10.0.0.0/8", "192.168.0.0/16"]'),
        ("weekday == sat", "weekday in [sat, sun]"),
        ("needs tools", "needs in [tools, images]"),
        ('not model starts_with "gpt"', 'not model starts_with "gpt-4"'),
        ('model == "a"', 'not model == "b"'),
        ('tenant == "a" and (stream or tokens > 5)', 'tenant == "a"'),
    ],
)
def test_a_narrower_condition_is_seen(narrow: str, wide: str) -> None:
    """The rule behind is never reached, and the other way round it is."""
    assert reach(narrow).within(reach(wide))
    assert not reach(wide).within(reach(narrow))


def test_many_ways_end_the_search_and_take_no_time() -> None:
    """Beyond a few dozen ways nothing is claimed."""
    text = " and ".join(f'(model == "a{n}" or tokens > {n})' for n in range(40))
    began = time.process_time()
    found = reach(text)
    assert not found.never
    assert not found.within(found)
    assert time.process_time() - began < 0.2
