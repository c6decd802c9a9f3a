"""An answer of /v1/embeddings and its relatives, wire to neutral, and the look at one that passes through."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.embeddings import EmbeddingsReply
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.embeddings.numbers import Vector, unpacked
from llm_gateway.dialects.openai_chat.reply_in import Envelope, read_reply
from llm_gateway.dialects.openai_chat.usage import read_usage


class _VectorWire(msgspec.Struct, gc=False):
    embedding: Vector | str
    index: int | None = None


class _ReplyWire(Envelope, gc=False):
    id: Any = None
    data: list[_VectorWire] | None = None


class _CheckedVector(msgspec.Struct, gc=False):
    """The numbers are left alone."""

    embedding: Raw


class _Checked(Envelope, gc=False):
    data: list[_CheckedVector] | None = None


class _Total(msgspec.Struct, gc=False):
    total_tokens: int | None = None


_decode_total = msgspec.json.Decoder(_Total | None, strict=False).decode


def check_reply(body: bytes) -> ReplyFacts:
    """Raises UpstreamMalformed."""
    reply = read_reply(body, _Checked)
    if not reply.data:
        raise UpstreamMalformed("The provider's answer has no embeddings")
    return ReplyFacts(usage_of(reply.usage), reply.model or "")


def parse_reply(body: bytes) -> EmbeddingsReply:
    """Raises UpstreamMalformed."""
    reply = read_reply(body, _ReplyWire)
    if not reply.data:
        raise UpstreamMalformed("The provider's answer has no embeddings")
    places = [place if item.index is None else item.index for place, item in enumerate(reply.data)]
    if sorted(places) != list(range(len(places))):
        raise UpstreamMalformed("The provider's embeddings are not numbered from 0 without gaps")
    vectors = dict(zip(places, (unpacked(item.embedding) for item in reply.data), strict=True))
    return EmbeddingsReply(
        model=reply.model or "",
        vectors=tuple(vectors[place] for place in range(len(vectors))),
        usage=usage_of(reply.usage),
        id=reply.id if isinstance(reply.id, str) else None,
    )


def usage_of(raw: Raw) -> Usage | None:
    """Voyage and Jina tell the total only, which is the prompt where nothing is generated."""
    usage = read_usage(raw)
    if usage is not None:
        return usage
    try:
        wire = _decode_total(raw)
    except msgspec.ValidationError:
        return None
    total = wire.total_tokens if wire is not None else None
    return Usage(input=total) if total is not None and total >= 0 else None
