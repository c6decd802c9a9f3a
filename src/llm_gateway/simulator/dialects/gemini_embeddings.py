"""Gemini's embedContent and batchEmbedContents (ai.google.dev/api/embeddings)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.dialects.checks import integer, parts, some_objects
from llm_gateway.simulator.dialects.gemini_request import camel
from llm_gateway.simulator.dialects.openai_embeddings import vector
from llm_gateway.simulator.problems import Front, missing
from llm_gateway.simulator.script import Script
from llm_gateway.simulator.tokens import estimate

DIMENSIONS = 3072
FIELDS = frozenset({"model", "content", "taskType", "title", "outputDimensionality"})


def one(script: Script, request: Mapping[str, Any]) -> Reply:
    """One vector."""
    values, tokens = _embedding(script, request, str(request["model"]))
    return Reply({"embedding": values, "usageMetadata": _usage(tokens)})


def batch(script: Script, request: Mapping[str, Any]) -> Reply:
    """A vector for each request, in their order."""
    made = [_embedding(script, item, str(request["model"])) for item in some_objects(request, "requests", Front.GEMINI)]
    return Reply({"embeddings": [values for values, _ in made], "usageMetadata": _usage(sum(tokens for _, tokens in made))})


ONE = Dialect(name="gemini_embed", front=Front.GEMINI, path="/models/{model}:embedContent", reply=one)
BATCH = Dialect(name="gemini_batch_embed", front=Front.GEMINI, path="/models/{model}:batchEmbedContents", reply=batch)


def _embedding(script: Script, given: Mapping[str, Any], model: str) -> tuple[dict[str, Any], int]:
    request = camel(given, FIELDS, "")
    content = request.get("content")
    said = content.get("parts") if isinstance(content, dict) else None
    found = parts([said] if isinstance(said, dict) else said)
    if not found:
        raise missing("content", Front.GEMINI)
    text = "".join(str(part.get("text", "")) for part in found)
    size = integer(request, "outputDimensionality", 1, Front.GEMINI, 4096) or DIMENSIONS
    return {"values": vector(f"{script.seed}:{model}:{text}", size)}, estimate(text)


def _usage(tokens: int) -> dict[str, Any]:
    return {"promptTokenCount": tokens, "promptTokenDetails": [{"modality": "TEXT", "tokenCount": tokens}]}
