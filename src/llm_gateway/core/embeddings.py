"""Embeddings in no provider's shape."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw

from llm_gateway.core.usage import Usage


class EmbeddingsRequest(msgspec.Struct, frozen=True):
    """Texts to embed: each a string, or its tokens. None means that the caller said nothing."""

    model: str
    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None
    encoding: Literal["float", "base64"] | None = None
    """How the caller wants the numbers on the wire."""
    user: str | None = None
    extra: dict[str, Raw] = {}
    """Members without a place above, by their own name, as the caller's dialect has them."""
    dialect: str = ""
    """The dialect whose names `extra` uses."""


class EmbeddingsReply(msgspec.Struct, frozen=True):
    """One vector for each input, in its order."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None = None
    id: str | None = None
