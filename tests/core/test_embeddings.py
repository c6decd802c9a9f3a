"""Embeddings in no provider's shape."""

from __future__ import annotations

import pytest

from llm_gateway.core.chat import Image, Text
from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest, Mixed, completed, estimated_tokens
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.estimate import IMAGE_TOKENS

REQUEST = EmbeddingsRequest("m", ("a", "b"))


def test_an_answer_gets_what_its_provider_left_out():
    """A model and an id, which stay where they were told."""
    assert completed(EmbeddingsReply("", ((1.0,), (2.0,))), REQUEST, "known", "id") == EmbeddingsReply(
        "known", ((1.0,), (2.0,)), id="id"
    )
    told = EmbeddingsReply("told", ((1.0,), (2.0,)), id="its")
    assert completed(told, REQUEST, "known", "id") is told


@pytest.mark.parametrize("vectors", [(), ((1.0,),), ((1.0,), (2.0,), (3.0,))])
def test_as_many_vectors_as_inputs(vectors):
    """Else nobody knows whose they are."""
    with pytest.raises(UpstreamMalformed, match="for 2 inputs"):
        completed(EmbeddingsReply("m", vectors), REQUEST, "m", "id")


def test_an_estimate():
    """Four characters to a token, tokens themselves, pictures as in a chat."""
    inputs = ("12345678", (1, 2, 3), Mixed((Text("1234"), Image(data="x"))))
    assert estimated_tokens(EmbeddingsRequest("m", inputs)) == 2 + 3 + 1 + IMAGE_TOKENS


def test_paths_are_the_callers():
    """Of a member and of an input."""
    named = EmbeddingsRequest("m", ("a",), places={"task": "taskType", "input": "requests[{}].content"})
    assert (named.place("task"), named.input_place(2)) == ("taskType", "requests[2].content")
    assert (REQUEST.place("task"), REQUEST.input_place(1)) == ("task", "input[1]")


def test_the_text_of_something_mixed():
    """Its texts, a line each; none with a picture."""
    assert Mixed((Text("a"), Text("b"))).text == "a\nb"
    assert Mixed((Text("a"), Image(url="u"))).text is None
