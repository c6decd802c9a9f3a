"""C29, safety of kept answers: what a provider did wrong is given to nobody again, and nobody is given another tenant's answer.

A real gateway before providers of every dialect that fail in every way; each request is sent twice, to the byte the same.
"""

from __future__ import annotations

import http.client
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from e2e.test_matrix import request_of, text_of
from faults.test_every_dialect import BACKS, BODIES, EVENTS, FAILS, FRONTS, OF_FRAMES, SAME, STREAMS, Got, World
from faults.test_upstream_bodies import label
from faults.world import NO_GUARDS
from gateway_process import KEY, running_gateway
from llm_gateway.simulator import Mount, SimulatorOptions, running_simulator

KEPT = tuple(front for front in FRONTS if front != "responses")
FAULTS = {
    fault: expected
    for fault, expected in (BODIES | STREAMS | EVENTS | OF_FRAMES).items()
    if not fault.startswith(("401", "bomb"))
}
OTHER_KEY = "sk-gateway-other-0123456789abcdef"


def model_of(back: str, fault: str) -> str:
    return f"{back}-{label(fault)}".replace("+", "-").replace(",", "-")


def cases() -> Iterator[Any]:
    """Every fault at some provider that can have it, through half of the fronts; through the others in the long runs."""
    for number, (fault, expected) in enumerate(FAULTS.items()):
        able = [back for back in BACKS if _has(back, fault)]
        for place, front in enumerate(KEPT):
            back = able[(number + place) % len(able)]
            marks = [pytest.mark.long] if (number + place) % 2 else []
            yield pytest.param(back, fault, expected, front, id=f"{model_of(back, fault)}-{front}", marks=marks)


def _has(back: str, fault: str) -> bool:
    if fault in OF_FRAMES:
        return back == "bedrock"
    return fault not in EVENTS or back not in ("bedrock", "ollama")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("cache")
    with running_simulator(
        SimulatorOptions(mounts=tuple(Mount(prefix=f"/{name}") for name in BACKS), log_size=5000)
    ) as simulator:
        url = f"http://127.0.0.1:{simulator.port}"
        providers = {
            name: {"type": name, "base_url": f"{url}/{name}{rest}", "api_key": f"sk-canary-of-{name}-0123456789"}
            for name, rest in BACKS.items()
        }
        models: dict[str, Any] = {f"{name}-well": f"{name}/sim" for name in BACKS}
        for name in BACKS:
            for fault in FAULTS:
                models[model_of(name, fault)] = {"deployments": [f"{name}/sim@@{fault}"], "retries": 0}
        keys = [{"name": "tests", "key": KEY}, {"name": "other", "key": OTHER_KEY, "tenant": "other"}]
        config = {
            "provider_types": {"responses": {"endpoints": {"openai_responses": "/responses"}}},
            "providers": providers,
            "models": models,
            "resilience": NO_GUARDS,
            "auth": {"keys": keys},
            "cache": {"enabled": True, "stale": "1h"},
        }
        with running_gateway(config, folder) as gateway:
            yield World(simulator, gateway)


def cached(got: Got) -> str | None:
    return got.headers.get("x-cache")


def good(front: str, got: Got, text: str, *, stream: bool) -> bool:
    """Whether it is a whole answer to the question."""
    if got.status != 200 or not got.complete or (stream and not got.ended):
        return False
    found = got.documents
    return text in text_of(front, found) and not any(one.get("error") for one in found)


@pytest.mark.parametrize(("back", "fault", "expected", "front"), list(cases()))
def test_what_went_wrong_is_not_given_again(world: World, back: str, fault: str, expected: str, front: str) -> None:
    """Only what is a whole answer to the very question is ever a HIT, and then it is one to the byte."""
    for stream in (True,) if fault not in BODIES else (True, False):
        text = f"Hello {uuid.uuid4().hex[:12]}"
        asked = text + " and on" * (40 if expected == FAILS else 4)
        first, second = (world.ask(front, model_of(back, fault), asked, stream=stream) for _ in range(2))
        assert cached(first) == "MISS", first
        well = good(front, first, text, stream=stream)
        if expected == FAILS:
            assert not well, first
        if expected == SAME:
            assert cached(second) == "HIT", (first, second)
        if cached(second) == "HIT":
            assert well, first
            assert second.body.replace(b": keepalive\n\n", b"") == first.body.replace(b": keepalive\n\n", b"")
        else:
            assert cached(second) == "MISS", second


@pytest.mark.parametrize("front", KEPT)
@pytest.mark.parametrize("back", BACKS)
def test_every_dialect_before_every_other(world: World, back: str, front: str) -> None:
    """Whole and streamed, each for itself: the second one is a HIT with the same bytes, and the provider was asked once for each."""
    text = f"Hello {uuid.uuid4().hex[:12]}"
    for stream in (True, False) if front != "gemini array" else (True,):
        first, second = (world.ask(front, f"{back}-well", text, stream=stream) for _ in range(2))
        assert (cached(first), cached(second)) == ("MISS", "HIT")
        assert second.body == first.body
        assert second.kind == first.kind
        assert good(front, second, text, stream=stream), second
    assert len([seen for seen in world.simulator.requests if text.encode() in seen.body]) == (1 if front == "gemini array" else 2)


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0.3},
        {"tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]},
        {"stop": ["zebra"]},
        {"user": "ada"},
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"response_format": {"type": "json_object"}},
        {"seed": 2},
    ],
    ids=str,
)
def test_what_is_asked_otherwise_is_another_request(world: World, more: dict[str, Any]) -> None:
    """The same words with one member more: nobody gets an answer that was made for other terms."""
    text = f"Hello {uuid.uuid4().hex[:12]}"
    _, body = request_of("chat", "openai-well", text, stream=False, tools=False)
    statuses = [_post(world, msgspec.json.encode(document), KEY) for document in (body, body | more, body, body | more)]
    assert [cached(got) for got in statuses] == ["MISS", "MISS", "HIT", "HIT"]


def test_no_answer_crosses_to_another_tenant(world: World) -> None:
    """C25: the same bytes with another tenant's key are asked for at the provider; both then have their own."""
    text = f"Hello {uuid.uuid4().hex[:12]}"
    _, body = request_of("chat", "openai-well", text, stream=False, tools=False)
    data = msgspec.json.encode(body)
    results = [cached(_post(world, data, key)) for key in (KEY, OTHER_KEY, KEY, OTHER_KEY)]
    assert results == ["MISS", "MISS", "HIT", "HIT"]
    assert len([seen for seen in world.simulator.requests if text.encode() in seen.body]) == 2


def test_equal_requests_at_once_each_get_a_whole_answer(world: World) -> None:
    """Without `coalesce` each that finds nothing asks; all are good, and one of the answers is the one that is kept."""
    text = f"Hello {uuid.uuid4().hex[:12]}"
    _, body = request_of("chat", "openai-well", text, stream=True, tools=False)
    data = msgspec.json.encode(body)
    with ThreadPoolExecutor(8) as pool:
        several = list(pool.map(lambda _: _post(world, data, KEY), range(24)))
    assert all(good("chat", got, text, stream=True) for got in several)
    last = _post(world, data, KEY)
    assert cached(last) == "HIT"
    assert last.body in {got.body for got in several}


def _post(world: World, data: bytes, key: str) -> Got:
    connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=10)
    head = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    connection.request("POST", "/v1/chat/completions", data, head)
    answer = connection.getresponse()
    told = {name.lower(): value for name, value in answer.getheaders()}
    read = answer.read()
    connection.close()
    return Got("chat", answer.status, told.get("content-type", ""), told, read, complete=True)
