"""Embeddings through Bedrock's InvokeModel: Titan's (one text for each call) and Cohere's, by the model's name
(docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects import cohere_embed
from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.dialects.checks import integer, text
from llm_gateway.simulator.dialects.openai_embeddings import vector
from llm_gateway.simulator.problems import Front, out_of_range
from llm_gateway.simulator.script import Script
from llm_gateway.simulator.tokens import estimate

FRONT = Front.BEDROCK
DIMENSIONS = 1024
TITAN = frozenset({"model", "inputText", "dimensions", "normalize", "embeddingTypes"})


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """As the model's maker has it."""
    if "cohere." in str(request.get("model")):
        document = cohere_embed.reply(script, request).document
        return Reply({name: document[name] for name in ("id", "embeddings", "response_type", "texts") if name in document})
    for name in request:
        if name not in TITAN:
            raise out_of_range(name, "extraneous key is not permitted", FRONT)
    said = text(request, "inputText", FRONT)
    size = integer(request, "dimensions", 1, FRONT, DIMENSIONS) or DIMENSIONS
    values = vector(f"{script.seed}:{request['model']}:{said}", size)
    document = {"embedding": values, "embeddingsByType": {"float": values}, "inputTextTokenCount": estimate(said)}
    if request.get("embeddingTypes") == ["binary"]:
        document["embeddingsByType"] = {"binary": [int(value > 0) for value in values]}
    return Reply(document)


DIALECT = Dialect(name="bedrock_embed", front=FRONT, path="/model/{model}/invoke", reply=reply)
