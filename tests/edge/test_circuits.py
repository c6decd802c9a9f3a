"""Circuit breakers as operators see them."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import NotFound, Unauthenticated
from llm_gateway.edge.circuits import Circuits
from llm_gateway.http.request import Request
from resilience_support import World

ANYONE = Request(b"GET", b"/", b"", {}, "", 0.0, None, b"")


def circuits(world: World, *, known: bool = True) -> Circuits:
    def identify(_headers):
        if not known:
            raise Unauthenticated("no")
        return Caller("tests")

    return Circuits(identify, world.standings)


def listed(world: World) -> list[dict[str, object]]:
    return msgspec.json.decode(asyncio.run(circuits(world).listing(ANYONE, "")).body)["data"]


def test_those_that_are_not_closed_come_first():
    """Name, state, failures; and for whoever is left alone why, and for how long."""
    world = World()
    world.ok(world.candidate("a/model"))
    world.fail(world.candidate("b/model"), times=5)
    rows = listed(world)
    assert [row["id"] for row in rows] == ["b/model", "a", "a/model", "b"]
    assert (rows[0]["state"], rows[0]["consecutive_failures"], rows[0]["reason"]) == ("open", 5, "circuit")
    assert 0 < rows[0]["seconds_left"] <= 1
    assert rows[2] == {"id": "a/model", "state": "closed", "consecutive_failures": 0, "success_rate": 1.0, "running": 0}


@pytest.mark.parametrize("path", ["b/model/reset", "b%2Fmodel/reset"])
def test_reset(path):
    """Closed at once; the deployment is asked again."""
    world = World()
    candidate = world.candidate("b/model")
    world.fail(candidate, times=5)
    assert not world.feedback.admits(candidate, world.now)
    assert asyncio.run(circuits(world).reset(ANYONE, path)).status == 204
    assert world.feedback.admits(candidate, world.now)


@pytest.mark.parametrize("path", ["nobody/reset", "b/model", "reset", "/reset"])
def test_there_is_no_such_breaker(path):
    """A name that nobody has, or another path, is 404."""
    world = World()
    world.candidate("b/model")
    with pytest.raises(NotFound):
        asyncio.run(circuits(world).reset(ANYONE, path))


def test_strangers_see_nothing():
    """Where a key is needed, it is needed here."""
    world = World()
    for asked in (circuits(world, known=False).listing, circuits(world, known=False).reset):
        with pytest.raises(Unauthenticated):
            asyncio.run(asked(ANYONE, "b/model/reset"))
