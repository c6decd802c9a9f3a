"""Reranking in no provider's shape."""

from __future__ import annotations

import pytest

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.rerank import RankDocument, Ranked, RerankReply, RerankRequest, completed

REQUEST = RerankRequest("m", "q", (RankDocument("a"), RankDocument("b"), RankDocument("c")), top_n=2)


def test_the_best_come_first():
    """As many as are wanted, equals as the provider had them; with a model and an id."""
    reply = RerankReply("", (Ranked(2, 0.1), Ranked(1, 0.5), Ranked(0, 0.5)))
    assert completed(reply, REQUEST, "m", "id") == RerankReply("m", (Ranked(1, 0.5), Ranked(0, 0.5)), id="id")


@pytest.mark.parametrize("places", [(3,), (-1,), (0, 0)])
def test_results_stand_for_documents(places):
    """Each for one that exists, and none twice."""
    with pytest.raises(UpstreamMalformed):
        completed(RerankReply("m", tuple(Ranked(place, 0.5) for place in places)), REQUEST, "m", "id")
