"""What can be looked up without a model being asked: GET /models and /models/{id} in the shape of each provider, Ollama's
/api/tags and /api/version. The path and the headers tell whose shape it is.
"""

from __future__ import annotations

import hashlib
from typing import Any

from llm_gateway.simulator.problems import Front, Problem, unknown_model

SHOWN = {
    Front.OPENAI: ("gpt-4o", "gpt-4o-mini", "o3-mini", "gpt-3.5-turbo-instruct", "text-embedding-3-small"),
    Front.ANTHROPIC: ("claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1"),
    Front.GEMINI: ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-embedding-001"),
    Front.OLLAMA: ("llama3.2:1b", "qwen3:0.6b", "nomic-embed-text:latest"),
    Front.COHERE: ("command-a-03-2025", "command-r7b-12-2024", "embed-v4.0", "rerank-v3.5"),
}
OLLAMA_VERSION = "0.13.5"


def look_up(path: str, models: tuple[str, ...], front: Front) -> dict[str, Any]:
    """The document at `path`; raises Problem (404) for a path or a model that is not there."""
    if path.endswith("/api/version"):
        return {"version": OLLAMA_VERSION}
    if path.endswith("/api/tags"):
        return {"models": [tag(name) for name in models or SHOWN[Front.OLLAMA]]}
    base, found, name = path.partition("/models")
    if not found or base.strip("/") not in ("", "v1", "v1beta", "v1/v1beta"):
        raise Problem(404, f"Invalid URL (GET {path})", code="unknown_url" if front is Front.OPENAI else None)
    return one(models, name[1:], front) if name.strip("/") else listing(models, front)


def listing(models: tuple[str, ...], front: Front) -> dict[str, Any]:
    """All models, on one page."""
    rows = [_model(name, front) for name in models or SHOWN.get(front, SHOWN[Front.OPENAI])]
    if front is Front.ANTHROPIC:
        return {"data": rows, "has_more": False, "first_id": rows[0]["id"], "last_id": rows[-1]["id"]}
    if front in (Front.GEMINI, Front.COHERE):
        return {"models": rows}
    return {"object": "list", "data": rows}


def one(models: tuple[str, ...], name: str, front: Front) -> dict[str, Any]:
    """One model; raises Problem (404) when models are configured and it is not among them."""
    if models and name not in models:
        raise unknown_model(name, front)
    return _model(name, front)


def tag(name: str) -> dict[str, Any]:
    """A model as Ollama lists it (docs.ollama.com/api/tags)."""
    return {
        "name": name,
        "model": name,
        "modified_at": "2025-01-01T00:00:00Z",
        "size": 1_321_098_329,
        "digest": hashlib.sha256(name.encode("utf-8", "replace")).hexdigest(),
        "details": details(),
    }


def details() -> dict[str, Any]:
    """What Ollama knows of a model's file."""
    return {
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "1.2B",
        "quantization_level": "Q8_0",
    }


def _model(name: str, front: Front) -> dict[str, Any]:
    embeds = "embed" in name
    match front:
        case Front.ANTHROPIC:
            return {"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z"}
        case Front.GEMINI:
            methods = ["embedContent", "batchEmbedContents"] if embeds else ["generateContent", "countTokens"]
            limits = {"inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536}
            shown = {"name": f"models/{name}", "version": "001", "displayName": name, "description": "Simulated."}
            return {**shown, **limits, "supportedGenerationMethods": methods}
        case Front.COHERE:
            endpoints = ["embed"] if embeds else ["rerank"] if "rerank" in name else ["chat"]
            return {"name": name, "endpoints": endpoints, "finetuned": False, "context_length": 256_000}
        case _:
            return {"id": name, "object": "model", "created": 1_735_689_600, "owned_by": "simulator"}
