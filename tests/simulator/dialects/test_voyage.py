"""Voyage's embeddings and reranking."""

from __future__ import annotations

import base64
import struct

import pytest

from llm_gateway.simulator.dialects.voyage import embed, rerank
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script


def vectors(**fields):
    return [row["embedding"] for row in embed(Script(), {"model": "v", "input": ["a", "b"], **fields}).document["data"]]


def test_vectors_by_type_and_use():
    """The use and the size change them; base64 is of the same floats, the other types are integers."""
    plain = vectors(output_dimension=8)
    assert [len(vector) for vector in plain] == [8, 8]
    assert plain != vectors(output_dimension=8, input_type="query")
    packed = vectors(output_dimension=8, encoding_format="base64")
    assert [list(struct.unpack("<8f", base64.b64decode(text))) for text in packed] == plain
    assert all(isinstance(number, int) for number in vectors(output_dimension=8, output_dtype="int8")[0])


def test_reranking_is_called_data():
    """In Cohere's order, with tokens."""
    document = rerank(Script(), {"model": "r", "query": "x", "documents": ["y", "x"], "top_k": 1}).document
    assert [row["index"] for row in document["data"]] == [1]
    assert document["usage"]["total_tokens"] > 0


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"dimensions": 3}, "dimensions"), ({"user": "u"}, "user"), ({"encoding_format": "float"}, "encoding_format"),
        ({"input_type": "x"}, "input_type"), ({"output_dtype": "x"}, "output_dtype"), ({"input": []}, "input"), ({"input": [1]}, "input"),
    ],
)  # fmt: skip
def test_openais_names_are_refused(fields, param):
    """And wrong words."""
    with pytest.raises(Problem) as caught:
        vectors(**fields)
    assert (caught.value.status, caught.value.param) == (400, param)
