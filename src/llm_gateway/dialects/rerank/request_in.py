"""Rerank requests, wire to neutral: one shape, whose members are spelled the same by Cohere, Jina, Together and vLLM."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.errors import Unsupported
from llm_gateway.core.json import encode
from llm_gateway.core.rerank import RankDocument, RerankRequest
from llm_gateway.dialects.base import View
from llm_gateway.dialects.invalid import Watched, check_model, read, read_member, refuse, refuse_duplicates
from llm_gateway.dialects.openai_chat.request_in import others

_WATCHED = Watched(b"model", b"query", b"documents")


class _Body(msgspec.Struct, gc=False):
    """`top_k` is Voyage's name of top_n."""

    model: str
    query: str | dict[str, Any]
    documents: list[str | dict[str, Raw]]
    top_n: int | None = None
    top_k: int | None = None
    return_documents: bool | None = None
    max_tokens_per_doc: int | None = None


_KNOWN = frozenset(_Body.__struct_fields__)


def view(body: bytes) -> View:
    """Raises InvalidRequest (with param) or MalformedBody."""
    return View(_read(body).model)


def parse_request(body: bytes, dialect: str) -> RerankRequest:
    """A document is a text, or an object with one in `text`; its other members are shown again and not ranked, as rank_fields is
    not carried. Raises InvalidRequest, MalformedBody, and Unsupported for documents and queries without a text (pictures).
    """
    seen = _read(body)
    return RerankRequest(
        model=seen.model,
        query=_text(seen.query, "query"),
        documents=tuple(_document(item, f"documents[{index}]") for index, item in enumerate(seen.documents)),
        top_n=seen.top_k if seen.top_n is None else seen.top_n,
        return_documents=seen.return_documents,
        max_tokens_per_doc=seen.max_tokens_per_doc,
        extra=others(body, _KNOWN),
        dialect=dialect,
    )


def _read(body: bytes) -> _Body:
    seen = read(body, _Body)
    refuse_duplicates(body, _WATCHED)
    check_model(seen.model)
    if not seen.documents:
        raise refuse("documents", "there must be at least one")
    for name in ("top_n", "top_k", "max_tokens_per_doc"):
        value = getattr(seen, name)
        if value is not None and value < 1:
            raise refuse(name, "it must be 1 or more")
    return seen


def _document(item: str | dict[str, Raw], path: str) -> RankDocument:
    if isinstance(item, str):
        return RankDocument(item)
    found = read_member(item.get("text", Raw(b"null")), Any, f"{path}.text")
    return RankDocument(_text({"text": found}, path), Raw(encode(item)))


def _text(said: str | dict[str, Any], path: str) -> str:
    text = said if isinstance(said, str) else said.get("text")
    if not isinstance(text, str):
        raise Unsupported("The chosen provider ranks texts only.", param=path)
    return text
