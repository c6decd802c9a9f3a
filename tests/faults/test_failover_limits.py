"""Providers that ask for a pause, or have no quota left (U12-U15)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from faults.classes import together
from faults.world import FRONTS, LANES, NO_GUARDS, World, eventually, provider, question, refused, running_world
from llm_gateway.simulator import RunningSimulator

Lane = tuple[str, str, bool]
LANES_AND_WAYS: list[Lane] = [(front, back, stream) for front, back in LANES for stream in (True, False)]
FORMS = {
    "date": "retry_after_date=1",
    "past": "retry_after_date=0",
    "negative": "retry_after=-5",
    "endless": "retry_after=99999999",
    "word": "retry_after=abc",
    "nan": "retry_after=nan",
    "infinite": "retry_after=inf",
    "empty": "retry_after=",
    "milliseconds": "retry_after_ms=300",
    "negative-milliseconds": "retry_after_ms=-1",
    "both": "retry_after_ms=200,retry_after=30",
}
FAULTS = {
    "short": "429:retry_after=1,times=1,message=",
    "longer": "429:retry_after=3,times=1,message=",
    "long": "429:retry_after=30,message=",
    "busy": "503:retry_after=1,times=1,message=",
    "quota": "429:reason=insufficient_quota,message=",
} | {form: f"429:{args},times=1,message=" for form, args in FORMS.items()}
"""What is in the message keeps the counts of lanes apart."""


def name(label: str, front: str, back: str, *, stream: bool) -> str:
    return f"{label}-{front}-{back}-{'stream' if stream else 'whole'}"


def arrange(config: dict[str, Any], simulator: RunningSimulator) -> None:
    """For each fault and lane a model alone, one with a second deployment, and one with another model behind it."""
    config["resilience"] = {"shedding": NO_GUARDS["shedding"], "health_check": NO_GUARDS["health_check"]}
    for front, back, stream in LANES_AND_WAYS:
        other = FRONTS[back == FRONTS[0]]
        for label, fault in FAULTS.items():
            for arrangement in ("", "pair-", "other-"):
                own = arrangement + name(label, front, back, stream=stream)
                config["providers"][own] = provider(back, simulator.url)
                route: dict[str, Any] = {"deployments": [f"{own}/sim-model@@{fault}{own}"], "retries": 1}
                if arrangement == "pair-":
                    route["deployments"].append(f"{back}/sim-model")
                elif arrangement == "other-":
                    route["fallback"] = [f"{other}/sim-model"]
                config["models"][own] = route


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("limits"), {}, arrange) as made:
        for back in FRONTS:
            made.well("openai", back)
        yield made


@pytest.mark.parametrize("arrangement", ["", "other-"])
def test_u12_a_short_pause_is_waited_for(world: World, arrangement: str) -> None:
    """The same model once more after the second that it asked for, before another model is asked."""

    def check(lane: Lane) -> None:
        front, back, stream = lane
        model, asked = arrangement + name("short", front, back, stream=stream), question()
        got = world.ask(front, model, asked, stream=stream)
        assert got.status == 200
        assert asked in got.text
        assert got.header("x-gateway-provider") == model
        first, second = world.seen(asked)
        assert 1.0 <= second.at - first.at < 15

    together(check, LANES_AND_WAYS)


def test_u12_another_deployment_is_asked_at_once(world: World) -> None:
    """And the one that asked for three seconds is left alone for so long, without being called broken."""

    def check(lane: Lane) -> None:
        front, back, stream = lane
        model = "pair-" + name("longer", front, back, stream=stream)
        begun = time.monotonic()
        got = world.ask(front, model, question(), stream=stream)
        assert (got.status, got.header("x-gateway-provider")) == (200, back)
        assert got.seconds < 2.7
        for _ in range(3):
            asked = question()
            got = world.ask(front, model, asked, stream=stream)
            if time.monotonic() - begun < 3.0:
                assert (got.header("x-gateway-provider"), got.header("x-gateway-retries"), len(world.seen(asked))) == (
                    back,
                    "0",
                    1,
                )
        time.sleep(max(0.0, begun + 3.1 - time.monotonic()))
        assert eventually(lambda: world.ask(front, model, question(), stream=stream).header("x-gateway-provider") == model, 15)

    together(check, LANES_AND_WAYS)


def test_u13_a_long_pause_is_told(world: World) -> None:
    """429 in the front's shape with the time to wait, at once; the next caller is told the same without a request."""

    def check(lane: Lane) -> None:
        front, back, stream = lane
        model = name("long", front, back, stream=stream)
        for attempts in (1, 0):
            asked = question()
            got = world.ask(front, model, asked, stream=stream)
            refused(world, got, 429)
            assert got.error["type"] == "rate_limit_error"
            assert 25 <= int(got.header("retry-after") or 0) <= 30
            assert got.seconds < 15
            assert len(world.seen(asked)) == attempts

    together(check, LANES_AND_WAYS)


@pytest.mark.parametrize("arrangement", ["pair-", "other-"])
def test_u13_nobody_waits_for_a_long_pause(world: World, arrangement: str) -> None:
    """Thirty seconds are more than a route waits: the other deployment, or the other model, answers at once."""

    def check(lane: Lane) -> None:
        front, back, stream = lane
        asked = question()
        got = world.ask(front, arrangement + name("long", front, back, stream=stream), asked, stream=stream)
        assert got.status == 200
        assert asked in got.text
        assert got.seconds < 15
        assert len(world.seen(asked)) == 2

    together(check, LANES_AND_WAYS)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_u14_an_exhausted_quota(world: World, front: str, stream: bool) -> None:
    """Never asked again with the same key, alone or before another model; the code is kept for the caller."""
    asked = question()
    got = world.ask(front, name("quota", front, "openai", stream=stream), asked, stream=stream)
    refused(world, got, 429)
    if front == "openai":
        assert got.error["code"] == "insufficient_quota"
    assert len(world.seen(asked)) == 1
    for arrangement in ("pair-", "other-"):
        asked = question()
        got = world.ask(front, arrangement + name("quota", front, "openai", stream=stream), asked, stream=stream)
        assert got.status == 200
        assert len(world.seen(asked)) == 2
        again = question()
        assert world.ask(front, arrangement + name("quota", front, "openai", stream=stream), again).status == 200
        assert len(world.seen(again)) == 1


@pytest.mark.parametrize("form", FORMS)
def test_u15_forms_of_retry_after(world: World, form: str) -> None:
    """A date, milliseconds, nonsense: no crash, and no wait that is negative or without end."""

    def check(lane: Lane) -> None:
        front, back, stream = lane
        model, asked = name(form, front, back, stream=stream), question()
        got = world.ask(front, model, asked, stream=stream)
        assert got.seconds < 15
        if form in ("endless", "infinite"):
            refused(world, got, 429)
            assert 0 < int(got.header("retry-after") or 0) <= 24 * 3600
            assert len(world.seen(asked)) == 1
        else:
            assert got.status == 200, got
            assert asked in got.text
            first, second = world.seen(asked)
            least = {"milliseconds": 0.3, "both": 0.2}.get(form, 0.0)
            assert second.at - first.at >= least
        pair = world.ask(front, f"pair-{model}", asked, stream=stream)
        assert (pair.status, pair.header("x-gateway-provider")) == (200, back)
        assert pair.seconds < 15

    together(check, LANES_AND_WAYS)
