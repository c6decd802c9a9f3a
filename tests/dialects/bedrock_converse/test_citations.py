"""Sources of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.dialects.bedrock_converse.citations import parse_citation, render_citations


@pytest.mark.parametrize(
    ("place", "kind", "names"),
    [
        ("documentChar", "char_location", ("document_index", "start_char_index", "end_char_index")),
        ("documentPage", "page_location", ("document_index", "start_page_number", "end_page_number")),
        ("documentChunk", "content_block_location", ("document_index", "start_block_index", "end_block_index")),
    ],
)
def test_places_in_documents(place, kind, names):
    """They are Anthropic's, in other words, and come back."""
    found = {"documentIndex": 1, "start": 2, "end": 3}
    citation = {"location": {place: found}, "title": "t", "sourceContent": [{"text": "a"}, {"text": "b"}]}
    shown = parse_citation(citation)
    assert shown == {"type": kind, "cited_text": "ab", "document_title": "t", **dict(zip(names, (1, 2, 3), strict=True))}
    assert render_citations([shown]) == [citation | {"sourceContent": [{"text": "ab"}]}]


def test_search_results():
    """Their index counts results, not documents."""
    citation = {"location": {"searchResultLocation": {"searchResultIndex": 4, "start": 0, "end": 1}}, "title": "t", "source": "s"}
    shown = parse_citation(citation)
    assert shown == {
        "type": "search_result_location",
        "cited_text": "",
        "source": "s",
        "title": "t",
        "search_result_index": 4,
        "start_block_index": 0,
        "end_block_index": 1,
    }
    assert render_citations([shown]) == [citation]


def test_the_web():
    """A url_citation, which every client can show; it is not sent back."""
    shown = parse_citation({"location": {"web": {"url": "https://a.test/", "domain": "a.test"}}})
    assert shown["url_citation"]["url"] == "https://a.test/"
    assert shown["url_citation"]["title"] == "a.test"
    assert render_citations([shown]) == []


def test_what_nobody_knows_stays_as_it_is():
    """With a location of a new kind it goes back, too; without one the API would refuse it."""
    new = {"location": {"documentMoon": {"phase": 1}}}
    assert parse_citation(new) == new
    assert render_citations([new, {"type": "other"}, 3]) == [new]


json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["location", "web", "url", "documentPage", "searchResultLocation", "title", "sourceContent", "text", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(json)
def test_any_citation(citation):
    """Nothing that a provider or a caller sends as one raises."""
    render_citations([parse_citation(citation)])
