"""Embeddings."""

from __future__ import annotations

import base64
import math
import struct

import pytest

from llm_gateway.simulator.dialects.openai_embeddings import reply
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script


def ask(given, seed=0, **fields):
    return reply(Script(seed=seed), {"model": "m", "input": given, **fields}).document


def test_vectors():
    """Unit vectors of the asked size, one for each input, that follow from seed and text."""
    rows = ask(["a", "b", "a"], dimensions=64)["data"]
    vectors = [row["embedding"] for row in rows]
    assert [row["index"] for row in rows] == [0, 1, 2]
    assert all(math.isclose(math.hypot(*vector), 1, abs_tol=1e-4) and len(vector) == 64 for vector in vectors)
    assert vectors[0] == vectors[2] != vectors[1]
    assert vectors[0] != ask("a", seed=1, dimensions=64)["data"][0]["embedding"]
    assert len(ask("a")["data"][0]["embedding"]) == 1536


def test_base64_holds_the_same_numbers():
    """encoding_format=base64 is little-endian float32 of the same vector."""
    packed = base64.b64decode(ask("a", dimensions=8, encoding_format="base64")["data"][0]["embedding"])
    assert list(struct.unpack("<8f", packed)) == ask("a", dimensions=8)["data"][0]["embedding"]


@pytest.mark.parametrize(
    ("given", "tokens", "count"), [("abcdefgh", 2, 1), ([1, 2, 3], 3, 1), ([[1], [2, 3]], 3, 2), (["abcd", "a"], 2, 2)]
)
def test_inputs(given, tokens, count):
    """Text, texts, token numbers and lists of them are taken."""
    document = ask(given, dimensions=2)
    assert (document["usage"]["prompt_tokens"], len(document["data"])) == (tokens, count)


@pytest.mark.parametrize("given", [None, "", [], {}, ["a", 1], [[]], ["x"] * 2049])
def test_bad_inputs_are_refused(given):
    """Anything else is refused with 400."""
    with pytest.raises(Problem) as caught:
        ask(given)
    assert (caught.value.status, caught.value.param) == (400, "input")
