"""Where a request goes: prefixes, mounts, header, model suffix."""

from __future__ import annotations

import pytest

from llm_gateway.simulator import Mount, SimulatorOptions, running_simulator
from simulator.support import CHAT, MESSAGES, chat, exchange, get, message, post


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
        refused = exchange(simulator.url, post(MESSAGES, message(), "x-api-key: sk-wrong-canary"))
        assert (refused.status, refused.json["error"]["type"]) == (401, "authentication_error")
        assert b"canary" not in refused.data


def test_unknown_paths(simulator):
    """What no provider has is 404 in its manner, a known path by another method 405."""
    assert exchange(simulator.url, post("/v1/nothing", {})).json["error"]["code"] == "unknown_url"
    assert exchange(simulator.url, post("/v1/messages/nothing", {})).json["type"] == "error"
    assert exchange(simulator.url, get(CHAT)).status == 405
