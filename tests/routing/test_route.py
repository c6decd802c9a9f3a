"""What a name stands for, and when there is nothing to decide about it."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from routed import candidate, leg, route


def sized(*contexts: int) -> Any:
    return route([candidate(f"p{index}", context=size) for index, size in enumerate(contexts)])


def test_all_legs_one_after_another():
    """Candidates are those of all legs, in order."""
    assert [deployment.upstream.name for deployment, _ in route("ab", "c").candidates] == ["a", "b", "c"]


def test_the_written_order_needs_no_decision():
    """Deployments in the order given, by their priority; the decision is made once."""
    of = route([candidate("late", priority=1), candidate("first"), candidate("second")], "c")
    assert of.settled is of.settled
    assert of.settled is not None
    assert [[one.provider for one in chosen.order] for chosen in of.settled.legs] == [["first", "second", "late"], ["c"]]


@pytest.mark.parametrize("facts", [{"lacks": 2}, {"deprecated": True}])
def test_what_candidates_are_may_have_to_be_looked_at(facts):
    """Among several, one that lacks something or is deprecated makes the request matter; alone it is asked in any case."""
    assert route([candidate("a", **facts), candidate("b")]).settled is None
    assert route([candidate("a", **facts)]).settled is not None


def test_a_strategy_is_a_decision():
    """Unless there is nobody to choose from."""
    assert route(leg("a", "b").__class__("m", leg("a", "b").candidates, "random")).settled is None
    assert route(leg("a").__class__("m", leg("a").candidates, "random")).settled is not None
    assert route().settled is None


def test_small_bodies_fit_everywhere():
    """Below twice the smallest context window nobody has to count tokens; alone, or where nothing is known, never."""
    assert sized(1000, 500, 0).roomy == 1000
    assert sized(0, 0).roomy == sized(10).roomy == inf
