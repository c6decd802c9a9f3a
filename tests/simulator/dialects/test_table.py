"""Which operation an address is."""

from __future__ import annotations

import pytest

from llm_gateway.simulator import Mount, SimulatorOptions, running_simulator
from llm_gateway.simulator.dialects.table import SPOKEN, dialect_for
from simulator.support import CHAT, COHERE, CONVERSE, GEMINI, MESSAGES, OLLAMA, chat, cohere, exchange, gemini, message, post


@pytest.mark.parametrize(
    ("path", "query", "name", "shape"),
    [
        ("/v1/responses", "", "openai_responses", "SSE"),
        ("/v1beta/models/gemini-2.5-pro:generateContent", "", "gemini", "SSE"),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", "alt=sse", "gemini", "SSE"),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", "key=k&alt=sse", "gemini", "SSE"),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", "key=k", "gemini", "ARRAY"),
        ("/v1/projects/p/locations/l/publishers/google/models/g:countTokens", "", "gemini_count_tokens", "SSE"),
        ("/base/api/chat", "", "ollama_chat", "NDJSON"),
        ("/base/v2/chat", "", "cohere_chat", "SSE"),
        ("/model/arn%3Aaws%3Abedrock%3A%3A1%3Ainference-profile%2Fus.x/converse-stream", "", "bedrock_converse", "FRAMES"),
    ],
)
def test_addresses(path, query, name, shape):
    """Path and query tell the operation and the shape of its streams."""
    dialect, _ = dialect_for(path, query)
    assert (dialect.name, dialect.shape.name) == (name, shape)


def test_the_model_in_the_path():
    """It is percent-decoded, and may have slashes in it."""
    assert dialect_for("/model/arn%3Aaws%2Fus.x/converse")[1] == {"model": "arn:aws/us.x"}
    assert dialect_for("/v1beta/models/a:generateContent")[1] == {"model": "a"}
    assert dialect_for("/v1beta/models/:generateContent")[0] is None


def test_a_mount_that_plays_one_provider():
    """Other providers' operations are unknown there, in the manner of the one that is played."""
    asked = {
        "openai": (CHAT, chat()),
        "anthropic": (MESSAGES, message()),
        "gemini": (GEMINI, gemini()),
        "cohere": (COHERE, cohere()),
    }
    mounts = tuple(Mount(prefix=f"/{name}", speaks=name) for name in SPOKEN)
    with running_simulator(SimulatorOptions(mounts=mounts)) as simulator:
        for played in asked:
            for other, (path, document) in asked.items():
                answer = exchange(simulator.url, post(f"/{played}{path}", document))
                assert answer.status == (200 if played == other else 404), (played, other)
        assert exchange(simulator.url, post(f"/gemini{CHAT}", chat())).json["error"]["status"] == "NOT_FOUND"
        assert (
            exchange(simulator.url, post(f"/bedrock{CONVERSE}", {})).header("x-amzn-errortype").startswith("ValidationException")
        )
        assert exchange(simulator.url, post(f"/ollama{OLLAMA}", {})).json == {"error": "model is required"}
        assert exchange(simulator.url, post(f"/ollama{CHAT}", chat())).status == 200


def test_an_unknown_provider_is_refused():
    """A name that nobody has is told at once."""
    options = SimulatorOptions(mounts=(Mount(prefix="/x", speaks="nobody"),))
    with pytest.raises(ValueError, match="no provider is named 'nobody'"), running_simulator(options):
        pass
