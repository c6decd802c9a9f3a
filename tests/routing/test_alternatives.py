"""What is offered when nobody can answer."""

from __future__ import annotations

from llm_gateway.core.caller import Caller
from llm_gateway.routing.alternatives import MOST, alternatives
from llm_gateway.routing.router import Router
from routed import candidate, route

NOW = 1000.0


def router(**shut: bool) -> Router:
    routes = {}
    for name, is_shut in shut.items():
        one = candidate(name)
        one.standing.until = NOW + 5 if is_shut else 0.0
        routes[name] = route([one])
    return Router(routes, {}, lambda _: None)


def test_those_that_are_well_and_open_to_the_key():
    """Not the one that failed, none whose deployments are all left alone, none that the key may not use."""
    known = router(asked=False, shut=True, closed_to_me=False, well=False, other=False)
    mine = Caller("tests", ["asked", "shut", "well", "other"])
    assert alternatives(known, mine, "asked", NOW) == ["well", "other"]
    assert alternatives(known, None, "asked", NOW) == ["closed_to_me", "well", "other"]


def test_a_few():
    """A list of thousands helps nobody."""
    many = router(**{f"m{number}": False for number in range(50)})
    assert len(alternatives(many, None, "m0", NOW)) == MOST
