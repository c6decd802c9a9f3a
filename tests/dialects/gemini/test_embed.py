"""Gemini's embeddings, as fronts and as backs."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.strategies import counts, names, texts
from llm_gateway.core.chat import Image, Text
from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest, Mixed
from llm_gateway.core.errors import InvalidRequest, Unsupported, UpstreamMalformed, UpstreamTimeout
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Target, View
from llm_gateway.dialects.gemini.embed import GEMINI_BATCH_EMBED, GEMINI_EMBED, GeminiEmbedFront

ONE = GeminiEmbedFront("m")
BATCH = GeminiEmbedFront("m", batch=True)
TEXT = b'{"content":{"parts":[{"text":"x"}]}}'

pictures = st.just(Image(data="iVBORw0KGgo=", media_type="image/png"))
items = st.one_of(texts, st.builds(Mixed, st.tuples(st.builds(Text, texts), pictures)))
requests = st.builds(
    EmbeddingsRequest,
    model=st.just("m"),
    inputs=st.lists(items, min_size=1, max_size=3).map(tuple),
    dimensions=counts,
    task=st.sampled_from([None, "search_document", "search_query", "clustering", "similarity", "code_query"]),
    title=st.one_of(st.none(), names),
)


@given(requests)
def test_a_request_survives_rendering_and_parsing(request):
    """Texts, pictures, and both in one."""
    rendered = GEMINI_BATCH_EMBED.render_request(request, Target("m"))
    assert rendered.dropped == []
    assert BATCH.view(rendered.body) == View("m")
    found = BATCH.parse_request(rendered.body)
    for name in ("inputs", "dimensions", "task", "title", "own_only", "extra"):
        assert getattr(found, name) == getattr(request, name)


@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=3), min_size=1, max_size=3))
def test_an_answer_survives_rendering_and_parsing(vectors):
    """One vector and several; tokens only if they are known."""
    for usage in (None, Usage(input=3)):
        reply = EmbeddingsReply("", tuple(map(tuple, vectors)), usage)
        made = BATCH.render_reply(reply, EmbeddingsRequest("m", ("x",)))
        assert GEMINI_BATCH_EMBED.parse_reply(made) == reply
        assert GEMINI_BATCH_EMBED.check_reply(made).usage == usage
        first = EmbeddingsReply("", (tuple(vectors[0]),), usage)
        assert GEMINI_EMBED.parse_reply(ONE.render_reply(first, EmbeddingsRequest("m", ("x",)))) == first


def test_the_models_name_is_put_right():
    """The URL and the body name the same one; everything else stays, also what only Gemini knows."""
    body = b'{"requests":[{"model":"models/alias","content":{"parts":[{"text":"x"}]},"note":1}],"more":2}'
    assert BATCH.holds_foreign(body)
    made = GEMINI_BATCH_EMBED.render_request(BATCH.parse_request(body), Target("gemini-embedding-001"))
    shown = msgspec.json.decode(made.body)
    assert shown["requests"][0]["model"] == "models/gemini-embedding-001"
    assert (shown["requests"][0]["note"], shown["more"], made.dropped) == (1, 2, [])
    assert not ONE.holds_foreign(TEXT)


def test_what_only_gemini_does_is_refused_for_others():
    """With its path."""
    request = ONE.parse_request(b'{"content":{"parts":[{"inlineData":{"mimeType":"audio/wav","data":"AA=="}}]}}')
    with pytest.raises(Unsupported) as caught:
        ONE.portable(request)
    assert caught.value.param == "content.parts[0]"
    assert ONE.portable(ONE.parse_request(TEXT)).inputs == ("x",)


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (EmbeddingsRequest("m", ((1, 2),)), "input[0]"),
        (EmbeddingsRequest("m", (Mixed((Image(file_id="f"),)),)), "input[0]"),
        (EmbeddingsRequest("m", ("x",), number_type="int8"), "number_type"),
        (EmbeddingsRequest("m", ("x", "y")), "input[1]"),
    ],
)
def test_what_cannot_be_sent(request_, param):
    """Tokens, stored pictures, other numbers; and several where one is embedded at a time."""
    with pytest.raises(Unsupported) as caught:
        GEMINI_EMBED.render_request(request_, Target("m"))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("front", "body"), [(ONE, b"{}"), (ONE, b'{"content":"x"}'), (BATCH, b"{}"), (BATCH, b'{"requests":[]}'), (BATCH, b'{"requests":[1]}')]
)  # fmt: skip
def test_a_wrong_request_is_refused(front, body):
    """By the view, so that pass-through checks it too."""
    with pytest.raises(InvalidRequest):
        front.view(body)


@pytest.mark.parametrize("bad", [b"", b"{}", b'{"embeddings":[]}', b'{"embedding":{}}', b'{"error":{"message":"no"}}'])
def test_what_is_no_answer_is_malformed(bad):
    """On either way."""
    for look in (GEMINI_EMBED.check_reply, GEMINI_BATCH_EMBED.parse_reply):
        with pytest.raises(UpstreamMalformed):
            look(bad)


def test_errors_are_googles():
    """With gRPC's name of the status."""
    assert b'"status":"DEADLINE_EXCEEDED"' in ONE.render_error(UpstreamTimeout("Silent"), "r")
    assert ONE.frame_error(UpstreamTimeout("Silent"), "r").startswith(b"data: ")
    assert GEMINI_EMBED.parse_error(400, b'{"error":{"status":"NOT_FOUND","message":"no"}}').type == "NOT_FOUND"
