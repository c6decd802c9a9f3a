"""Sources of a text."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest
from anthropic.types import TextCitation

from llm_gateway.dialects.anthropic_messages.citations import is_citation, shown

PAGE = {
    "type": "page_location",
    "cited_text": "a",
    "document_index": 0,
    "document_title": None,
    "start_page_number": 1,
    "end_page_number": 2,
    "file_id": None,
}
URL = {"type": "url_citation", "url_citation": {"url": "https://example.test", "title": "T", "start_index": 2, "end_index": 5}}


def test_own_sources_stay_as_they_are():
    """They are the provider's, byte for byte."""
    assert shown([PAGE]) == [PAGE]
    assert is_citation(PAGE)


def test_sources_of_openai_are_shown_as_search_results():
    """With the text that they stand for; and they are not sent to Anthropic later, which would miss its own index."""
    (source,) = shown([URL], "xxabcyy")
    assert source["cited_text"] == "abc"
    assert pydantic.TypeAdapter[Any](TextCitation).validate_python(source).url == "https://example.test"
    assert not is_citation(source)
    assert not is_citation(URL)


def test_what_nobody_can_read_is_left_out():
    """The SDKs' type is closed, and odd shapes must not break an answer."""
    assert (
        shown(["x", 1, None, {}, {"type": "rumour"}, {"type": "url_citation"}, {"type": "url_citation", "url_citation": {}}])
        == []
    )
    odd = {"type": "url_citation", "url_citation": {"url": "u", "start_index": 5, "end_index": "x"}}
    assert shown([odd], "abc")[0]["cited_text"] == ""


@pytest.mark.parametrize("kind", [[], {}, None, 1, ["char_location"]])
def test_a_source_of_a_strange_type_is_no_citation(kind):
    """A caller may write anything there: it is left out, and never a fault of ours."""
    source = {"type": kind, "cited_text": "x"}
    assert not is_citation(source)
    assert shown([source]) == []
