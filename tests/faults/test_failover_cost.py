"""Failing over costs the caller less than a tenth of a second, whatever the first deployment's failure is that needs no waiting for."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

import pytest

from faults.classes import dead
from faults.world import FRONTS, LANES, NO_GUARDS, Client, World, provider, question, running_world
from llm_gateway.simulator import RunningSimulator

TIMES = 5
"""Each failure is met at so many deployments, none of which was asked before: a circuit that opens would hide what one costs."""
MOST = 0.1
"""Seconds more than on the healthy path, at the median. Beside other tests a few times as much (slack)."""
FAILURES = {
    "refused": "",
    "500": "500",
    "503": "503",
    "529": "529",
    "429": "429:retry_after=20",
    "reset": "reset_pre",
    "401": "401",
    "malformed": "null_body",
}
lanes = pytest.mark.parametrize(("front", "back"), LANES)
both_ways = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


def models(label: str, front: str, back: str, *, stream: bool) -> list[str]:
    return [f"{label}-{front}-{back}-{'stream' if stream else 'whole'}-{n}" for n in range(TIMES)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with dead() as addresses:

        def arrange(config: dict[str, Any], simulator: RunningSimulator) -> None:
            config["resilience"] = {"shedding": NO_GUARDS["shedding"], "health_check": NO_GUARDS["health_check"]}
            for front, back in LANES:
                config["providers"][f"open-{front}-{back}"] = provider(back, addresses.refused)
                config["models"][f"open-{front}-{back}"] = {
                    "deployments": [f"open-{front}-{back}/sim-model", f"{back}/sim-model"]
                }
                for label, fault in FAILURES.items():
                    for stream in (True, False):
                        for name in models(label, front, back, stream=stream):
                            config["providers"][name] = provider(back, simulator.url if fault else addresses.refused)
                            first = f"{name}/sim-model" + (f"@@{fault}" if fault else "")
                            config["models"][name] = {"deployments": [first, f"{back}/sim-model"]}

        with running_world(tmp_path_factory.mktemp("cost"), {}, arrange) as made:
            for back in FRONTS:
                made.well("openai", back)
            yield made


def took(client: Client, front: str, model: str, *, stream: bool, retries: int) -> float:
    text = question()
    got = client.ask(front, model, text, stream=stream)
    assert got.status == 200, got
    assert got.text.count(text) == 1
    assert got.header("x-gateway-retries") == str(retries), got
    return got.seconds


def added(world: World, front: str, back: str, failing: list[str], *, stream: bool, retries: int) -> float:
    """Seconds, at the median; healthy requests are asked in between, so that both meet the same machine."""
    with world.client() as client:
        pairs = [
            (
                took(client, front, model, stream=stream, retries=retries),
                took(client, front, f"{back}-well", stream=stream, retries=0),
            )
            for model in failing
        ]
    return statistics.median(failed - well for failed, well in pairs)


@lanes
@both_ways
@pytest.mark.parametrize("failure", FAILURES)
def test_failover_costs_less_than_a_tenth_of_a_second(
    world: World, front: str, back: str, stream: bool, failure: str, slack: float
) -> None:
    """No pause stands before another deployment of the same model."""
    failing = models(failure, front, back, stream=stream)
    assert added(world, front, back, failing, stream=stream, retries=1) < MOST * slack


@lanes
@both_ways
def test_an_open_circuit_costs_nothing(world: World, front: str, back: str, stream: bool, slack: float) -> None:
    """A deployment that is known to be down is not tried first."""
    model = f"open-{front}-{back}"
    for _ in range(6):
        assert world.ask(front, model).status == 200
    assert added(world, front, back, [model] * TIMES, stream=stream, retries=0) < MOST / 2 * slack
