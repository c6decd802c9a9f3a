"""The provider cannot be reached, or its connection breaks before anything was answered (U01-U04, U07, U08)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from faults.answers import begun, well_ended
from faults.world import LANES, Row, World, eventually, nothing_leaked, question, refused, running_world
from llm_gateway.simulator import RunningSimulator, refused_port

ROWS = {
    "reset": Row("reset_pre:times=1", retries=1),
    "closed": Row("close_pre:skip=1,times=1", retries=1),
    "late-cut": Row("reset_mid:after=1", then=True, retries=0),
    "late-close": Row("close_mid:after=1", then=True, retries=0),
    "slow": Row("slow_headers:secs=20", hasty=True, timeouts={"total": "20s"}),
    "slow-then": Row("slow_headers:secs=20", hasty=True, then=True, timeouts={"total": "20s"}),
}
lanes = pytest.mark.parametrize(("front", "back"), LANES)
both_ways = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port, holder = refused_port()

    def with_refused(config: dict[str, Any], simulator: RunningSimulator) -> None:
        for back in ("openai", "anthropic"):
            config["providers"][f"{back}-down"] = {
                "type": back,
                "base_url": f"http://127.0.0.1:{port}",
                "api_key": "sk-canary-down-0123456789",
            }
            config["models"][f"{back}-down"] = {"deployments": [f"{back}-down/sim-model"], "retries": 1}
            config["models"][f"{back}-half"] = {"deployments": [f"{back}-down/sim-model", f"{back}/sim-model"], "retries": 0}

    with holder, running_world(tmp_path_factory.mktemp("connect"), ROWS, with_refused) as made:
        yield made


@lanes
@both_ways
def test_u01_a_refused_endpoint_and_a_healthy_one(world: World, front: str, back: str, stream: bool) -> None:
    """The healthy one answers within the same request, after one attempt on the other; the caller sees no error."""
    asked = question()
    got = world.ask(front, f"{back}-half", asked, stream=stream)
    assert got.status == 200
    assert asked in got.text
    assert (got.header("x-gateway-retries"), got.header("x-gateway-failover")) == ("1", "true")
    assert len(world.seen(asked)) == 1
    attempts = world.access(f"{back}-half")["attempts"]
    assert [attempt["error"] for attempt in attempts] == ["connect", None]


@lanes
@both_ways
def test_u02_only_a_refused_endpoint(world: World, front: str, back: str, stream: bool) -> None:
    """503 (Anthropic's word for it: 529) in the front's shape, soon, without the address that was tried."""
    got = world.ask(front, f"{back}-down", stream=stream)
    refused(world, got, 503 if front == "openai" else 529)
    assert got.seconds < 10
    assert got.error["message"] == "The provider could not be reached."
    world.well(front, back)


@lanes
@both_ways
def test_u03_a_reset_before_the_first_byte(world: World, front: str, back: str, stream: bool) -> None:
    """Sent once more, because nothing of an answer was seen."""
    world.simulator.reset()
    asked = question()
    got = world.ask(front, f"{back}-reset", asked, stream=stream)
    assert got.status == 200
    assert asked in got.text
    assert [seen.applied for seen in world.seen(asked)] == [("reset_pre",), ()]


@lanes
@both_ways
def test_u04_a_reused_connection_that_the_provider_closes(world: World, front: str, back: str, stream: bool) -> None:
    """The pool's connection dies with the request on it: the same request goes out on another one."""
    world.simulator.reset()
    assert world.ask(front, f"{back}-closed", stream=stream).status == 200
    asked = question()
    got = world.ask(front, f"{back}-closed", asked, stream=stream)
    assert got.status == 200
    assert asked in got.text
    first, second = world.seen(asked)
    assert first.applied == ("close_pre",)
    assert first.connection != second.connection


@lanes
@pytest.mark.parametrize("model", ["late-cut", "late-close"])
def test_u07_a_cut_before_the_first_token(world: World, front: str, back: str, model: str) -> None:
    """A head and a byte are no answer: the next deployment is asked, and the caller's stream begins once."""
    asked = question()
    got = world.ask(front, f"{back}-{model}", asked, stream=True)
    well_ended(got)
    assert begun(got) == 1
    assert got.text.count(asked) == 1
    assert len(world.seen(asked)) == 2


@lanes
@both_ways
def test_u08_a_head_that_does_not_come(world: World, front: str, back: str, stream: bool) -> None:
    """504 at the deadline; the provider's connection is closed then, not when it would have answered."""
    asked = question()
    got = world.ask(front, f"{back}-slow", asked, stream=stream)
    refused(world, got, 504)
    assert 0.25 < got.seconds < 10
    (seen,) = world.seen(asked)
    assert eventually(lambda: seen.client_gone is not None)
    assert seen.client_gone is not None
    assert seen.client_gone < 10
    world.well(front, back)


@lanes
@both_ways
def test_u08_fails_over_when_there_is_another(world: World, front: str, back: str, stream: bool) -> None:
    """The head's deadline ends one attempt, not the request."""
    asked = question()
    got = world.ask(front, f"{back}-slow-then", asked, stream=stream)
    assert got.status == 200
    assert asked in got.text
    assert 0.25 < got.seconds < 10
    nothing_leaked(world, got)
