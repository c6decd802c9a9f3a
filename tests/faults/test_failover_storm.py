"""Two hundred callers at once while providers fail (U18): no storm of retries, fast failures, and answers wherever one is to be had."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from faults.answers import Got
from faults.world import LANES, NO_GUARDS, World, eventually, provider, question, refused, running_world
from llm_gateway.simulator import RunningSimulator

CLIENTS = 200
BUDGET = 0.2
MINIMUM = 3 * 5
"""Three retries may be under way whatever the budget says; as many again when those have failed, until nobody waits any more."""
BUSY = "503+slow_headers:secs=0.3"
"""So that all of them are under way together."""
lanes = pytest.mark.parametrize(
    ("front", "back"), [LANES[0], *(pytest.param(*lane, marks=pytest.mark.long) for lane in LANES[1:-1]), LANES[-1]]
)


def arrange(config: dict[str, Any], simulator: RunningSimulator) -> None:
    """all: two deployments and a fallback, all of which fail. last: two that fail, and a healthy one."""
    for front, back in LANES:
        for letter in "abc":
            config["providers"][f"{front}-{back}-{letter}"] = provider(back, simulator.url)
        a, b, c = (f"{front}-{back}-{letter}/m@@{BUSY}" for letter in "abc")
        config["models"][f"{back}-all-{front}"] = {"deployments": [a, b], "fallback": [c], "retries": 2}
        config["models"][f"{back}-last-{front}"] = {"deployments": [a, b, f"{back}/sim-model"], "retries": 2}
        config["models"][f"{back}-elsewhere-{front}"] = {"deployments": [a], "fallback": [b, f"{back}/sim-model"], "retries": 2}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With circuits, and nothing that the tests of the machine's load would disturb."""

    def guarded(config: dict[str, Any], simulator: RunningSimulator) -> None:
        arrange(config, simulator)
        config["resilience"] = {"shedding": {"enabled": False}, "circuit_breaker": {"cooldown": "30s"}}

    with running_world(tmp_path_factory.mktemp("storm"), {}, guarded) as made:
        yield made


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Without circuits: the budget alone holds."""

    def budget_only(config: dict[str, Any], simulator: RunningSimulator) -> None:
        arrange(config, simulator)
        config["resilience"] = {**NO_GUARDS, "retry": {"minimum": 0, "wait": "300ms"}}

    with running_world(tmp_path_factory.mktemp("budget"), {}, budget_only) as made:
        yield made


def storm(world: World, front: str, model: str) -> tuple[list[Got], int]:
    """What the callers were answered, and how many attempts were made for them."""
    text = question()

    def ask(number: int) -> Got:
        return world.ask(front, model, text, stream=number % 2 == 0)

    with ThreadPoolExecutor(CLIENTS) as pool:
        got = list(pool.map(ask, range(CLIENTS)))
    return got, len(world.seen(text))


def honest(world: World, got: list[Got]) -> None:
    for one in got:
        refused(world, one, 503, 529)


@lanes
def test_u18_everyone_fails_and_only_the_budget_holds(unguarded: World, front: str, back: str) -> None:
    """Attempts stay within the callers and a fifth more, with three deployments to go to and two retries for each; nobody waits long."""
    for _ in range(3):
        got, attempts = storm(unguarded, front, f"{back}-all-{front}")
        honest(unguarded, got)
        assert CLIENTS <= attempts <= CLIENTS * (1 + BUDGET)
        assert max(one.seconds for one in got) < 15
        if attempts > CLIENTS:
            return
    raise AssertionError("nobody was tried again")  # in the first, retries of a test right before may count still (LINGER)


@lanes
def test_u18_everyone_fails_and_circuits_open(world: World, front: str, back: str, slack: float) -> None:
    """The same with circuits: afterwards nothing is sent any more, and two hundred callers are told so at once."""
    model = f"{back}-all-{front}"
    got, attempts = storm(world, front, model)
    honest(world, got)
    assert attempts <= CLIENTS * (1 + BUDGET) + MINIMUM
    asked = question()
    begun = time.monotonic()
    late = world.ask(front, model, asked)
    refused(world, late, 503, 529)
    assert time.monotonic() - begun < 0.25 * slack
    assert late.header("retry-after")
    assert world.seen(asked) == []


@lanes
@pytest.mark.parametrize("arrangement", ["last", "elsewhere"])
def test_u18_a_healthy_one_is_found_through_the_storm(
    world: World, unguarded: World, front: str, back: str, arrangement: str
) -> None:
    """Who is beyond the budget for a deployment that nobody knows goes on to the one that is well: every caller is answered."""
    for one in (world, unguarded):
        one.well(front, back)
        got, attempts = storm(one, front, f"{back}-{arrangement}-{front}")
        assert [answer.status for answer in got] == [200] * CLIENTS
        assert attempts <= CLIENTS * (2 + BUDGET) + MINIMUM
    assert eventually(lambda: world.simulator.stats()["running"] == 0)
