"""Text embeddings of Vertex AI, publishers/google/models/{model}:predict
(cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.dialects.checks import integer, section, some_objects, text
from llm_gateway.simulator.dialects.openai_embeddings import vector
from llm_gateway.simulator.problems import Front
from llm_gateway.simulator.script import Script
from llm_gateway.simulator.tokens import estimate

FRONT = Front.GEMINI
DIMENSIONS = 768


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """A vector for each instance."""
    size = integer(section(request, "parameters", FRONT), "outputDimensionality", 1, FRONT, 4096) or DIMENSIONS
    said = [text(instance, "content", FRONT) for instance in some_objects(request, "instances", FRONT)]
    predictions = [
        {
            "embeddings": {
                "values": vector(f"{script.seed}:{request['model']}:{item}", size),
                "statistics": {"token_count": estimate(item), "truncated": False},
            }
        }
        for item in said
    ]
    return Reply({"predictions": predictions, "metadata": {"billableCharacterCount": sum(map(len, said))}})


DIALECT = Dialect(name="vertex_embed", front=FRONT, path="/models/{model}:predict", reply=reply)
