"""Reranking, as fronts and as backs. A request looks the same everywhere but for a few names; answers have two shapes here.

- `rerank`, POST /v1/rerank (and /rerank): what Cohere's first API, Jina (https://api.jina.ai/redoc#tag/rerank), Together
  (https://docs.together.ai/reference/rerank), vLLM and llama.cpp speak. Their answers do not contradict each other, so a
  translated one has the members of all: `results`, `model` and `usage` (Jina), `id` and `meta` (Cohere).
- `cohere_rerank`, POST /v2/rerank: Cohere's second API (https://docs.cohere.com/reference/rerank).
- `voyage_rerank` (https://docs.voyageai.com/reference/reranker-api) and `tei_rerank`, Text Embeddings Inference
  (https://huggingface.github.io/text-embeddings-inference/), as backs only.

The gateway has the documents: to another dialect's provider it is never said to send them back, and who asked for them gets them.
`top_n` is kept by the gateway too.
"""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.errors import GatewayError
from llm_gateway.core.json import encode
from llm_gateway.core.rerank import RankDocument, RerankReply, RerankRequest
from llm_gateway.dialects.base import Operation, Rendered, ReplyFacts, Target, View
from llm_gateway.dialects.cohere_embed import render_error
from llm_gateway.dialects.embeddings.ends import WholeBack, WholeFront
from llm_gateway.dialects.rerank import reply_in, request_in

NAME = "rerank"
COHERE = "cohere_rerank"


class Names(msgspec.Struct, frozen=True):
    """What a provider calls the members; None: it has no such one."""

    model: str | None = "model"
    documents: str = "documents"
    top_n: str | None = "top_n"
    return_documents: str | None = None
    """Where it says by itself that they are not wanted."""
    max_tokens_per_doc: str | None = None
    also: tuple[str, ...] = ()
    """Members of its own that callers may send."""


class RerankBack(WholeBack):
    """A TypedBack."""

    operation = Operation.RERANK

    def __init__(self, name: str, names: Names) -> None:
        self.name = name
        self._names = names

    def render_request(self, request: RerankRequest, target: Target) -> Rendered:
        names = self._names
        out: dict[str, Any] = {} if names.model is None else {names.model: target.model}
        out |= {"query": request.query, names.documents: [document.text for document in request.documents]}
        if names.top_n is not None and request.top_n is not None:
            out[names.top_n] = min(request.top_n, len(request.documents))  # some refuse more than there are
        if names.return_documents is not None:
            out[names.return_documents] = False
        lost = []
        if request.max_tokens_per_doc is not None:
            if names.max_tokens_per_doc is not None:
                out[names.max_tokens_per_doc] = request.max_tokens_per_doc
            else:
                lost.append("max_tokens_per_doc")
        related = request.dialect == self.name
        taken = {name: value for name, value in request.extra.items() if related or name in names.also}
        lost += [name for name in request.extra if name not in taken]
        return Rendered(encode(taken | out), lost)

    def check_reply(self, body: bytes) -> ReplyFacts:
        return reply_in.check_reply(body)

    def parse_reply(self, body: bytes) -> RerankReply:
        return reply_in.parse_reply(body)


class Rerank(WholeFront, RerankBack):
    """POST /v1/rerank."""

    def view(self, body: bytes) -> View:
        return request_in.view(body)

    def parse_request(self, body: bytes) -> RerankRequest:
        return request_in.parse_request(body, self.name)

    def render_reply(self, reply: RerankReply, request: RerankRequest) -> bytes:
        out = self._rendered(reply, request, "1") | {"model": reply.model}
        if reply.usage is not None and (reply.usage.total or not reply.search_units):
            out["usage"] = {"prompt_tokens": reply.usage.prompt, "total_tokens": reply.usage.prompt}
        return encode(out)

    def _rendered(self, reply: RerankReply, request: RerankRequest, version: str) -> dict[str, Any]:
        """What Cohere's two versions have in common."""
        meta: dict[str, Any] = {"api_version": {"version": version}}
        if reply.search_units is not None:
            meta["billed_units"] = {"search_units": reply.search_units}
        if reply.usage is not None and (reply.usage.total or not reply.search_units):
            meta["tokens"] = {"input_tokens": reply.usage.prompt}
        results: list[dict[str, Any]] = [{"index": ranked.index, "relevance_score": ranked.score} for ranked in reply.results]
        if request.return_documents:
            for shown in results:
                shown["document"] = _shown(request.documents[shown["index"]])
        return {"id": reply.id or "", "results": results, "meta": meta}


class CohereRerank(Rerank):
    """POST /v2/rerank."""

    def render_reply(self, reply: RerankReply, request: RerankRequest) -> bytes:
        return encode(self._rendered(reply, request, "2"))

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return render_error(error, request_id)


def _shown(document: RankDocument) -> Any:
    return {"text": document.text} if document.given is None else document.given


RERANK = Rerank(NAME, Names(return_documents="return_documents"))
COHERE_RERANK = CohereRerank(COHERE, Names(max_tokens_per_doc="max_tokens_per_doc"))
VOYAGE_RERANK = RerankBack("voyage_rerank", Names(top_n="top_k", also=("truncation",)))
TEI_RERANK = RerankBack("tei_rerank", Names(model=None, documents="texts", top_n=None, also=("truncate", "raw_scores")))
