"""Ollama's two embedding operations."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from dialects.strategies import counts, names, texts
from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest
from llm_gateway.core.errors import InvalidRequest, UpstreamMalformed, UpstreamTimeout
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Target, View
from llm_gateway.dialects.ollama_embed import OLLAMA_EMBED, OLLAMA_EMBEDDINGS

requests = st.builds(
    EmbeddingsRequest,
    model=names,
    inputs=st.lists(texts, min_size=1, max_size=3).map(tuple),
    dimensions=counts,
    truncate=st.sampled_from([None, "none", "end"]),
    extra=st.sampled_from([{}, {"keep_alive": Raw(b'"5m"')}]),
    dialect=st.just("ollama_embed"),
)


@given(requests)
def test_a_request_survives_rendering_and_parsing(request):
    """One text and several."""
    rendered = OLLAMA_EMBED.render_request(request, Target(request.model))
    assert rendered.dropped == []
    assert OLLAMA_EMBED.view(rendered.body) == View(request.model)
    assert OLLAMA_EMBED.parse_request(rendered.body) == request


def test_an_answer():
    """Tokens are told if they are known, and nothing in their place if not."""
    reply = EmbeddingsReply("m", ((0.5, 1.0), (2.0, 3.0)), Usage(input=4))
    made = OLLAMA_EMBED.render_reply(reply, EmbeddingsRequest("m", ("a", "b")))
    assert OLLAMA_EMBED.parse_reply(made) == reply
    assert OLLAMA_EMBED.check_reply(made).usage == Usage(input=4)
    unknown = OLLAMA_EMBED.render_reply(EmbeddingsReply("m", ((1.0,),)), EmbeddingsRequest("m", ("a",)))
    assert b"prompt_eval_count" not in unknown


def test_the_older_operation():
    """One prompt, one vector; what it says of the server's memory goes to a server of the same kind."""
    body = b'{"model":"m","prompt":"x","options":{"num_ctx":9}}'
    assert OLLAMA_EMBEDDINGS.view(body) == View("m")
    request = OLLAMA_EMBEDDINGS.parse_request(body)
    made = OLLAMA_EMBED.render_request(request, Target("t"))
    assert (msgspec.json.decode(made.body), made.dropped) == ({"model": "t", "input": "x", "options": {"num_ctx": 9}}, [])
    assert OLLAMA_EMBEDDINGS.render_reply(EmbeddingsReply("m", ((1.5,),)), request) == b'{"embedding":[1.5]}'
    assert OLLAMA_EMBEDDINGS.check_reply(b'{"embedding":[1.5]}').usage is None


@pytest.mark.parametrize(
    ("front", "body", "param"),
    [
        (OLLAMA_EMBED, {"model": "m"}, "input"),
        (OLLAMA_EMBED, {"model": "m", "input": [1]}, "input[0]"),
        (OLLAMA_EMBED, {"model": "m", "input": "x", "dimensions": 0}, "dimensions"),
        (OLLAMA_EMBED, {"model": "", "input": "x"}, "model"),
        (OLLAMA_EMBEDDINGS, {"model": "m", "prompt": ["x"]}, "prompt"),
    ],
)
def test_a_wrong_member_is_named(front, body, param):
    """By the view, so that pass-through checks it too."""
    with pytest.raises(InvalidRequest) as caught:
        front.view(msgspec.json.encode(body))
    assert caught.value.param == param


@pytest.mark.parametrize(("front", "member"), [(OLLAMA_EMBED, "input"), (OLLAMA_EMBEDDINGS, "prompt")])
def test_nothing_to_embed_loads_a_model(front, member):
    """Which only Ollama has."""
    body = msgspec.json.encode({"model": "m", member: ""})
    front.view(body)
    with pytest.raises(InvalidRequest) as caught:
        front.parse_request(body)
    assert caught.value.param == member


@pytest.mark.parametrize("bad", [b"", b"{}", b'{"error":"no"}', b'{"embeddings":3}'])
def test_what_is_no_answer_is_malformed(bad):
    """On either way."""
    for look in (OLLAMA_EMBED.check_reply, OLLAMA_EMBED.parse_reply):
        with pytest.raises(UpstreamMalformed):
            look(bad)


def test_errors_are_ollamas():
    """A text under one name."""
    assert OLLAMA_EMBED.render_error(UpstreamTimeout("Silent"), "r") == b'{"error":"Silent"}'
    assert OLLAMA_EMBED.frame_error(UpstreamTimeout("Silent"), "r") == b'{"error":"Silent"}\n'
    assert OLLAMA_EMBED.status_of(UpstreamTimeout("Silent")) == 504
