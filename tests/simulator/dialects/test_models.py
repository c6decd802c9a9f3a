"""Model lists in the shape of either provider."""

from __future__ import annotations

from llm_gateway.simulator import SimulatorOptions, running_simulator
from simulator.support import COHERE, CONVERSE, GEMINI, OLLAMA, cohere, converse, exchange, gemini, get, ollama, post


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


def test_what_ollama_and_google_list(simulator):
    """Lists at addresses of their own, and Ollama's version."""
    google = exchange(simulator.url, get("/v1beta/models")).json["models"]
    assert all(row["name"].startswith("models/") and row["supportedGenerationMethods"] for row in google)
    assert exchange(simulator.url, get("/v1beta/models/gemini-2.5-pro")).json["name"] == "models/gemini-2.5-pro"
    tags = exchange(simulator.url, get("/api/tags")).json["models"]
    assert all(row["name"] == row["model"] for row in tags)
    assert exchange(simulator.url, get("/api/version")).json.keys() == {"version"}


def test_configured_models_in_every_dialect():
    """A model that is not configured is unknown in each provider's own words."""
    with running_simulator(SimulatorOptions(models=("known",))) as simulator:
        asked = {GEMINI: gemini(), OLLAMA: ollama(), COHERE: cohere(), CONVERSE: converse()}
        found = {path: exchange(simulator.url, post(path, document)) for path, document in asked.items()}
        assert [answer.status for answer in found.values()] == [404, 404, 404, 400]
        assert found[GEMINI].json["error"]["status"] == "NOT_FOUND"
        assert found[OLLAMA].json == {"error": "model 'llama-test' not found"}
        assert [row["name"] for row in exchange(simulator.url, get("/api/tags")).json["models"]] == ["known"]
        known = exchange(simulator.url, post("/v1beta/models/known:generateContent", gemini()))
        assert known.json["modelVersion"] == "known"
