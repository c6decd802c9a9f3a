"""Sources and log probabilities, both ways."""

from __future__ import annotations

from msgspec import Raw

from llm_gateway.dialects.openai_responses.citations import parse_annotations, render_annotations
from llm_gateway.dialects.openai_responses.logprobs import parse_logprobs, render_logprobs

FLAT = {"type": "url_citation", "start_index": 1, "end_index": 2, "url": "u", "title": "t"}
FILE = {"type": "file_citation", "file_id": "f", "filename": "n", "index": 0}


def test_annotations_come_back():
    """A url_citation is nested between, as other dialects read it."""
    (first, second) = parse_annotations([FLAT, FILE])
    assert first["url_citation"]["url"] == "u"
    assert render_annotations([first, second], 0, 9) == ([FLAT, FILE], [])


def test_sources_of_others_are_shown_with_what_they_have():
    """Anthropic's results of a search as a link to the whole text, and whole beside it; what has no link only so."""
    found = {"type": "web_search_result_location", "url": "u", "title": None, "cited_text": "c"}
    page = {"type": "page_location", "document_index": 0}
    shown, rest = render_annotations([found, page, 3], 2, 9)
    assert shown == [{"type": "url_citation", "start_index": 2, "end_index": 9, "url": "u", "title": "u"}]
    assert rest == [found, page, 3]


def test_odd_annotations_do_no_harm():
    """They are kept as they are, and shown only whole."""
    odd = [None, 3, {"type": 3}, {"type": "url_citation"}, {"type": "url_citation", "url_citation": {"url": 3}}, {"type": []}]
    assert render_annotations(parse_annotations(odd), 0, 1)[0] == []


def test_log_probabilities_come_back():
    """With the bytes and the alternatives that the SDKs demand."""
    token = {"token": "a", "bytes": [97], "logprob": -1.0, "top_logprobs": [{"token": "b", "bytes": [98], "logprob": -2.0}]}
    raw = parse_logprobs([token])
    assert render_logprobs(raw) == [token]
    bare = Raw(b'{"content":[{"token":"\xc3\xa9","logprob":-1,"bytes":null},3,{"token":3}]}')
    assert render_logprobs(bare) == [{"token": "é", "logprob": -1, "bytes": [195, 169], "top_logprobs": []}]


def test_what_are_no_log_probabilities_are_none():
    """Nor is an empty list."""
    assert parse_logprobs([]) is parse_logprobs(None) is None
    for raw in (None, Raw(b"3"), Raw(b'{"content":null}'), Raw(b'{"text_offset":[]}')):
        assert render_logprobs(raw) == []
