"""POST /embeddings and /rerank as Jina answers them (api.jina.ai/redoc). vLLM, Together and llama.cpp rerank alike."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects import cohere_rerank
from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.dialects.checks import integer, text
from llm_gateway.simulator.dialects.openai_embeddings import vector
from llm_gateway.simulator.dialects.voyage import FRONT, one_of, only
from llm_gateway.simulator.problems import missing, wrong_type
from llm_gateway.simulator.script import Script
from llm_gateway.simulator.tokens import IMAGE_TOKENS, estimate

DIMENSIONS = 1024
TASKS = (
    "retrieval.query",
    "retrieval.passage",
    "text-matching",
    "classification",
    "separation",
    "code.query",
    "code.passage",
    None,
)
TYPES = ("float", "base64", "binary", "ubinary", None)
EMBED = frozenset(
    {"model", "input", "task", "dimensions", "normalized", "embedding_type", "truncate", "late_chunking", "return_multivector"}
)
RERANK = frozenset({"model", "query", "documents", "top_n", "return_documents"})


def embed(script: Script, request: Mapping[str, Any]) -> Reply:
    """A vector for each text or picture."""
    only(request, EMBED)
    model, given = text(request, "model", FRONT), request.get("input")
    one_of(request, "task", TASKS)
    one_of(request, "embedding_type", TYPES)
    if not given:
        raise missing("input", FRONT)
    inputs = [_said(item) for item in ([given] if isinstance(given, str) else given)]
    size = integer(request, "dimensions", 1, FRONT, 4096) or DIMENSIONS
    rows = []
    for index, (item, _) in enumerate(inputs):
        values: Any = vector(f"{script.seed}:{model}:{request.get('task') or ''}:{item}", size)
        if request.get("embedding_type") in ("binary", "ubinary"):
            values = [int(value > 0) for value in values[: size // 8]]
        elif request.get("embedding_type") == "base64":
            values = base64.b64encode(struct.pack(f"<{size}f", *values)).decode()
        rows.append({"object": "embedding", "index": index, "embedding": values})
    tokens = sum(count for _, count in inputs)
    return Reply({"object": "list", "data": rows, "model": model, "usage": {"total_tokens": tokens}})


def rerank(script: Script, request: Mapping[str, Any]) -> Reply:
    """The same order as Cohere's; the documents come back unless they are not wanted."""
    only(request, RERANK)
    documents = [_said(item)[0] for item in request.get("documents") or ()]
    kept = {name: request[name] for name in ("model", "query", "top_n") if name in request}
    results = cohere_rerank.reply(script, {**kept, "documents": documents}).document["results"]
    if request.get("return_documents") is not False:
        results = [{**row, "document": {"text": documents[row["index"]]}} for row in results]
    tokens = sum(estimate(item) for item in (kept["query"], *documents))
    return Reply({"model": kept["model"], "object": "list", "usage": {"total_tokens": tokens}, "results": results})


EMBEDDINGS = Dialect(name="jina_embeddings", front=FRONT, path="/embeddings", reply=embed)
RERANKING = Dialect(name="jina_rerank", front=FRONT, path="/rerank", reply=rerank)


def _said(item: Any) -> tuple[str, int]:
    """What an input or a document says, and its tokens."""
    if isinstance(item, str):
        return item, estimate(item)
    if isinstance(item, dict) and isinstance(item.get("text"), str):
        return item["text"], estimate(item["text"])
    if isinstance(item, dict) and isinstance(item.get("image"), str):
        return item["image"], IMAGE_TOKENS
    raise wrong_type("input", "string, {text} or {image}", FRONT)
