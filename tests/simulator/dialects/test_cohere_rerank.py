"""Cohere's reranking."""

from __future__ import annotations

import pytest

from llm_gateway.simulator.dialects.cohere_rerank import reply
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script


def rerank(**fields):
    return {"model": "r", "query": "capital of France", "documents": ["a cat", "the capital of France", "a capital"], **fields}


def test_shared_words_come_first():
    """The order follows the words shared with the query; scores fall and stay between 0 and 1."""
    results = reply(Script(), rerank()).document["results"]
    assert [row["index"] for row in results] == [1, 2, 0]
    scores = [row["relevance_score"] for row in results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score < 1 for score in scores)
    assert reply(Script(), rerank(top_n=1)).document["results"] == results[:1]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"query": ""}, "query"),
        ({"documents": None}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": [3]}, "documents"),
    ],
)
def test_bad_requests_are_refused(change, param):
    """What Cohere refuses is refused with 400."""
    with pytest.raises(Problem) as caught:
        reply(Script(), rerank() | change)
    assert (caught.value.status, caught.value.param) == (400, param)
