"""Where a request goes: prefixes, mounts, header, model suffix."""

from __future__ import annotations

import pytest

from llm_gateway.simulator import Mount, SimulatorOptions, running_simulator
from simulator.support import (
    CHAT,
    COHERE,
    CONVERSE,
    GEMINI,
    MESSAGES,
    OLLAMA,
    chat,
    cohere,
    converse,
    exchange,
    gemini,
    get,
    message,
    post,
)


@pytest.mark.parametrize(
    ("path", "headers", "model"),
    [
        (f"/f/503{CHAT}", (), "m"),
        (f"/f/status:code=503{CHAT}", (), "m"),
        (f"/f/crlf/f/503{CHAT}", (), "m"),
        (CHAT, ("X-Simulator-Fault: 503",), "m"),
        (CHAT, (), "m@@503"),
        (f"/f/crlf{CHAT}", ("X-Simulator-Fault: comments",), "m@@503+cr"),
    ],
)
def test_ways_to_ask_for_a_fault(simulator, path, headers, model):
    """URL prefix, header and model suffix all work, together as well."""
    assert exchange(simulator.url, post(path, chat(model=model), *headers)).status == 503
    assert simulator.requests[0].model == "m"
    assert simulator.requests[0].path == CHAT


@pytest.mark.parametrize("at", ["@@", "%40%40"])
@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/v1beta/models/m{}503:times=9:generateContent", gemini()),
        ("/v1beta/models/m{}503%3Atimes=9:streamGenerateContent?alt=sse", gemini()),
        ("/model/us.m-v1%3A0{}503:times=9,message=a%252Fb/converse", converse()),
        ("/model/us.m-v1%3A0{}503/converse-stream", converse()),
    ],
)
def test_a_fault_behind_a_model_in_the_path(simulator, path, document, at):
    """Where the address names the model, its suffix is a fault as well, and the log has both apart."""
    assert exchange(simulator.url, post(path.format(at), document)).status == 503
    seen = simulator.requests[0]
    assert seen.applied == ("503",)
    assert "503" not in seen.path
    assert seen.model in ("m", "us.m-v1:0")
    assert seen.fault.startswith("503")


def test_counters_of_models_in_the_path():
    """A fault of a path's model counts its requests, per mount."""
    mounts = (Mount(prefix="/one"), Mount(prefix="/two"))
    with running_simulator(SimulatorOptions(mounts=mounts)) as simulator:

        def ask(prefix):
            path = f"{prefix}/v1beta/models/m%40%40429%3Atimes%3D1:generateContent"
            return exchange(simulator.url, post(path, gemini())).status

        assert [ask(prefix) for prefix in ("/one", "/two", "/one", "/two")] == [429, 429, 200, 200]


def test_model_suffix_is_not_part_of_the_answer(simulator):
    """The model of the answer is the name without the fault."""
    assert exchange(simulator.url, post(CHAT, chat(model="m@@crlf"))).json["model"] == "m"


def test_paths_without_version(simulator):
    """The native path may stand with and without /v1, with a base path before it."""
    for path in ("/chat/completions", CHAT, "/openai/v1/chat/completions"):
        assert exchange(simulator.url, post(path, chat())).status == 200


def test_mounts():
    """Mounts of one simulator have their own faults, counters, models and pace."""
    mounts = (
        Mount(prefix="/down", fault="503"),
        Mount(prefix="/first", fault="429:times=1"),
        Mount(prefix="/second", fault="429:times=1", models=("only",)),
        Mount(prefix="/slow", first_token_delay=0.15),
    )
    with running_simulator(SimulatorOptions(mounts=mounts)) as simulator:

        def ask(path, **fields):
            return exchange(simulator.url, post(path + CHAT, chat(**fields)))

        assert ask("").status == 200
        assert ask("/down").status == 503
        assert [ask("/first").status for _ in range(2)] == [429, 200]
        assert [ask("/second", model="only").status for _ in range(2)] == [429, 200]
        assert ask("/second", model="other").status == 404
        assert ask("/slow").first >= 0.15 > ask("").first


def test_options_fault():
    """A fault of the options is everywhere; a bad one is refused at once."""
    with running_simulator(SimulatorOptions(fault="500")) as simulator:
        assert exchange(simulator.url, post(MESSAGES, message())).status == 500
    with pytest.raises(ValueError, match="no fault named"), running_simulator(SimulatorOptions(fault="nonsense")):
        pass


def test_keys():
    """With keys configured a request needs one, by either provider's header; without, anything goes."""
    with running_simulator(SimulatorOptions(keys=("sk-good",))) as simulator:

        def status(path, document, *headers):
            return exchange(simulator.url, post(path, document, *headers)).status

        assert status(CHAT, chat(), "Authorization: Bearer sk-good") == 200
        assert status(MESSAGES, message(), "x-api-key: sk-good") == 200
        assert status(CHAT, chat()) == 401
        signed = "AWS4-HMAC-SHA256 Credential=sk-good/20250101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00"
        assert status(GEMINI, gemini(), "x-goog-api-key: sk-good") == 200
        assert status(f"{GEMINI}?key=sk-good", gemini()) == 200
        assert status(COHERE, cohere(), "Authorization: Bearer sk-good") == 200
        assert status(CONVERSE, converse(), f"Authorization: {signed}") == 200
        assert [status(GEMINI, gemini(), f"x-goog-api-key: {key}") for key in ("wrong", "")] == [400, 403]
        assert status(CONVERSE, converse(), f"Authorization: {signed.replace('good', 'bad')}") == 403
        assert [status(path, {}) for path in (COHERE, OLLAMA)] == [401, 401]
        refused = exchange(simulator.url, post(MESSAGES, message(), "x-api-key: sk-wrong-canary"))
        assert (refused.status, refused.json["error"]["type"]) == (401, "authentication_error")
        assert b"canary" not in refused.data


def test_unknown_paths(simulator):
    """What no provider has is 404 in its manner, a known path by another method 405."""
    assert exchange(simulator.url, post("/v1/nothing", {})).json["error"]["code"] == "unknown_url"
    assert exchange(simulator.url, post("/v1/messages/nothing", {})).json["type"] == "error"
    assert exchange(simulator.url, get(CHAT)).status == 405
    assert exchange(simulator.url, post("/v1beta/nothing", {})).json["error"]["status"] == "NOT_FOUND"
    assert isinstance(exchange(simulator.url, post("/api/nothing", {})).json["error"], str)
