"""Cohere's embeddings in all their types."""

from __future__ import annotations

import base64
import struct

import pytest

from llm_gateway.simulator.dialects.cohere_embed import TYPES, reply
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script


def embed(**fields):
    return {"model": "e", "input_type": "search_document", "texts": ["a", "b"], "output_dimension": 16, **fields}


def test_every_type():
    """The same vectors in every type; floats when none is asked for."""
    found = reply(Script(), embed(embedding_types=list(TYPES))).document["embeddings"]
    assert found["float"] == reply(Script(), embed()).document["embeddings"]["float"]
    for index, values in enumerate(found["float"]):
        assert list(struct.unpack("<16f", base64.b64decode(found["base64"][index]))) == values
        assert [byte - 128 for byte in found["uint8"][index]] == found["int8"][index]
        assert [byte - 128 for byte in found["ubinary"][index]] == found["binary"][index]
        assert f"{found['ubinary'][index][0]:08b}" == "".join(str(int(value > 0)) for value in values[:8])


def test_mixed_inputs():
    """Texts and images in one input make one vector, and are billed apart."""
    content = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:x"}}]
    document = reply(Script(), embed(texts=None, inputs=[{"content": content}])).document
    assert len(document["embeddings"]["float"]) == 1
    assert all(document["meta"]["billed_units"].values())


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input_type": None}, "input_type"),
        ({"input_type": "x"}, "input_type"),
        ({"texts": None}, "texts"),
        ({"texts": ["a"] * 97}, "texts"),
        ({"embedding_types": ["int4"]}, "embedding_types"),
    ],
)
def test_bad_requests_are_refused(change, param):
    """What Cohere refuses is refused with 400."""
    with pytest.raises(Problem) as caught:
        reply(Script(), embed() | change)
    assert (caught.value.status, caught.value.param) == (400, param)
