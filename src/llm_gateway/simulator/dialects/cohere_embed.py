"""POST /v2/embed as Cohere answers it (docs.cohere.com/reference/embed): vectors in every type that is asked for."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.dialects.checks import integer, objects, parts, strings, text
from llm_gateway.simulator.dialects.openai_embeddings import vector
from llm_gateway.simulator.names import uuid_of
from llm_gateway.simulator.problems import Front, missing, out_of_range
from llm_gateway.simulator.script import Script
from llm_gateway.simulator.tokens import IMAGE_TOKENS, estimate

FRONT = Front.COHERE
DIMENSIONS = 1536
MAX_INPUTS = 96
INPUT_TYPES = ("search_document", "search_query", "classification", "clustering", "image")
TYPES = ("float", "int8", "uint8", "binary", "ubinary", "base64")


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """A vector for each text, image or mixed input, in each type."""
    model, kind = text(request, "model", FRONT), text(request, "input_type", FRONT)
    if kind not in INPUT_TYPES:
        raise out_of_range("input_type", f"must be one of {', '.join(INPUT_TYPES)}", FRONT)
    types = strings(request, "embedding_types", len(TYPES), FRONT) or ("float",)
    if unknown := set(types) - set(TYPES):
        raise out_of_range("embedding_types", f"{min(unknown)} is none of {', '.join(TYPES)}", FRONT)
    size = integer(request, "output_dimension", 8, FRONT, 4096) or DIMENSIONS
    texts, images = strings(request, "texts", MAX_INPUTS, FRONT), strings(request, "images", MAX_INPUTS, FRONT)
    mixed = objects(request, "inputs", FRONT)
    said = [*texts, *images, *(_said(item) for item in mixed)]
    if not said:
        raise missing("texts", FRONT)
    vectors = [vector(f"{script.seed}:{model}:{kind}:{item}", size) for item in said]
    document: dict[str, Any] = {
        "id": uuid_of(script.digest(request)),
        "embeddings": {name: [_typed(name, values) for values in vectors] for name in types},
        "meta": {"api_version": {"version": "2"}, "billed_units": _billed(texts, images, mixed)},
        "response_type": "embeddings_by_type",
    }
    return Reply({**document, "texts": list(texts)} if texts else document)


DIALECT = Dialect(name="cohere_embed", front=FRONT, path="/embed", reply=reply)


def _said(item: Mapping[str, Any]) -> str:
    return "".join(str(part.get("text") or part.get("image_url") or "") for part in parts(item.get("content")))


def _billed(texts: tuple[str, ...], images: tuple[str, ...], mixed: list[dict[str, Any]]) -> dict[str, int]:
    shown = [part for item in mixed for part in parts(item.get("content"))]
    pictures = len(images) + sum(part.get("type") == "image_url" for part in shown)
    words = sum(estimate(item) for item in texts) + sum(estimate(str(part.get("text", ""))) for part in shown)
    return {"input_tokens": words, "image_tokens": pictures * IMAGE_TOKENS}


def _typed(name: str, values: list[float]) -> Any:
    match name:
        case "int8":
            return [round(value * 127) for value in values]
        case "uint8":
            return [round(value * 127) + 128 for value in values]
        case "binary":
            return [byte - 128 for byte in _bits(values)]
        case "ubinary":
            return _bits(values)
        case "base64":
            return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
        case _:
            return values


def _bits(values: list[float]) -> list[int]:
    """Eight signs in a byte, the first the highest."""
    signs = [int(value > 0) for value in values]
    return [int("".join(map(str, signs[at : at + 8])).ljust(8, "0"), 2) for at in range(0, len(signs), 8)]
