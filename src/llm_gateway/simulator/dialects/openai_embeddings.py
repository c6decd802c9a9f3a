"""POST /embeddings (platform.openai.com/docs/api-reference/embeddings): unit vectors that follow from seed and text."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.dialects.openai_common import integer_of, text_of
from llm_gateway.simulator.problems import Front, missing, out_of_range, wrong_type
from llm_gateway.simulator.script import Script
from llm_gateway.simulator.tokens import estimate

DIMENSIONS = 1536
MAX_INPUTS = 2048


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """One vector for each input, as numbers or as base64 of little-endian float32."""
    model = text_of(request, "model")
    inputs = _inputs(request.get("input"))
    size = integer_of(request, "dimensions", 1, 4096) or DIMENSIONS
    wanted = request.get("encoding_format", "float")
    if wanted not in ("float", "base64"):
        raise out_of_range("encoding_format", "supported values are float, base64", Front.OPENAI)
    rows = []
    for index, (text, _) in enumerate(inputs):
        numbers = vector(f"{script.seed}:{model}:{text}", size)
        shown: Any = numbers
        if wanted == "base64":
            shown = base64.b64encode(struct.pack(f"<{size}f", *numbers)).decode()
        rows.append({"object": "embedding", "index": index, "embedding": shown})
    tokens = sum(tokens for _, tokens in inputs)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Reply({"object": "list", "data": rows, "model": model, "usage": usage})


DIALECT = Dialect(name="openai_embeddings", front=Front.OPENAI, path="/embeddings", reply=reply)


def vector(source: str, size: int) -> list[float]:
    """A unit vector of float32 values; the same source gives the same vector, and a shorter one is not its prefix."""
    raw = hashlib.shake_128(source.encode("utf-8", "replace")).digest(size * 2)
    values = [number / 32768 + 1e-6 for number in struct.unpack(f"<{size}h", raw)]
    length = math.sqrt(sum(value * value for value in values))
    return list(struct.unpack(f"<{size}f", struct.pack(f"<{size}f", *(value / length for value in values))))


def _inputs(given: Any) -> list[tuple[str, int]]:
    """(text, tokens) of each input: a string, strings, token numbers, or lists of token numbers."""
    if given is None:
        raise missing("input", Front.OPENAI)
    if isinstance(given, str) and given:
        return [(given, estimate(given))]
    if not isinstance(given, list) or not given or len(given) > MAX_INPUTS:
        raise out_of_range("input", f"expected a non-empty string or an array of 1 to {MAX_INPUTS}", Front.OPENAI)
    if all(isinstance(item, int) and not isinstance(item, bool) for item in given):
        return [(repr(given), len(given))]
    if all(isinstance(item, str) and item for item in given):
        return [(item, estimate(item)) for item in given]
    if all(isinstance(item, list) and item and all(isinstance(n, int) for n in item) for item in given):
        return [(repr(item), len(item)) for item in given]
    raise wrong_type("input", "string or array of one kind", Front.OPENAI)
