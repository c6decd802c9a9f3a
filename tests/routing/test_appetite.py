from __future__ import annotations

import pytest

from llm_gateway.routing.appetite import NOTHING, Appetite
from llm_gateway.routing.candidate import Leg
from llm_gateway.routing.features import Needs
from routed import candidate, leg, route


def test_one_candidate_is_asked_nothing():
    """Whatever is known of it: the provider itself says best what it cannot do."""
    alone = Leg("m", (candidate("a", lacks=int(Needs.TOOLS), context=10),), "lowest_cost")
    assert route(alone).appetite == NOTHING


def test_what_anybody_lacks_and_the_smallest_window():
    """Over all legs; a window that nobody knows does not count."""
    one = candidate("a", lacks=int(Needs.TOOLS), context=100)
    other = candidate("b", lacks=int(Needs.IMAGES), context=50)
    appetite = route(leg(one, candidate("c")), leg(other, name="m2")).appetite
    assert appetite == Appetite(lacks=int(Needs.TOOLS | Needs.IMAGES), smallest=50, names=("a/model", "c/model", "b/model"))


@pytest.mark.parametrize(
    ("strategy", "wanted"),
    [
        ("priority", Appetite()),
        ("round_robin", Appetite()),
        ("least_latency", Appetite()),
        ("lowest_cost", Appetite(tokens=True)),
        ("usage_headroom", Appetite(tokens=True)),
        ("sticky", Appetite(session=True)),
        ("prefix_affinity", Appetite(tokens=True, session=True, prefix=True)),
    ],
)
def test_what_strategies_read(strategy, wanted):
    """No more than that is collected for them, wherever the strategy comes from."""
    names = ("a/model", "b/model")
    assert route(Leg("m", (candidate("a"), candidate("b")), strategy)).appetite == wanted._replace(names=names)
    assert NOTHING.and_for((strategy,)) == wanted


def test_a_leg_of_one_has_no_strategy():
    """There is nothing to choose."""
    appetite = route(Leg("m", (candidate("a"),), "lowest_cost"), leg("b", name="m2")).appetite
    assert appetite == Appetite(names=("a/model", "b/model"))


def test_joined():
    """Either's wishes; 0 is no window at all."""
    one, other = Appetite(lacks=2, smallest=100, tokens=True, names=("a", "b")), Appetite(lacks=4, session=True, names=("b", "c"))
    assert one.joined(other) == Appetite(6, 100, tokens=True, session=True, names=("a", "b", "c"))
    assert one.joined(Appetite(smallest=7)).smallest == 7
