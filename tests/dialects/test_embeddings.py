"""Embeddings, passed through and in typed form."""

from __future__ import annotations

import struct
from base64 import b64encode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from openai.types import CreateEmbeddingResponse

from dialects.strategies import counts, maybe_names, names, raws, texts
from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest
from llm_gateway.core.errors import InvalidRequest, MalformedBody, UpstreamMalformed, UpstreamTimeout
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import ProviderFault, Target, View
from llm_gateway.dialects.embeddings import EMBEDDINGS

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
token_lists = st.lists(st.integers(0, 99_999), min_size=1, max_size=3).map(tuple)
requests = st.builds(
    EmbeddingsRequest,
    model=names,
    inputs=st.one_of(st.lists(texts, min_size=1, max_size=3), st.lists(token_lists, min_size=1, max_size=3)).map(tuple),
    dimensions=counts,
    encoding=st.sampled_from([None, "float", "base64"]),
    user=maybe_names,
    extra=st.dictionaries(names.map(lambda name: f"x_{name}"), raws, max_size=2),
    dialect=st.just("embeddings"),
)
replies = st.builds(
    EmbeddingsReply,
    model=names,
    vectors=st.lists(st.lists(floats, min_size=1, max_size=4).map(tuple), min_size=1, max_size=3).map(tuple),
    usage=st.builds(Usage, input=st.integers(0, 999)),
    id=maybe_names,
)


def body(**members: object) -> bytes:
    return msgspec.json.encode({"model": "e", "input": "x"} | members)


def reply(*data: object, **members: object) -> bytes:
    return msgspec.json.encode(
        {"object": "list", "model": "e", "data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}} | members
    )


@given(requests)
def test_a_request_survives_rendering_and_parsing(request: EmbeddingsRequest):
    """Texts and tokens, one and several."""
    rendered = EMBEDDINGS.render_request(request, Target(request.model))
    assert rendered.dropped == []
    assert EMBEDDINGS.view(rendered.body) == View(request.model, user=request.user or "")
    assert EMBEDDINGS.parse_request(rendered.body) == request


@given(replies, st.sampled_from(["float", "base64"]))
def test_a_reply_survives_rendering_and_parsing(given: EmbeddingsReply, encoding: str):
    """Every 32-bit float exactly, as numbers and as base64; the official SDK's model accepts the numbers."""
    made = EMBEDDINGS.render_reply(given, EmbeddingsRequest("e", ("x",), encoding=encoding))
    assert EMBEDDINGS.parse_reply(made) == given
    assert EMBEDDINGS.check_reply(made).usage == given.usage
    if encoding == "float":
        CreateEmbeddingResponse.model_validate_json(made)


def test_usage_is_estimated_where_none_is_told():
    """OpenAI's clients demand one; `shows_usage` has the header say so."""
    request = EmbeddingsRequest("e", ("12345678", (1, 2)))
    shown = msgspec.json.decode(EMBEDDINGS.render_reply(EmbeddingsReply("e", ((1.0,), (2.0,))), request))
    assert shown["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    assert EMBEDDINGS.shows_usage


def test_nothing_in_a_request_is_foreign():
    """Whatever a text to embed looks like, it passes."""
    assert not EMBEDDINGS.holds_foreign(b'{"input":"","signature":"gemini/x"}')


def test_extras_go_to_the_same_dialect_only():
    """Named to any other."""
    request = EmbeddingsRequest("e", ("x",), extra={"input_type": Raw(b'"query"')}, dialect="other")
    assert EMBEDDINGS.render_request(request, Target("e")).dropped == ["input_type"]


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": 3}, "input"), ({"input": None}, "input"), ({"input": {}}, "input"), ({"model": None}, "model"), ({"model": ""}, "model"),
        ({"dimensions": 0}, "dimensions"), ({"dimensions": "x"}, "dimensions"), ({"encoding_format": 1}, "encoding_format"), ({"user": 1}, "user"),
    ],
)  # fmt: skip
def test_a_wrong_member_is_named(members: dict, param: str):
    """By the view, so that pass-through checks it too."""
    with pytest.raises(InvalidRequest) as caught:
        EMBEDDINGS.view(body(**members))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": []}, "input"), ({"input": [1, "x"]}, "input"), ({"input": ["x", 1]}, "input"), ({"input": [{}]}, "input[0]"),
        ({"input": [1, [2]]}, "input"), ({"encoding_format": "int8"}, "encoding_format"),
    ],
)  # fmt: skip
def test_what_has_no_neutral_form_is_named(members: dict, param: str):
    """A provider may accept it; a translation cannot."""
    EMBEDDINGS.view(body(**members))
    with pytest.raises(InvalidRequest) as caught:
        EMBEDDINGS.parse_request(body(**members))
    assert caught.value.param == param


def test_a_broken_body_and_a_second_input_are_refused():
    """As for chat."""
    with pytest.raises(MalformedBody):
        EMBEDDINGS.view(b"")
    with pytest.raises(InvalidRequest, match="more than once"):
        EMBEDDINGS.view(b'{"model":"e","input":"a","input":"b"}')


def test_vectors_are_put_in_the_order_of_their_inputs():
    """A provider may answer in another."""
    parsed = EMBEDDINGS.parse_reply(reply({"index": 1, "embedding": [2]}, {"index": 0, "embedding": [1.5]}))
    assert parsed.vectors == ((1.5,), (2.0,))
    packed = b64encode(struct.pack("<2f", 0.5, -1.0)).decode()
    assert EMBEDDINGS.parse_reply(reply({"embedding": packed})).vectors == ((0.5, -1.0),)


@pytest.mark.parametrize(
    "bad",
    [
        b"", b"null", b"<html>", b"{}", reply(), reply({}), reply(3), b'{"error":{"message":"no"}}',
    ],
)  # fmt: skip
def test_what_is_no_answer_is_malformed(bad: bytes):
    """On either way."""
    for look in (EMBEDDINGS.check_reply, EMBEDDINGS.parse_reply):
        with pytest.raises(UpstreamMalformed):
            look(bad)


@pytest.mark.parametrize(
    "data",
    [
        [{"index": 0, "embedding": "!"}], [{"index": 0, "embedding": "QUI="}], [{"index": 0, "embedding": ["x"]}],
        [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}], [{"index": 1, "embedding": [1]}],
    ],
)  # fmt: skip
def test_numbers_that_are_none_are_malformed(data: list):
    """Broken base64, half a float, and vectors of which one would be lost."""
    with pytest.raises(UpstreamMalformed):
        EMBEDDINGS.parse_reply(reply(*data))


def test_errors_are_openais_and_there_is_no_stream():
    """The rest of a front and a back."""
    error = UpstreamTimeout("Silent")
    assert b'"code":"request_timeout"' in EMBEDDINGS.render_error(error, "r")
    assert EMBEDDINGS.frame_error(error, "r").startswith(b"event: error")
    assert EMBEDDINGS.parse_error(400, b'{"error":{"message":"no"}}') == ProviderFault("no")
    with pytest.raises(UpstreamMalformed):
        EMBEDDINGS.relay()
