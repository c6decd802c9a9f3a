"""Reranking, as fronts and as backs."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.strategies import counts, names, texts
from llm_gateway.core.errors import UpstreamMalformed, UpstreamTimeout
from llm_gateway.core.rerank import RankDocument, Ranked, RerankReply, RerankRequest
from llm_gateway.core.usage import MediaUsage
from llm_gateway.dialects.base import Target, View
from llm_gateway.dialects.rerank import COHERE_RERANK, RERANK, TEI_RERANK, VOYAGE_RERANK

requests = st.builds(
    RerankRequest,
    model=names,
    query=texts,
    documents=st.lists(texts.map(RankDocument), min_size=1, max_size=3).map(tuple),
    max_tokens_per_doc=counts,
    dialect=st.just("cohere_rerank"),
)
REPLY = RerankReply("m", (Ranked(1, 0.5),), MediaUsage(input=7, searches=1), 1, "id")
REQUEST = RerankRequest("m", "q", (RankDocument("a"), RankDocument("b")), return_documents=True)


@given(requests)
def test_a_request_survives_rendering_and_parsing(request):
    """In Cohere's dialect, which has all that the neutral form has."""
    rendered = COHERE_RERANK.render_request(request, Target(request.model))
    assert rendered.dropped == []
    assert COHERE_RERANK.view(rendered.body) == View(request.model)
    assert COHERE_RERANK.parse_request(rendered.body) == request


@pytest.mark.parametrize("front", [RERANK, COHERE_RERANK])
def test_an_answer_is_read_as_it_was_shown(front):
    """Whichever shape it has, with the documents if they were asked for."""
    made = front.render_reply(REPLY, REQUEST)
    found = front.parse_reply(made)
    assert (found.results, found.usage, found.search_units, found.id) == (REPLY.results, REPLY.usage, 1, "id")
    assert msgspec.json.decode(made)["results"][0]["document"] == {"text": "b"}
    plain = RerankRequest("m", "q", REQUEST.documents)
    assert b"document" not in front.render_reply(REPLY, plain)


def test_unknown_usage_is_not_shown():
    """No zeros."""
    for front in (RERANK, COHERE_RERANK):
        shown = msgspec.json.decode(front.render_reply(RerankReply("m", REPLY.results), REQUEST))
        assert "usage" not in shown
        assert set(shown["meta"]) == {"api_version"}


def test_more_than_there_are():
    """Some providers refuse a top_n beyond the documents; TEI knows none, and the gateway keeps it."""
    request = RerankRequest("m", "q", REQUEST.documents, top_n=9)
    assert msgspec.json.decode(VOYAGE_RERANK.render_request(request, Target("t")).body)["top_k"] == 2
    assert msgspec.json.decode(TEI_RERANK.render_request(request, Target("t")).body) == {"query": "q", "texts": ["a", "b"]}


def test_errors_and_streams():
    """Cohere's shape under Cohere's path, OpenAI's elsewhere; there are no streams."""
    assert RERANK.render_error(UpstreamTimeout("Silent"), "r").startswith(b'{"error":')
    assert COHERE_RERANK.render_error(UpstreamTimeout("Silent"), "r") == b'{"id":"r","message":"Silent"}'
    with pytest.raises(UpstreamMalformed):
        RERANK.relay()
