"""Providers whose embeddings are OpenAI's with other names."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.core.chat import Image, Text
from llm_gateway.core.embeddings import EmbeddingsRequest, Mixed
from llm_gateway.core.errors import Unsupported
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.embeddings.variants import JINA_EMBEDDINGS, MISTRAL_EMBEDDINGS, VOYAGE_EMBEDDINGS


def made(back, **members):
    return back.render_request(EmbeddingsRequest("m", **{"inputs": ("x",), **members}), Target("t"))


def sent(back, **members):
    return msgspec.json.decode(made(back, **members).body)


def test_each_has_its_own_names():
    """For the size, the encoding, the numbers and the use."""
    asked = {"dimensions": 3, "task": "search_query", "truncate": "none"}
    assert sent(VOYAGE_EMBEDDINGS, **asked, encoding="base64") == {
        "model": "t", "input": "x", "output_dimension": 3, "encoding_format": "base64", "input_type": "query", "truncation": False,
    }  # fmt: skip
    assert sent(JINA_EMBEDDINGS, **asked, encoding="float") == {
        "model": "t", "input": "x", "dimensions": 3, "embedding_type": "float", "task": "retrieval.query", "truncate": False,
    }  # fmt: skip
    assert sent(MISTRAL_EMBEDDINGS, **asked) == {"model": "t", "input": "x", "output_dimension": 3}
    assert made(MISTRAL_EMBEDDINGS, **asked).dropped == ["task", "truncate"]


def test_voyage_does_not_know_the_word_float():
    """It is what it does when nothing is said."""
    assert sent(VOYAGE_EMBEDDINGS, encoding="float") == {"model": "t", "input": "x"}


def test_other_numbers_have_no_encoding():
    """The provider would pack bytes, which OpenAI's clients take for floats."""
    asked = {"number_type": "ubinary", "encoding": "base64"}
    assert sent(VOYAGE_EMBEDDINGS, **asked) == {"model": "t", "input": "x", "output_dtype": "ubinary"}
    assert sent(JINA_EMBEDDINGS, **asked) == {"model": "t", "input": "x", "embedding_type": "ubinary"}
    with pytest.raises(Unsupported) as caught:
        sent(JINA_EMBEDDINGS, number_type="int8", places={"number_type": "output_dtype"})
    assert caught.value.param == "output_dtype"


def test_openais_callers_may_know_more():
    """Members that neither has a name for go on as they are; those of other dialects are named."""
    extra = {"late_chunking": Raw(b"true"), "model": Raw(b'"no"')}
    assert sent(JINA_EMBEDDINGS, extra=extra, dialect="embeddings") == {"model": "t", "input": "x", "late_chunking": True}
    assert made(JINA_EMBEDDINGS, extra=extra, dialect="ollama_embed").dropped == ["late_chunking", "model"]


def test_jina_embeds_pictures():
    """By their bare base64 or their URL, beside texts, not with them."""
    pictures = (Mixed((Image(data="AA=="),)), Mixed((Image(url="https://example.test/p"),)), "x", Mixed((Text("a"), Text("b"))))
    assert sent(JINA_EMBEDDINGS, inputs=pictures)["input"] == [
        {"image": "AA=="}, {"image": "https://example.test/p"}, {"text": "x"}, {"text": "a\nb"},
    ]  # fmt: skip
    for item in (Mixed((Text("a"), Image(data="AA=="))), Mixed((Image(file_id="f"),))):
        with pytest.raises(Unsupported) as caught:
            sent(JINA_EMBEDDINGS, inputs=("x", item))
        assert caught.value.param == "input[1]"
    with pytest.raises(Unsupported) as caught:
        sent(JINA_EMBEDDINGS, inputs=(Mixed((Image(data="AA=="),)), (1, 2)))
    assert caught.value.param == "input[1]"


def test_usage_is_the_total_where_only_that_is_told():
    """Nothing is generated."""
    body = b'{"data":[{"embedding":[1],"index":0}],"model":"m","usage":{"total_tokens":3}}'
    assert VOYAGE_EMBEDDINGS.parse_reply(body).usage == VOYAGE_EMBEDDINGS.check_reply(body).usage == Usage(input=3)
    for usage in (b"null", b'{"total_tokens":-1}', b'{"total_tokens":"x"}', b"3"):
        assert VOYAGE_EMBEDDINGS.parse_reply(body.replace(b'{"total_tokens":3}', usage)).usage is None
