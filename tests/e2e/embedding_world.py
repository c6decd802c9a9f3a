"""Simulated providers that embed and rerank, and a gateway before them: model e-NAME, or r-NAME, is of provider NAME."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gateway_process import GatewayProcess, running_gateway
from llm_gateway.simulator import Mount, RunningSimulator, SimulatorOptions, running_simulator
from llm_gateway.simulator.dialects.openai_embeddings import vector

SIZE = 16


class Place(NamedTuple):
    """A provider: its type, what its base URL has behind the mount, who is played there, the model, and what its simulator makes
    a text's vector from.
    """

    kind: str
    rest: str
    speaks: str
    model: str
    source: Callable[[str], str]


EMBEDDING = {
    "openai": Place("openai", "/v1", "openai", "text-embedding-3-small", "0:text-embedding-3-small:{}".format),
    "gemini": Place("gemini", "/v1beta", "gemini", "gemini-embedding-001", "0:gemini-embedding-001:{}".format),
    "cohere": Place("cohere", "/v2", "cohere", "embed-v4.0", "0:embed-v4.0:search_document:{}".format),
    "ollama": Place("ollama", "", "ollama", "nomic-embed-text", "0:nomic-embed-text:{}".format),
    "voyage": Place("voyage", "/v1", "voyage", "voyage-3.5", "0:voyage-3.5::{}".format),
    "jina": Place("jina", "/v1", "jina", "jina-embeddings-v3", "0:jina-embeddings-v3::{}".format),
    "mistral": Place("mistral", "/v1", "openai", "codestral-embed", "0:codestral-embed:{}".format),
    "vertex": Place("vertex", "/v1", "gemini", "text-embedding-005", "0:text-embedding-005:{}".format),
    "bedrock": Place("bedrock", "", "bedrock", "cohere.embed-v4:0", "0:cohere.embed-v4:0:search_document:{}".format),
    "titan": Place("bedrock", "", "bedrock", "amazon.titan-embed-text-v2:0", "0:amazon.titan-embed-text-v2:0:{}".format),
}
RERANKING = {
    "cohere": Place("cohere", "/v2", "cohere", "rerank-v3.5", str),
    "voyage": Place("voyage", "/v1", "voyage", "rerank-2.5", str),
    "jina": Place("jina", "/v1", "jina", "jina-reranker-v2", str),
    "vllm": Place("vllm", "/v1", "jina", "bge-reranker", str),
    "together": Place("together", "/v1", "jina", "LlamaRank", str),
    "llamacpp": Place("llamacpp", "/v1", "jina", "bge-reranker", str),
}
WITHOUT_SIZE = frozenset({"mistral"})
"""Its simulator is OpenAI's, which does not know the size by Mistral's name."""


def expected(provider: str, text: str, size: int = SIZE) -> list[float]:
    """The vector that the provider's simulator gives a text."""
    return vector(EMBEDDING[provider].source(text), 1536 if provider in WITHOUT_SIZE else size)


@dataclass
class World:
    simulator: RunningSimulator
    gateway: GatewayProcess


@contextlib.contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """Both, until the block is left."""
    places = {**{f"e-{name}": place for name, place in EMBEDDING.items()}, **{f"r-{name}": at for name, at in RERANKING.items()}}
    mounts = tuple(Mount(prefix=f"/{name}", speaks=place.speaks) for name, place in places.items())
    with running_simulator(SimulatorOptions(mounts=mounts)) as simulator:
        providers: dict[str, Any] = {
            name: {
                "type": place.kind,
                "base_url": f"http://127.0.0.1:{simulator.port}/{name}{place.rest}",
                "api_key": f"sk-secret-of-{name}-0123456789",
            }
            for name, place in places.items()
        }
        models = {name: f"{name}/{place.model}" for name, place in places.items()}
        with running_gateway({"providers": providers, "models": models}, folder) as gateway:
            yield World(simulator, gateway)
