"""Damage on the wire with others to go to (U31, U32, U34), and callers who leave while one provider after another is asked (C01, C02)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from faults.answers import well_ended
from faults.classes import FAILURES, together
from faults.world import (
    FRONTS,
    LANES,
    NO_GUARDS,
    World,
    eventually,
    nothing_leaked,
    payload,
    provider,
    question,
    request_bytes,
    running_world,
)
from llm_gateway.simulator import RunningSimulator

# Not bad_chunk: it breaks behind the finish reason, so that it depends on the reads whether anything was shown by then.
FRAMING = (
    "no_cl",
    "cl_short",
    "cl_long",
    "double_cl",
    "te_cl",
    "obs_fold",
    "http10",
    "lf_only",
    "mid_error:after=1",
)
FRAMES = (
    "es_crc",
    "close_mid:after=300",
    "es_exception:type=throttlingException,after=0",
    "es_exception:type=modelStreamErrorException,after=3",
    "es_exception:type=internalServerException,after=3",
)
LANES_AND_WAYS = [(front, back, stream) for front, back in LANES for stream in (True, False)]
ARRANGEMENTS = ("pair", "three", "other")
SLOW = "slow_headers:secs=20"
fronts = pytest.mark.parametrize("front", FRONTS)


def label(kind: str, number: int, arrangement: str, back: str) -> str:
    return f"{kind}{number}-{arrangement}-{back}"


def arrange(config: dict[str, Any], simulator: RunningSimulator) -> None:
    config["resilience"] = {"shedding": NO_GUARDS["shedding"], "health_check": NO_GUARDS["health_check"]}
    config["providers"]["bedrock"] = {"type": "bedrock", "base_url": simulator.url, "api_key": "bedrock-canary-0123456789abcdef"}
    for arrangement in ARRANGEMENTS:
        for number, fault in enumerate(FRAMING):
            for back in FRONTS:
                _add(config, simulator, label("framing", number, arrangement, back), back, fault, arrangement)
        for number, fault in enumerate(FRAMES):
            _add(config, simulator, label("frames", number, arrangement, "bedrock"), "bedrock", fault, arrangement)
    for back in FRONTS:
        filtered = f"{back}/sim-model@@{FAILURES['filter'].spec(back, 'whole')}"
        config["models"][f"{back}-around"] = {"deployments": [filtered, f"{back}/sim-model"], "around_content_filter": True}
        second = {"model": f"{back}/sim-model@@{SLOW}"}
        config["models"][f"{back}-leave"] = {"deployments": [f"{back}/sim-model@@503", second, f"{back}/sim-model"], "retries": 2}
        waits = f"{back}/sim-model@@429:retry_after=2,message=leave"
        config["models"][f"{back}-pause"] = {"deployments": [waits], "fallback": [f"{back}/sim-model"]}


def _add(config: dict[str, Any], simulator: RunningSimulator, name: str, back: str, fault: str, arrangement: str) -> None:
    failing = []
    for letter in "ab" if arrangement == "three" else "a":
        account = f"{name}-{letter}"
        config["providers"][account] = {**config["providers"][back]} if back == "bedrock" else provider(back, simulator.url)
        failing.append(f"{account}/sim-model@@{fault}")
    other = FRONTS[back == FRONTS[0]]
    route: dict[str, Any] = {"deployments": failing, "retries": 1, "on_cut": "continue"}
    if arrangement == "other":
        route["fallback"] = [f"{other}/sim-model"]
    else:
        route["deployments"] = [*failing, f"{back}/sim-model"]
    # A body that claims more than it holds is waited for.
    config["models"][name] = {**route, "timeouts": {"idle": "1s", "total": "10s"}}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("edges"), {}, arrange) as made:
        for back in FRONTS:
            made.well("openai", back)
        yield made


def answered(world: World, front: str, model: str, *, stream: bool) -> None:
    """The whole answer, once."""
    asked = question()
    got = world.ask(front, model, asked, stream=stream)
    nothing_leaked(world, got)
    assert got.status == 200, got
    assert got.text.count(asked) == 1, got
    assert got.complete, got
    if stream:
        well_ended(got)


@fronts
@pytest.mark.parametrize("number", range(len(FRAMING)), ids=FRAMING)
def test_u31_u34_damage_and_somebody_else(world: World, front: str, number: int) -> None:
    """Whatever breaks in one provider's message, its own dialect or the other one, the caller has his answer, and so has the next."""

    def check(case: tuple[str, str, bool]) -> None:
        arrangement, back, stream = case
        answered(world, front, label("framing", number, arrangement, back), stream=stream)
        answered(world, front, f"{back}-well", stream=stream)

    together(check, [(one, back, stream) for one in ARRANGEMENTS for back in FRONTS for stream in (True, False)])


@fronts
@pytest.mark.parametrize("number", range(len(FRAMES)), ids=FRAMES)
def test_u32_damaged_frames_and_somebody_else(world: World, front: str, number: int) -> None:
    """A broken event stream never ends as if it were whole: another deployment goes on with it, character for character."""
    together(
        lambda arrangement: answered(world, front, label("frames", number, arrangement, "bedrock"), stream=True),
        list(ARRANGEMENTS),
    )


@pytest.mark.parametrize("model", ["leave", "pause"])
def test_c01_c02_leaving_while_others_are_asked(world: World, model: str, slack: float) -> None:
    """The attempt under way is cancelled within a second, no further one is made, and nobody is called guilty for it."""

    def check(lane: tuple[str, str, bool]) -> None:
        front, back, stream = lane
        asked = question()
        attempts = 2 if model == "leave" else 1
        with world.raw() as sock:
            sock.sendall(request_bytes(front, payload(front, f"{back}-{model}", asked, stream=stream)))
            assert eventually(lambda: len(world.seen(asked)) == attempts)
            time.sleep(0.05)
            begun = time.monotonic()
        last = world.seen(asked)[-1]
        assert eventually(lambda: last.client_gone is not None or last.done is not None, 15)
        assert time.monotonic() - begun < slack
        time.sleep(2.3 if model == "pause" else 0.3)
        assert len(world.seen(asked)) == attempts

    if model == "leave":
        together(check, LANES_AND_WAYS)
    else:  # the pause of the first is the others', so that only one of them is sent
        together(check, [("openai", back, True) for back in FRONTS])
    assert eventually(lambda: world.access(f"openai-{model}")["outcome"] == "client_gone")


def test_around_a_content_filter(world: World) -> None:
    """A route may say that what one provider filters is sent to the next."""
    together(lambda lane: answered(world, lane[0], f"{lane[1]}-around", stream=lane[2]), LANES_AND_WAYS)
