"""Rerank answers, wire to neutral: the list is called results, data (Voyage), or stands alone (TEI); scores have two names."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Raw

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.rerank import Ranked, RerankReply
from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.cohere_chat.usage import read_usage
from llm_gateway.dialects.embeddings.reply_in import usage_of
from llm_gateway.dialects.openai_chat.reply_in import Envelope, read_reply

_NULL = Raw(b"null")


class _Item(msgspec.Struct, gc=False):
    index: int
    relevance_score: float | None = None
    score: float | None = None


class _ReplyWire(Envelope, gc=False):
    id: Any = None
    results: list[_Item] | None = None
    data: list[_Item] | None = None
    meta: Raw = _NULL


class _Billed(msgspec.Struct, gc=False):
    search_units: Annotated[float, msgspec.Meta(ge=0, le=1e15)] | None = None


class _Meta(msgspec.Struct, gc=False):
    billed_units: _Billed | None = None


_decode_meta = msgspec.json.Decoder(_Meta | None).decode


def check_reply(body: bytes) -> ReplyFacts:
    """Raises UpstreamMalformed."""
    reply = parse_reply(body)
    return ReplyFacts(reply.usage, reply.model)


def parse_reply(body: bytes) -> RerankReply:
    """Raises UpstreamMalformed."""
    if body.lstrip()[:1] == b"[":
        body = b'{"results":%b}' % body
    reply = read_reply(body, _ReplyWire)
    items = reply.results if reply.results is not None else reply.data
    if not items:
        raise UpstreamMalformed("The provider's answer has no results")
    units = _search_units(reply.meta)
    return RerankReply(
        model=reply.model or "",
        results=tuple(Ranked(item.index, _score(item)) for item in items),
        usage=_usage(usage_of(reply.usage) or read_usage(reply.meta), units),
        search_units=units,
        id=reply.id if isinstance(reply.id, str) else None,
    )


def _score(item: _Item) -> float:
    score = item.score if item.relevance_score is None else item.relevance_score
    if score is None:
        raise UpstreamMalformed("The provider's results have no scores")
    return score


def _usage(tokens: Usage | None, units: int | None) -> Usage | None:
    if not units:
        return tokens
    counted = {} if tokens is None else {name: getattr(tokens, name) for name in Usage.__struct_fields__}
    return MediaUsage(**counted, searches=units)


def _search_units(raw: Raw) -> int | None:
    try:
        meta = _decode_meta(raw)
    except msgspec.ValidationError:
        return None
    units = meta.billed_units.search_units if meta is not None and meta.billed_units is not None else None
    return None if units is None else int(units)
