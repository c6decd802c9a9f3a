"""Usage as Cohere counts it, and ours.

`tokens` is what went through the model, cached prompt and thinking included, images beside; `billed_units` is what is paid for,
and stands in where a server says nothing else.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Raw

from llm_gateway.core.usage import MediaUsage, Usage

_Count = Annotated[float, msgspec.Meta(ge=0, le=1e15)] | None
"""Numbers are floats in this API."""


class _Tokens(msgspec.Struct, gc=False):
    input_tokens: _Count = None
    output_tokens: _Count = None
    reasoning_tokens: _Count = None
    image_tokens: _Count = None
    images: _Count = None
    """Billed one by one (embeddings)."""


class _UsageWire(msgspec.Struct, gc=False):
    tokens: _Tokens | None = None
    billed_units: _Tokens | None = None
    cached_tokens: _Count = None


_decode = msgspec.json.Decoder(_UsageWire | None).decode


def read_usage(raw: Raw) -> Usage | None:
    """None where nothing is said, or nothing possible: a wrong count must not lose an answer."""
    try:
        wire = _decode(raw)
    except msgspec.ValidationError:
        return None
    if wire is None:
        return None
    images = _whole(wire.billed_units.images) if wire.billed_units is not None else 0
    counts = wire.tokens or wire.billed_units
    if counts is None or (counts.input_tokens is None and counts.output_tokens is None):
        return MediaUsage(input_images=images) if images else None
    prompt, completion = _whole(counts.input_tokens), _whole(counts.output_tokens)
    cached = min(prompt, _whole(wire.cached_tokens))
    thought = min(completion, _whole(counts.reasoning_tokens))
    fresh = prompt - cached + _whole(counts.image_tokens)
    if images:
        return MediaUsage(input=fresh, cache_read=cached, output=completion - thought, reasoning=thought, input_images=images)
    return Usage(input=fresh, cache_read=cached, output=completion - thought, reasoning=thought)


def _whole(count: float | None) -> int:
    return int(count or 0)
