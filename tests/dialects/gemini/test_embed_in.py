"""Requests of embedContent and batchEmbedContents."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.core.chat import Image, Text
from llm_gateway.core.embeddings import Mixed
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.dialects.gemini.embed_in import parse_batch, parse_one

TEXT = {"parts": [{"text": "x"}]}


def one(**members):
    return parse_one(msgspec.json.encode({"content": TEXT, **members}), "m")


def batch(*items):
    return parse_batch(msgspec.json.encode({"requests": items}), "m")


@pytest.mark.parametrize(
    "members",
    [
        {"taskType": "CLUSTERING", "outputDimensionality": 3, "title": "t"},
        {"task_type": "CLUSTERING", "output_dimensionality": 3, "title": "t", "embed_content_config": None},
        {"embedContentConfig": {"taskType": "CLUSTERING", "outputDimensionality": 3, "title": "t"}},
        {"title": "t", "embed_content_config": {"task_type": "CLUSTERING", "output_dimensionality": 3, "title": "lost"}},
    ],
)
def test_what_is_wanted(members):
    """In either spelling, beside the content or in the configuration; what stands beside it wins."""
    request = one(**members)
    assert (request.task, request.dimensions, request.title) == ("clustering", 3, "t")


def test_texts_and_pictures():
    """One text is itself; several parts are one thing."""
    picture = {"inline_data": {"mime_type": "image/png", "data": "AA=="}}
    assert one().inputs == ("x",)
    assert one(content={"parts": {"text": "x"}}).inputs == ("x",)
    found = one(content={"parts": [{"text": "x"}, picture]}).inputs
    assert found == (Mixed((Text("x"), Image(data="AA==", media_type="image/png"))),)
    url = {"fileData": {"mimeType": "image/png", "fileUri": "https://example.test/p.png"}}
    (item,) = one(content={"parts": [url]}).inputs
    assert isinstance(item, Mixed)
    assert isinstance(item.parts[0], Image)


@pytest.mark.parametrize(
    ("items", "path"),
    [
        (({"content": {"parts": [{"text": "x"}, {"inlineData": {"mimeType": "video/mp4", "data": "AA=="}}]}},), "requests[0].content.parts[1]"),
        (({"content": TEXT, "title": "a"}, {"content": TEXT, "title": "b"}), "requests[1].title"),
        (({"content": TEXT}, {"content": TEXT, "embedContentConfig": {"autoTruncate": True}}), "requests[1].embedContentConfig.autoTruncate"),
    ],
)  # fmt: skip
def test_what_only_gemini_does(items, path):
    """Is marked, not lost."""
    assert batch(*items).own_only == path


def test_unknown_words_and_members():
    """Have their path; the word for nothing is nothing."""
    request = batch({"content": TEXT, "taskType": "POEM", "note": 1}, {"content": TEXT, "task_type": "TASK_TYPE_UNSPECIFIED"})
    assert request.extra == {"requests[0].note": Raw(b"1"), "requests[0].taskType": Raw(b'"POEM"')}
    assert request.task is None


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({}, "requests[0].content"), ({"content": {}}, "requests[0].content.parts"), ({"content": 3}, "requests[0].content"),
        ({"content": {"parts": [{"text": 3}]}}, "requests[0].content.parts[0].text"), ({"content": TEXT, "taskType": 3}, "requests[0].taskType"),
        ({"content": TEXT, "outputDimensionality": 0}, "requests[0].outputDimensionality"),
        ({"content": TEXT, "taskType": "CLUSTERING", "task_type": "CLUSTERING"}, "requests[0].taskType"),
        ({"content": TEXT, "embedContentConfig": {"taskType": 3}}, "requests[0].embedContentConfig.taskType"),
    ],
)  # fmt: skip
def test_a_wrong_member_is_named(item, param):
    """With its number."""
    with pytest.raises(InvalidRequest) as caught:
        batch(item)
    assert caught.value.param == param


def test_an_empty_batch():
    """There is nothing to answer."""
    with pytest.raises(InvalidRequest, match="at least one"):
        batch()
