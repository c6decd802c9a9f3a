"""Jina's embeddings and reranking."""

from __future__ import annotations

import base64
import struct

import pytest

from llm_gateway.simulator.dialects.jina import embed, rerank
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script


def vectors(**fields):
    given = {"model": "j", "input": ["a", {"text": "b"}, {"image": "AA=="}], **fields}
    return [row["embedding"] for row in embed(Script(), given).document["data"]]


def test_vectors_by_type_and_use():
    """The use changes them; base64 is of the same floats, the other types are integers."""
    plain = vectors(dimensions=8)
    assert [len(vector) for vector in plain] == [8, 8, 8]
    assert plain != vectors(dimensions=8, task="retrieval.query")
    packed = vectors(dimensions=8, embedding_type="base64")
    assert [list(struct.unpack("<8f", base64.b64decode(text))) for text in packed] == plain
    assert vectors(dimensions=8, embedding_type="ubinary")[0][0] in (0, 1)


def test_documents_come_back_unless_they_are_not_wanted():
    """As at Jina."""
    asked = {"model": "r", "query": "x", "documents": ["y", {"text": "x"}], "top_n": 1}
    assert rerank(Script(), asked).document["results"][0]["document"] == {"text": "x"}
    assert "document" not in rerank(Script(), {**asked, "return_documents": False}).document["results"][0]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"encoding_format": "float"}, "encoding_format"), ({"user": "u"}, "user"), ({"task": "x"}, "task"), ({"embedding_type": "int8"}, "embedding_type"),
        ({"input": []}, "input"), ({"input": [1]}, "input"),
    ],
)  # fmt: skip
def test_other_names_are_refused(fields, param):
    """And wrong words."""
    with pytest.raises(Problem) as caught:
        vectors(**fields)
    assert (caught.value.status, caught.value.param) == (400, param)
