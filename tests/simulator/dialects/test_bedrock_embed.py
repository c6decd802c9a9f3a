"""Embeddings through InvokeModel."""

from __future__ import annotations

import pytest

from llm_gateway.simulator.dialects.bedrock_embed import reply
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script

TITAN = {"model": "amazon.titan-embed-text-v2:0", "inputText": "x", "dimensions": 8}


def test_titan():
    """One vector and its tokens; signs beside it where they are asked for."""
    document = reply(Script(), TITAN).document
    assert len(document["embedding"]) == 8
    assert document["inputTextTokenCount"] == 1
    assert set(reply(Script(), {**TITAN, "embeddingTypes": ["binary"]}).document["embeddingsByType"]) == {"binary"}


def test_cohere():
    """As Cohere answers, without a count of tokens."""
    asked = {"model": "cohere.embed-v4:0", "texts": ["x", "y"], "input_type": "search_query"}
    document = reply(Script(), asked).document
    assert len(document["embeddings"]["float"]) == 2
    assert "meta" not in document


def test_what_titan_does_not_know():
    """Is refused by name."""
    with pytest.raises(Problem) as caught:
        reply(Script(), {**TITAN, "texts": ["x"]})
    assert (caught.value.status, caught.value.param) == (400, "texts")
