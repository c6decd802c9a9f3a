"""Gemini's embeddings, one and many."""

from __future__ import annotations

import pytest

from llm_gateway.simulator.dialects.gemini_embeddings import batch, one
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script


def content(text):
    return {"content": {"parts": [{"text": text}]}}


def test_a_batch_is_the_vectors_of_its_requests():
    """Each request of a batch has the vector that it has alone, in order."""
    alone = [one(Script(), {"model": "e", **content(text), "outputDimensionality": 8}).document for text in ("a", "b")]
    requests = [{"model": "models/e", **content(text), "output_dimensionality": 8} for text in ("a", "b")]
    together = batch(Script(), {"model": "e", "requests": requests}).document
    assert together["embeddings"] == [document["embedding"] for document in alone]
    assert [len(row["values"]) for row in together["embeddings"]] == [8, 8]
    assert together["usageMetadata"]["promptTokenCount"] == 2


@pytest.mark.parametrize(
    ("given", "param"), [({}, "content"), ({"content": {"parts": []}}, "content"), ({**content("x"), "input": "x"}, "input")]
)
def test_bad_requests_are_refused(given, param):
    """No text, or a name that the API does not have, is a bad request."""
    with pytest.raises(Problem) as caught:
        one(Script(), {"model": "e", **given})
    assert (caught.value.status, caught.value.param) == (400, param)
