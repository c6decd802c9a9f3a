"""Vectors on the wire: lists of numbers, or base64 of little-endian 32-bit floats (of bytes, where the numbers are integers)."""

from __future__ import annotations

import binascii
import struct

from llm_gateway.core.embeddings import EmbeddingsRequest, NumberType
from llm_gateway.core.errors import UpstreamMalformed

Vector = list[int | float]
"""What is decoded: integers stay integers, so that a vector of bytes is not shown as one of floats."""


def unpacked(embedding: Vector | str) -> tuple[float, ...]:
    """Raises UpstreamMalformed for a text that is no base64 of floats."""
    if not isinstance(embedding, str):
        return tuple(embedding)
    try:
        data = binascii.a2b_base64(embedding, strict_mode=True)
        return struct.unpack(f"<{len(data) // 4}f", data)
    except (binascii.Error, struct.error, ValueError):
        raise UpstreamMalformed("The provider's embeddings are not base64 of floats") from None


def packed(vector: tuple[float, ...], number_type: NumberType | None) -> str | tuple[float, ...]:
    """Base64 of a vector of floats. One of integers stays a list: who decodes base64 here takes it for floats."""
    if number_type is not None:
        return vector
    try:
        return binascii.b2a_base64(struct.pack(f"<{len(vector)}f", *vector), newline=False).decode()
    except (OverflowError, struct.error):
        raise UpstreamMalformed("The provider's embeddings do not fit 32-bit floats") from None


def shown(vector: tuple[float, ...], request: EmbeddingsRequest) -> str | tuple[float, ...]:
    """In the encoding that `request` asked for."""
    return packed(vector, request.number_type) if request.encoding == "base64" else vector
