"""The clients: how each asks, and who judges what it gets."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pydantic

from corpus.world import SAME_ONLY

Judge = Callable[..., list[str]]


@dataclass(frozen=True)
class Client:
    """`dialect` is the front's name; `form`: chat, embedding, rerank or count_tokens."""

    name: str
    dialect: str
    form: str
    path: str
    stream_path: str = ""
    body: Callable[[str, int], dict[str, Any]] = lambda _model, _count: {}

    def request(self, model: str, *, stream: bool, count: int = 1) -> tuple[str, bytes]:
        """A small request: its path and body. `count`: texts to embed or documents to rank."""
        document = self.body(model, count)
        if self.form == "chat" and self.dialect != "gemini":
            document["stream"] = stream
        if stream and self.dialect in {"openai_chat", "openai_completions"}:
            document["stream_options"] = {"include_usage": True}
        return self.place(model, stream=stream), json.dumps(document).encode()

    def place(self, model: str, *, stream: bool) -> str:
        return (self.stream_path or self.path if stream else self.path).replace("{model}", model)


_SAID = [{"role": "user", "content": "Hello"}]
_PARTS = [{"role": "user", "parts": [{"text": "Hello"}]}]


def _chat(model: str, _count: int) -> dict[str, Any]:
    return {"model": model, "messages": _SAID, "max_tokens": 4000}


def _gemini(_model: str, _count: int) -> dict[str, Any]:
    return {"contents": _PARTS}


def _inputs(model: str, count: int) -> dict[str, Any]:
    return {"model": model, "input": [f"text {n}" for n in range(count)]}


def _ranked(model: str, count: int) -> dict[str, Any]:
    return {"model": model, "query": "which?", "documents": [f"document {n}" for n in range(count)]}


_GEMINI = "/v1beta/models/{model}:"
CLIENTS = (
    Client("chat", "openai_chat", "chat", "/v1/chat/completions", body=_chat),
    Client("responses", "openai_responses", "chat", "/v1/responses", body=lambda model, _: {"model": model, "input": "Hello"}),
    Client(
        "completions", "openai_completions", "chat", "/v1/completions", body=lambda model, _: {"model": model, "prompt": "Hello"}
    ),
    Client("messages", "anthropic_messages", "chat", "/v1/messages", body=_chat),
    Client("gemini", "gemini", "chat", _GEMINI + "generateContent", _GEMINI + "streamGenerateContent?alt=sse", body=_gemini),
    Client("gemini array", "gemini", "chat", _GEMINI + "generateContent", _GEMINI + "streamGenerateContent", body=_gemini),
    Client("ollama", "ollama_chat", "chat", "/api/chat", body=lambda model, _: {"model": model, "messages": _SAID}),
    Client("generate", "ollama_generate", "chat", "/api/generate", body=lambda model, _: {"model": model, "prompt": "Hello"}),
    Client("count", "anthropic_count_tokens", "count_tokens", "/v1/messages/count_tokens", body=_chat),
    Client("gemini count", "gemini_count_tokens", "count_tokens", _GEMINI + "countTokens", body=_gemini),
    Client("embeddings", "embeddings", "embedding", "/v1/embeddings", body=_inputs),
    Client(
        "cohere embed",
        "cohere_embed",
        "embedding",
        "/v2/embed",
        body=lambda model, count: {
            "model": model,
            "texts": _inputs("", count)["input"],
            "input_type": "search_document",
            "embedding_types": ["float"],
        },
    ),
    Client("ollama embed", "ollama_embed", "embedding", "/api/embed", body=_inputs),
    Client(
        "gemini embed",
        "gemini_batch_embed",
        "embedding",
        _GEMINI + "batchEmbedContents",
        body=lambda model, count: {
            "requests": [{"model": f"models/{model}", "content": {"parts": [{"text": f"text {n}"}]}} for n in range(count)]
        },
    ),
    Client("rerank", "rerank", "rerank", "/v1/rerank", body=_ranked),
    Client("cohere rerank", "cohere_rerank", "rerank", "/v2/rerank", body=_ranked),
)
FORMS = {
    "embeddings": "embedding",
    "voyage_embeddings": "embedding",
    "jina_embeddings": "embedding",
    "mistral_embeddings": "embedding",
    "gemini_embed": "embedding",
    "gemini_batch_embed": "embedding",
    "vertex_embed": "embedding",
    "ollama_embed": "embedding",
    "cohere_embed": "embedding",
    "bedrock_cohere_embed": "embedding",
    "titan_embed": "embedding",
    "rerank": "rerank",
    "cohere_rerank": "rerank",
    "voyage_rerank": "rerank",
    "anthropic_count_tokens": "count_tokens",
    "gemini_count_tokens": "count_tokens",
}


def form_of(dialect: str) -> str:
    return FORMS.get(dialect, "chat")


def clients_of(dialect: str) -> list[Client]:
    """Every client that can be served by a provider's `dialect`."""
    if dialect in SAME_ONLY:
        return [client for client in CLIENTS if client.dialect == dialect]
    form = form_of(dialect)
    return [client for client in CLIENTS if client.form == form]


class Judges:
    """judge.py of the recordings, and the SDKs' types for what it does not know."""

    def __init__(self, folder: Path) -> None:
        spec = importlib.util.spec_from_file_location("judge", folder / "judge.py")
        if spec is None or spec.loader is None:
            raise FileNotFoundError(folder / "judge.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self._judge: Judge = module.judge

    def __call__(self, client: Client, status: int, body: bytes, *, streaming: bool) -> list[str]:
        """What is wrong with an answer."""
        if status >= 400:
            return self._error(client, status, body)
        if client.name == "gemini array" and streaming:
            return [problem for one in json.loads(body) for problem in self._gemini(one)]
        own = _SDK_TYPES.get(client.dialect)
        if own is not None:
            return _fits(own, body)
        kind = {
            "openai_chat": "chat",
            "openai_responses": "responses",
            "openai_completions": "completions",
            "anthropic_messages": "messages",
            "gemini": "stream_generate_content" if streaming else "generate_content",
            "anthropic_count_tokens": "messages_count_tokens",
        }.get(client.dialect, client.dialect)
        front = "anthropic" if client.dialect.startswith("anthropic") else "openai"
        return self._judge(front, kind, streaming, status, {}, body)

    def _gemini(self, document: Any) -> list[str]:
        return self._judge("gemini", "generate_content", False, 200, {}, json.dumps(document).encode())

    def _error(self, client: Client, status: int, body: bytes) -> list[str]:
        said = json.loads(body)
        match client.dialect.partition("_")[0]:
            case "gemini":
                error = said.get("error")
                if not isinstance(error, dict):
                    return ["error body is not {'error': {...}}"]
                wrong = [
                    name
                    for name, kind in (("code", int), ("message", str), ("status", str))
                    if not isinstance(error.get(name), kind)
                ]
                return [f"error.{name} is missing" for name in wrong] + (
                    [] if error["code"] == status else ["error.code is not the status"]
                )
            case "ollama":
                return [] if isinstance(said.get("error"), str) and said["error"] else ["error is not a string"]
            case "cohere":
                return [] if isinstance(said.get("message"), str) else ["message is not a string"]
            case "anthropic":
                return self._judge("anthropic", "error", False, status, {}, body)
            case _:
                return self._judge("openai", "error", False, status, {}, body)


def _fits(kind: Callable[[], pydantic.TypeAdapter[Any]], body: bytes) -> list[str]:
    try:
        kind().validate_json(body)
    except pydantic.ValidationError as error:
        return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}"[:120] for each in error.errors()[:4]]
    return []


@lru_cache
def _embedded() -> pydantic.TypeAdapter[Any]:
    from cohere.types.embed_by_type_response import EmbedByTypeResponse  # noqa: PLC0415 - slow to import

    return pydantic.TypeAdapter(EmbedByTypeResponse)


@lru_cache
def _ranked_v2() -> pydantic.TypeAdapter[Any]:
    from cohere.v2.types.v2rerank_response import V2RerankResponse  # noqa: PLC0415

    return pydantic.TypeAdapter(V2RerankResponse)


@lru_cache
def _ollama_embedded() -> pydantic.TypeAdapter[Any]:
    import ollama  # noqa: PLC0415

    return pydantic.TypeAdapter(ollama.EmbedResponse)


@lru_cache
def _gemini_embedded() -> pydantic.TypeAdapter[Any]:
    from google.genai import types  # noqa: PLC0415

    return pydantic.TypeAdapter(types.EmbedContentResponse)


@lru_cache
def _gemini_counted() -> pydantic.TypeAdapter[Any]:
    from google.genai import types  # noqa: PLC0415

    return pydantic.TypeAdapter(types.CountTokensResponse)


_SDK_TYPES: dict[str, Callable[[], pydantic.TypeAdapter[Any]]] = {
    "cohere_embed": _embedded,
    "rerank": _ranked_v2,
    "cohere_rerank": _ranked_v2,
    "ollama_embed": _ollama_embedded,
    "gemini_batch_embed": _gemini_embedded,
    "gemini_count_tokens": _gemini_counted,
}
