"""Model lists in the shape of either provider."""

from __future__ import annotations

from llm_gateway.simulator import SimulatorOptions, running_simulator
from simulator.support import exchange, get


def test_lists(simulator):
    """The anthropic-version header decides the shape."""
    openai = exchange(simulator.url, get("/v1/models")).json
    anthropic = exchange(simulator.url, get("/v1/models", "anthropic-version: 2023-06-01")).json
    assert {row["object"] for row in openai["data"]} == {"model"}
    assert {row["type"] for row in anthropic["data"]} == {"model"}
    assert anthropic["last_id"] == anthropic["data"][-1]["id"]


def test_configured_models():
    """With models configured those are listed and any other is unknown, in the list and in requests."""
    with running_simulator(SimulatorOptions(models=("a/b", "c"))) as simulator:
        assert [row["id"] for row in exchange(simulator.url, get("/v1/models")).json["data"]] == ["a/b", "c"]
        assert exchange(simulator.url, get("/v1/models/a/b")).json["id"] == "a/b"
        unknown = exchange(simulator.url, get("/v1/models/x"))
        assert (unknown.status, unknown.json["error"]["code"]) == (404, "model_not_found")
