"""The faults U05, U06 and U20 to U37 at providers of every dialect, through every client's dialect: an answer, or an error; never half.

What each fault does is in simulator/faults; the two oldest dialects are looked at more closely in the modules beside this one.
"""

from __future__ import annotations

import http.client
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from e2e.test_matrix import documents, request_of, text_of
from faults.test_upstream_bodies import label
from faults.world import NO_GUARDS
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.http.framing.sse import SseReader
from llm_gateway.simulator import Mount, RunningSimulator, SimulatorOptions, running_simulator

BACKS = {
    "openai": "/v1",
    "responses": "/v1",
    "anthropic": "/v1",
    "gemini": "/v1beta",
    "cohere": "/v2",
    "ollama": "",
    "bedrock": "",
}
"""Provider -> what its base URL has behind the mount. The type `responses` is declared: it speaks nothing else."""
FRONTS = ("chat", "responses", "messages", "gemini", "ollama", "gemini array")  # the last one is a framing of streams only
SAME = "same"  # the answer, as without the fault
FAILS = "fails"
EITHER = "either"
BODIES = {
    "null_body": FAILS,
    "empty_body": FAILS,
    "html_200": FAILS,
    "error_200": FAILS,
    "malformed_json": FAILS,
    "truncated_json": FAILS,
    "wrong_ctype": EITHER,
    "gzip": SAME,
    "lie_gzip": FAILS,
    "bomb:mb=64": FAILS,
    "bad_utf8": EITHER,
    "nul": EITHER,
    "bom": EITHER,
    "no_usage": SAME,
    "deep_json:n=100000": FAILS,
    "bigint": EITHER,
    "obs_fold": EITHER,
    "double_cl": EITHER,
    "hdr_inject": EITHER,
    "huge_headers:kb=256": FAILS,
    "redirect": FAILS,
    "500": FAILS,
    "401": FAILS,
}
"""For whole answers and for streams."""
STREAMS = {
    "close_mid:after=700": FAILS,
    "reset_mid:after=700": FAILS,
    "mid_error+rechunk:mode=event,delay=0.002": FAILS,
    "rechunk:mode=byte": SAME,
    "rechunk:mode=random,seed=3": SAME,
    "rechunk:mode=whole": SAME,
    "bad_chunk": EITHER,
}
EVENTS = {"crlf": SAME, "cr": SAME, "multi_data": SAME, "comments": SAME, "unknown_event": SAME, "no_final_newline": SAME}
OF_FRAMES = {
    "es_crc": FAILS,
    "es_exception:type=throttlingException,after=3": FAILS,
    "es_exception:type=modelStreamErrorException,after=3": FAILS,
    "es_exception:type=internalServerException,after=3": FAILS,
    "es_long": FAILS,
}
FAULTS = BODIES | STREAMS | EVENTS | OF_FRAMES
TERMINAL = {
    "chat": b"data:[DONE]",
    "responses": b'"type":"response.completed"',
    "messages": b'"type":"message_stop"',
    "gemini": b'"finishReason"',
    "gemini array": b'"finishReason"',
    "ollama": b'"done":true',
}


def refusing(back: str, front: str, *, stream: bool) -> str:
    """The provider, and the model, that refuses our key."""
    return f"{back}-401-{front.replace(' ', '-')}-{'stream' if stream else 'whole'}"


def cases() -> Iterator[Any]:
    """Every pair of provider, fault and front is in some case of every run; all three with all three are in the long ones."""
    for row, back in enumerate(BACKS):
        own = OF_FRAMES if back == "bedrock" else {} if back == "ollama" else EVENTS
        for column, (fault, expected) in enumerate((BODIES | STREAMS | own).items()):
            for place, front in enumerate(FRONTS[: -1 if fault in BODIES else None]):
                marks = [] if fault in OF_FRAMES or (row + column + place) % 3 == 0 else [pytest.mark.long]
                yield pytest.param(back, fault, expected, front, id=f"{back}-{label(fault)}-{front}", marks=marks)


def test_every_pair_is_in_every_run() -> None:
    """What is left to the long runs repeats what the others have in another combination."""
    every = list(cases())
    for first, second in ((0, 1), (0, 3), (1, 3)):
        pairs = {(case.values[first], case.values[second]) for case in every}
        assert pairs == {(case.values[first], case.values[second]) for case in every if not case.marks}


@dataclass
class Got:
    front: str
    status: int
    kind: str
    headers: dict[str, str]
    body: bytes
    complete: bool

    @property
    def documents(self) -> list[dict[str, Any]]:
        self.body.decode()  # must be UTF-8
        if not self.kind.startswith("text/event-stream"):
            return documents(self.front, self.kind, self.body)
        reader = SseReader()
        events = [*reader.feed(self.body), *reader.end()]
        found = [msgspec.json.decode(event.data) for event in events if event.data not in (b"", b"[DONE]")]
        return [one for one in found if self.front != "chat" or "choices" in one or "error" in one]  # others mean nothing to it

    @property
    def ended(self) -> bool:
        """Whether it says that the answer is complete."""
        return TERMINAL[self.front] in self.body.replace(b": ", b":")


@dataclass
class World:
    simulator: RunningSimulator
    gateway: GatewayProcess

    def ask(self, front: str, model: str, text: str, *, stream: bool) -> Got:
        path, body = request_of(front, model, text, stream=stream, tools=False)
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=10)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        connection.request("POST", path, msgspec.json.encode(body), headers)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        complete = True
        try:
            data = answer.read()
        except http.client.IncompleteRead as error:
            data, complete = error.partial, False
        connection.close()
        return Got(front, answer.status, told.get("content-type", ""), told, data, complete)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("dialects")
    mounts = tuple(Mount(prefix=f"/{name}") for name in BACKS)
    with running_simulator(SimulatorOptions(mounts=mounts, log_size=50)) as simulator:
        url = f"http://127.0.0.1:{simulator.port}"
        providers = {
            name: {"type": name, "base_url": f"{url}/{name}{rest}", "api_key": f"sk-canary-of-{name}-0123456789"}
            for name, rest in BACKS.items()
        }
        models = {f"{name}-well": f"{name}/sim" for name in BACKS} | {
            f"{name}-{label(fault)}".replace("+", "-").replace(",", "-"): {
                "deployments": [f"{name}/sim@@{fault}"],
                "retries": 0,
                "timeouts": {"head": "5s", "first_token": "5s", "idle": "5s", "total": "9s"},
            }
            for name in BACKS
            for fault in FAULTS
            if fault != "401"
        }
        for (
            name
        ) in BACKS:  # whoever refuses our key is left alone for a while, so that each request here has an account of its own
            for front in FRONTS:
                for stream in (True, False):
                    one = refusing(name, front, stream=stream)
                    providers[one] = providers[name]
                    models[one] = {"deployments": [f"{one}/sim@@401"], "retries": 0}
        declared = {"responses": {"endpoints": {"openai_responses": "/responses"}}}
        config = {"provider_types": declared, "providers": providers, "models": models, "resilience": NO_GUARDS}
        with running_gateway(config, folder) as gateway:
            yield World(simulator, gateway)


@pytest.mark.parametrize(("back", "fault", "expected", "front"), list(cases()))
def test_an_answer_or_an_error(world: World, back: str, fault: str, expected: str, front: str) -> None:
    """Whole (where the fault is not one of streams) and streamed; afterwards the same provider answers as ever."""
    model = f"{back}-{label(fault)}".replace("+", "-").replace(",", "-")
    for stream in (True,) if fault not in BODIES else (True, False):
        asked = f"Hello {uuid.uuid4().hex[:12]} from {front}, 模型"
        if fault == "401":
            model = refusing(back, front, stream=stream)
        longer = " and on" * (40 if expected == FAILS else 4)  # so that something is left to break
        got = world.ask(front, model, asked + longer, stream=stream)
        if got.status != 200 or _in_band(got):
            assert expected != SAME, got
            _failed(got, stream=stream)
        else:
            assert expected != FAILS, got
            assert got.complete, got
            assert asked in text_of(front, got.documents), got
            assert not stream or got.ended, got
        _nothing_leaked(world, got)
    if front != "chat":
        return  # once for each fault is enough
    asked = f"Hello {uuid.uuid4().hex[:12]}"
    well = world.ask(front, f"{back}-well", asked, stream=True)
    assert asked in text_of(front, well.documents)
    assert well.ended


def _in_band(got: Got) -> bool:
    return any(("error" in found and found["error"] is not None) or found.get("type") == "error" for found in got.documents)


def _failed(got: Got, *, stream: bool) -> None:
    """In the caller's own shape: as the body, or as what a stream ends with, which then never says that the answer is complete."""
    last = got.documents[-1] if got.status == 200 else msgspec.json.decode(got.body)
    if got.status == 200:
        assert stream, got
        assert not got.ended, got
    else:
        assert got.status in (429, 502, 503, 504, 529), got
        assert got.kind == "application/json", got
    assert got.complete, got
    if got.front == "ollama":
        assert isinstance(last["error"], str), got
        return
    error = last if got.front == "responses" and got.status == 200 and "error" not in last else last["error"]
    assert error["message"], got
    assert isinstance(error.get("type", error.get("status")), str), got


def _nothing_leaked(world: World, got: Got) -> None:
    told = "".join(f"{name}: {value}\n" for name, value in got.headers.items()) + got.body.decode()
    for secret in (f":{world.simulator.port}", "127.0.0.1", "canary", KEY, "Traceback", "set-cookie", "pwned"):
        assert secret not in told, (secret, got)
