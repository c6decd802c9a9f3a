"""Cohere's embeddings, and Bedrock's form of them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.strategies import counts, names, texts
from llm_gateway.core.chat import Image, Text
from llm_gateway.core.embeddings import EmbeddingsRequest, Mixed
from llm_gateway.core.errors import InvalidRequest, Unsupported, UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.cohere_embed import BEDROCK_COHERE_EMBED, COHERE_EMBED

FRONT = COHERE_EMBED
urls = st.just("data:image/png;base64,iVBORw0KGgo=")
pictures = st.builds(Image, url=urls)
mixed = st.builds(Mixed, st.tuples(st.builds(Text, texts), pictures))
inputs = st.one_of(
    st.lists(texts, min_size=1, max_size=3),
    st.lists(pictures.map(lambda picture: Mixed((picture,))), min_size=1, max_size=3),
    st.lists(mixed, min_size=1, max_size=3),
).map(tuple)
requests = st.builds(
    EmbeddingsRequest,
    model=names,
    inputs=inputs,
    dimensions=counts,
    number_type=st.sampled_from([None, "int8", "uint8", "binary", "ubinary"]),
    task=st.sampled_from(["search_document", "search_query", "classification", "clustering"]),
    truncate=st.sampled_from([None, "none", "start", "end"]),
    dialect=st.just("cohere_embed"),
)


def body(**members):
    return msgspec.json.encode({"model": "e", "texts": ["x"], "input_type": "search_query"} | members)


@given(requests)
def test_a_request_survives_rendering_and_parsing(request):
    """Texts, pictures, and both in one; pictures alone have no other use than that."""
    rendered = COHERE_EMBED.render_request(request, Target(request.model))
    assert rendered.dropped == []
    found = FRONT.parse_request(rendered.body)
    for name in ("model", "inputs", "dimensions", "number_type", "truncate"):
        assert getattr(found, name) == getattr(request, name)
    alone = all(isinstance(item, Mixed) and len(item.parts) == 1 for item in request.inputs)
    assert found.task == (None if alone else request.task)


def test_bedrock_has_the_model_in_the_url():
    """And answers with a bare list, of which nobody counts the tokens."""
    made = BEDROCK_COHERE_EMBED.render_request(EmbeddingsRequest("m", ("x",)), Target("cohere.embed-v4"))
    assert msgspec.json.decode(made.body) == {"input_type": "search_document", "texts": ["x"], "embedding_types": ["float"]}
    reply = BEDROCK_COHERE_EMBED.parse_reply(b'{"id":"i","embeddings":[[1,2.5]],"response_type":"embeddings_floats"}')
    assert (reply.vectors, reply.usage, reply.id) == (((1, 2.5),), None, "i")


def test_base64_and_tokens():
    """One type is read, whichever it is; pictures are tokens too."""
    meta = {"billed_units": {"input_tokens": 2, "image_tokens": 3}}
    packed = msgspec.json.encode({"embeddings": {"float": None, "base64": ["AACAPw=="]}, "meta": meta})
    assert COHERE_EMBED.parse_reply(packed).vectors == ((1.0,),)
    assert COHERE_EMBED.check_reply(packed).usage == Usage(input=5)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"texts": None}, "texts"), ({"images": ["x"]}, "images"), ({"texts": "x"}, "texts"), ({"output_dimension": 0}, "output_dimension"),
        ({"model": ""}, "model"), ({"embedding_types": "float"}, "embedding_types"),
    ],
)  # fmt: skip
def test_a_wrong_member_is_named(members, param):
    """By the view, so that pass-through checks it too."""
    with pytest.raises(InvalidRequest) as caught:
        FRONT.view(body(**members))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"embedding_types": ["float", "int8"]}, "embedding_types"), ({"embedding_types": ["x"]}, "embedding_types"), ({"truncate": "x"}, "truncate"),
        ({"texts": None, "inputs": [{"content": []}]}, "inputs[0].content"),
        ({"texts": None, "inputs": [{"content": [{"type": "video"}]}]}, "inputs[0].content[0]"),
    ],
)  # fmt: skip
def test_what_has_no_neutral_form_is_named(members, param):
    """Cohere itself may take it."""
    FRONT.view(body(**members))
    with pytest.raises(InvalidRequest) as caught:
        FRONT.parse_request(body(**members))
    assert caught.value.param == param


def test_a_stored_picture_and_tokens_cannot_be_sent():
    """With the caller's path."""
    for item in (Mixed((Image(file_id="f"),)), (1, 2)):
        with pytest.raises(Unsupported) as caught:
            COHERE_EMBED.render_request(EmbeddingsRequest("m", (item,)), Target("m"))
        assert caught.value.param == "input[0]"


@pytest.mark.parametrize("bad", [b"", b"null", b"{}", b'{"embeddings":{}}', b'{"embeddings":{"float":[]}}', b'{"embeddings":3}'])
def test_what_is_no_answer_is_malformed(bad):
    """On either way."""
    for look in (COHERE_EMBED.check_reply, COHERE_EMBED.parse_reply):
        with pytest.raises(UpstreamMalformed):
            look(bad)
