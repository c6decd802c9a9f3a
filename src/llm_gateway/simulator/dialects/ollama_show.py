"""POST /api/show as Ollama answers it (docs.ollama.com/api-reference/show-model-details), for any model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.dialects.checks import text
from llm_gateway.simulator.dialects.models import details
from llm_gateway.simulator.dialects.ollama_common import FRONT
from llm_gateway.simulator.script import Script

CONTEXT = 131_072
EMBEDDING = 2048


def reply(_script: Script, request: Mapping[str, Any]) -> Reply:
    """What is known of a model; `name` is what the field `model` was called once."""
    model = text({"model": request.get("model") or request.get("name")}, "model", FRONT)
    embeds = "embed" in model
    document = {
        "license": "A simulated model.",
        "modelfile": f"FROM {model}",
        "parameters": 'stop                           "<|eot_id|>"',
        "template": "{{ .Prompt }}",
        "details": details(),
        "model_info": {
            "general.architecture": "llama",
            "general.parameter_count": 1_235_814_432,
            "llama.context_length": CONTEXT,
            "llama.embedding_length": EMBEDDING,
        },
        "capabilities": ["embedding"] if embeds else ["completion", "tools", "thinking", "vision"],
        "modified_at": "2025-01-01T00:00:00Z",
    }
    return Reply(document)


DIALECT = Dialect(name="ollama_show", front=FRONT, path="/api/show", reply=reply)
