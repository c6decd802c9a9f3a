"""Recordings, and which of our dialects each of them speaks."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

NOT_WIRE = ("attested", "hand-written", "sdk-object", "body-only")
_DIALECTS = {
    "chat": "openai_chat",
    "responses": "openai_responses",
    "completions": "openai_completions",
    "embeddings": "embeddings",
    "messages": "anthropic_messages",
    "messages_count_tokens": "anthropic_count_tokens",
    "generate_content": "gemini",
    "stream_generate_content": "gemini",
    "count_tokens": "gemini_count_tokens",
    "batch_embed_contents": "gemini_batch_embed",
    "embed_content": "gemini_embed",
    "converse": "bedrock_converse",
    "converse_stream": "bedrock_converse",
    "predict": "vertex_embed",
    "embed": "cohere_embed",
    "rerank": "rerank",
    "ollama_chat": "ollama_chat",
    "ollama_generate": "ollama_generate",
    "ollama_embed": "ollama_embed",
}
_OWN = {
    ("mistral", "chat"): "mistral_chat",
    ("mistral", "embeddings"): "mistral_embeddings",
    ("voyage", "embeddings"): "voyage_embeddings",
    ("voyage", "rerank"): "voyage_rerank",
    ("jina", "embeddings"): "jina_embeddings",
    ("cohere", "rerank"): "cohere_rerank",
    ("cohere", "chat_native"): "cohere_chat",
    ("writer", "chat_native"): "openai_chat",
    ("bedrock", "count_tokens"): None,
}
_INVOKED = (("anthropic_messages", "anthropic."), ("bedrock_cohere_embed", "cohere.embed"), ("titan_embed", "amazon.titan-embed"))
_NOT_OURS = re.compile(r"cohere\.(?:com|ai)(?::\d+)?/v1/|/responses/input_tokens")
_CLAUDE = re.compile(r"/publishers/anthropic/.*:(?:streamR|r)awPredict")


@dataclass(frozen=True)
class Recording:
    """One exchange. `dialect` is what the provider speaks there; `body` and `answer` are bytes as on the wire."""

    id: str
    provider: str
    kind: str
    model: str
    streaming: bool
    status: int
    dialect: str
    answer: bytes
    headers: dict[bytes, bytes]
    url: str = ""
    document: dict[str, Any] | None = field(default=None, repr=False)
    """The request."""

    @property
    def refused(self) -> bool:
        return self.status >= 300

    def with_answer(self, answer: bytes) -> Recording:
        return replace(self, answer=answer)


def read(folder: Path, providers: set[str], kinds: set[str]) -> Iterator[Recording | tuple[str, str]]:
    """Every recording of a dialect that the gateway has; of the others (provider, kind)."""
    for line in (folder / "index.jsonl").open():
        row = json.loads(line)
        if row["fidelity"] in NOT_WIRE or (providers and row["provider"] not in providers):
            continue
        if kinds and row["kind"] not in kinds:
            continue
        exchange = json.loads((folder / row["file"]).read_text())
        url = exchange["request"].get("url") or ""
        dialect = _dialect(row, url)
        yield (row["provider"], row["kind"]) if dialect is None else _recording(row, exchange, dialect, url)


def _dialect(row: dict[str, Any], url: str) -> str | None:
    if row["kind"] in {"invoke", "invoke_stream"}:
        return next((dialect for dialect, mark in _INVOKED if mark in url), None)
    if _NOT_OURS.search(url):
        return None
    if _CLAUDE.search(url):
        return "anthropic_messages"
    own = (row["provider"], row["kind"])
    return _OWN[own] if own in _OWN else _DIALECTS.get(row["kind"])


def _recording(row: dict[str, Any], exchange: dict[str, Any], dialect: str, url: str) -> Recording:
    request, response = exchange["request"], exchange["response"]
    body = request.get("body")
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            body = None
    answer = (
        base64.b64decode(response["body_base64"])
        if "body_base64" in response
        else (response.get("body") or "").encode("utf-8", "surrogateescape")
    )
    headers = {
        name.lower().encode(): str(value).encode("latin-1", "replace")
        for name, value in response.get("headers", {}).items()
        if name.lower().startswith("x-amzn-errortype") or name.lower() == "retry-after"
    }
    return Recording(
        row["id"],
        row["provider"],
        row["kind"],
        row["model"] or "m",
        bool(row["streaming"]),
        row["status"],
        dialect,
        answer,
        headers,
        url,
        body if isinstance(body, dict) else None,
    )
