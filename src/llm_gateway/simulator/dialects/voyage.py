"""POST /embeddings and /rerank as Voyage answers them (docs.voyageai.com/reference): OpenAI's shape with names of its own."""

from __future__ import annotations

import base64
import struct
from collections.abc import Collection, Mapping
from typing import Any

from llm_gateway.simulator.dialects import cohere_rerank
from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.dialects.checks import integer, text
from llm_gateway.simulator.dialects.openai_embeddings import vector
from llm_gateway.simulator.problems import Front, missing, out_of_range, wrong_type
from llm_gateway.simulator.script import Script
from llm_gateway.simulator.tokens import estimate

FRONT = Front.OPENAI
DIMENSIONS = 1024
INPUT_TYPES = ("query", "document", None)
TYPES = ("float", "int8", "uint8", "binary", "ubinary", None)
EMBED = frozenset({"model", "input", "input_type", "truncation", "output_dimension", "output_dtype", "encoding_format"})
RERANK = frozenset({"model", "query", "documents", "top_k", "return_documents", "truncation"})


def embed(script: Script, request: Mapping[str, Any]) -> Reply:
    """A vector for each text."""
    only(request, EMBED)
    model, inputs = text(request, "model", FRONT), texts(request)
    one_of(request, "input_type", INPUT_TYPES)
    one_of(request, "output_dtype", TYPES)
    one_of(request, "encoding_format", ("base64", None))
    size = integer(request, "output_dimension", 1, FRONT, 4096) or DIMENSIONS
    source = f"{script.seed}:{model}:{request.get('input_type') or ''}"
    rows = []
    for index, item in enumerate(inputs):
        values: Any = vector(f"{source}:{item}", size)
        if request.get("output_dtype") not in ("float", None):
            values = [round(value * 127) for value in values]
        elif request.get("encoding_format") == "base64":
            values = base64.b64encode(struct.pack(f"<{size}f", *values)).decode()
        rows.append({"object": "embedding", "index": index, "embedding": values})
    usage = {"total_tokens": sum(estimate(item) for item in inputs)}
    return Reply({"object": "list", "data": rows, "model": model, "usage": usage})


def rerank(script: Script, request: Mapping[str, Any]) -> Reply:
    """The same order as Cohere's, called `data`."""
    only(request, RERANK)
    given = {"model": request.get("model"), "query": request.get("query"), "documents": request.get("documents")}
    most = integer(request, "top_k", 1, FRONT)
    results = cohere_rerank.reply(script, given if most is None else given | {"top_n": most}).document["results"]
    tokens = sum(estimate(item) for item in (given["query"] or "", *(given["documents"] or ())))
    return Reply({"object": "list", "data": results, "model": given["model"], "usage": {"total_tokens": tokens}})


EMBEDDINGS = Dialect(name="voyage_embeddings", front=FRONT, path="/embeddings", reply=embed)
RERANKING = Dialect(name="voyage_rerank", front=FRONT, path="/rerank", reply=rerank)


def only(request: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse members that the provider does not know."""
    for name in request:
        if name not in known:
            raise out_of_range(name, "is not supported by this API", FRONT)


def one_of(request: Mapping[str, Any], name: str, values: Collection[str | None]) -> None:
    """Refuse any other word."""
    if request.get(name) not in values:
        raise out_of_range(name, f"must be one of {', '.join(str(value) for value in values)}", FRONT)


def texts(request: Mapping[str, Any]) -> list[str]:
    """`input`: a text or texts."""
    given = request.get("input")
    if not given:
        raise missing("input", FRONT)
    inputs = [given] if isinstance(given, str) else given
    if not isinstance(inputs, list) or not all(isinstance(item, str) for item in inputs):
        raise wrong_type("input", "string or array of strings", FRONT)
    return inputs
