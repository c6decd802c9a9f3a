"""POST /api/embed as Ollama answers it (docs.ollama.com/api/embed), and the older /api/embeddings for one prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.dialects.checks import integer, text
from llm_gateway.simulator.dialects.ollama_common import FRONT
from llm_gateway.simulator.dialects.openai_embeddings import vector
from llm_gateway.simulator.problems import missing, wrong_type
from llm_gateway.simulator.script import Script, share
from llm_gateway.simulator.tokens import estimate

DIMENSIONS = 768


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """A vector for each input."""
    model, given = text(request, "model", FRONT), request.get("input")
    if given is None:
        raise missing("input", FRONT)
    inputs = [given] if isinstance(given, str) else given
    if not isinstance(inputs, list) or not all(isinstance(item, str) for item in inputs):
        raise wrong_type("input", "string or []string", FRONT)
    size = integer(request, "dimensions", 1, FRONT, 4096) or DIMENSIONS
    spent = int(share(script.digest(request), "load") * 20_000_000)
    document = {
        "model": model,
        "embeddings": [vector(f"{script.seed}:{model}:{item}", size) for item in inputs],
        "total_duration": spent + 1_000_000,
        "load_duration": spent,
        "prompt_eval_count": sum(estimate(item) for item in inputs),
    }
    return Reply(document)


def legacy(script: Script, request: Mapping[str, Any]) -> Reply:
    """One vector, and nothing beside it."""
    model, prompt = text(request, "model", FRONT), text(request, "prompt", FRONT)
    return Reply({"embedding": vector(f"{script.seed}:{model}:{prompt}", DIMENSIONS)})


DIALECT = Dialect(name="ollama_embed", front=FRONT, path="/api/embed", reply=reply)
LEGACY = Dialect(name="ollama_embeddings", front=FRONT, path="/api/embeddings", reply=legacy)
