"""Reranking in no provider's shape: documents in the order in which they answer a query."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage


class RankDocument(msgspec.Struct, frozen=True, gc=False):
    """A text. `given`: the object that the caller gave in its place, to be shown again; None: it was the text alone."""

    text: str
    given: Raw | None = None


class RerankRequest(msgspec.Struct, frozen=True):
    """None means that the caller said nothing."""

    model: str
    query: str
    documents: tuple[RankDocument, ...]
    top_n: int | None = None
    """How many results are wanted; None: all."""
    return_documents: bool | None = None
    """Whether the results hold the documents. The gateway has them: no provider is asked for this."""
    max_tokens_per_doc: int | None = None
    """Where a long document is cut."""
    extra: dict[str, Raw] = {}
    """Members without a place above, by the caller's path."""
    dialect: str = ""
    """The dialect whose names `extra` uses."""


class Ranked(msgspec.Struct, frozen=True, gc=False):
    """`index`: which document of the request."""

    index: int
    score: float


class RerankReply(msgspec.Struct, frozen=True):
    """The most relevant first. Providers bill tokens (`usage`) or searches; None: not known."""

    model: str
    results: tuple[Ranked, ...]
    usage: Usage | None = None
    search_units: int | None = None
    id: str | None = None


def completed(reply: RerankReply, request: RerankRequest, model: str, ident: str) -> RerankReply:
    """`reply` in order, cut to `top_n`, with `model` and `ident` if the provider named none.

    Raises UpstreamMalformed if it is no answer to `request`: a document that does not exist, or one twice.
    """
    places = {ranked.index for ranked in reply.results}
    if len(places) != len(reply.results) or not all(0 <= place < len(request.documents) for place in places):
        raise UpstreamMalformed("The provider's results do not stand for the documents")
    ordered = sorted(reply.results, key=lambda ranked: -ranked.score)  # stable: equals stay as the provider had them
    results = tuple(ordered[: request.top_n])
    return msgspec.structs.replace(reply, results=results, model=reply.model or model, id=reply.id or ident)
