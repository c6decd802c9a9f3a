"""A recorded request, to every provider's dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from corpus.answers import Finding, bugs
from corpus.clients import CLIENTS, Client
from corpus.recordings import Recording
from corpus.valid import wrong
from corpus.world import Provided, World

_TO = (
    ("openai", "openai_chat"),
    ("vllm", "openai_chat"),
    ("openai", "openai_responses"),
    ("anthropic", "anthropic_messages"),
    ("gemini", "gemini"),
    ("bedrock", "bedrock_converse"),
    ("cohere", "cohere_chat"),
    ("ollama", "ollama_chat"),
    ("mistral", "mistral_chat"),
)
_EMBEDDERS = (
    ("openai", "embeddings"),
    ("voyage", "voyage_embeddings"),
    ("jina", "jina_embeddings"),
    ("mistral", "mistral_embeddings"),
    ("gemini", "gemini_batch_embed"),
    ("vertex", "vertex_embed"),
    ("ollama", "ollama_embed"),
    ("cohere", "cohere_embed"),
)
_RANKERS = (("cohere", "cohere_rerank"), ("voyage", "voyage_rerank"), ("jina", "rerank"))
_FAILED = Provided(503, [b"{}"])


def check_request(world: World, recording: Recording) -> Iterator[Finding]:
    """To every provider; column: the provider."""
    client = _client(recording)
    if client is None or recording.document is None:
        return
    document = dict(recording.document)
    for provider, dialect in {"chat": _TO, "embedding": _EMBEDDERS, "rerank": _RANKERS}.get(client.form, ()):
        yield Finding(
            dialect if provider != "vllm" else "vllm",
            "request",
            "; ".join(_sent(world, recording, client, document, provider, dialect)),
        )


def _client(recording: Recording) -> Client | None:
    """Who would send such a request."""
    dialect = {"mistral_chat": "openai_chat", "mistral_embeddings": "embeddings", "voyage_embeddings": "embeddings"}.get(
        recording.dialect, recording.dialect
    )
    return next((client for client in CLIENTS if client.dialect == dialect), None)


def _sent(
    world: World, recording: Recording, client: Client, document: dict[str, Any], provider: str, dialect: str
) -> Iterator[str]:
    model = world.model(provider, dialect)
    path, body = request_to(client, document, model, stream=recording.streaming)
    answered = world.ask(path, body, _FAILED)
    yield from bugs(world, answered)
    asked = world.provider.asked
    if asked is None:
        if answered.status != 400 and not (answered.status == 404 and b"previous_response" in answered.body):
            yield f"not sent: {answered.status} {answered.body[:200]!r}"
        elif recording.status < 300 and not _names_member(answered.body):
            yield f"refused without a member: {answered.body[:300]!r}"
        return
    if answered.status < 500:
        yield f"{answered.status} {answered.body[:200]!r}"
    if dialect == client.dialect and dialect != "gemini_batch_embed":  # which repeats the model's name in each request
        yield from _same(body, asked[2], client)
    elif recording.status < 300:
        yield from wrong(dialect, asked[2])


def request_to(client: Client, document: dict[str, Any], model: str, *, stream: bool) -> tuple[str, bytes]:
    """`document` for another model: as the client sends it."""
    if client.dialect.startswith("gemini"):
        document = {name: value for name, value in document.items() if name != "model"}
    else:
        document = document | {"model": model}
    if client.dialect == "anthropic_messages" and "anthropic_version" in document:  # from a cloud's place
        document = {name: value for name, value in document.items() if name != "anthropic_version"}
    return client.place(model, stream=stream), json.dumps(document, ensure_ascii=False).encode()


def _names_member(body: bytes) -> bool:
    error = json.loads(body)
    return any(name in body for name in (b'"param":"', b"`", b'"field":', b"cannot be given", b"fieldViolations")) or isinstance(
        error.get("error"), str
    )


def _same(sent: bytes, arrived: bytes, client: Client) -> Iterator[str]:
    given, got = json.loads(sent), json.loads(arrived)
    given.pop("model", None)
    got.pop("model", None)
    if client.dialect != "openai_responses" and given != got:
        names = [name for name in given.keys() | got.keys() if given.get(name) != got.get(name)]
        yield f"not the same in {', '.join(names)}"
