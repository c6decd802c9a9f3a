"""Rerank requests."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.core.errors import InvalidRequest, Unsupported
from llm_gateway.core.rerank import RankDocument
from llm_gateway.dialects.rerank.request_in import parse_request, view


def body(**members):
    return msgspec.json.encode({"model": "r", "query": "q", "documents": ["a"]} | members)


def test_documents_are_texts_or_objects_with_one():
    """Objects are kept, to be shown again; a query may be one, too."""
    request = parse_request(body(query={"text": "q"}, documents=["a", {"text": "b", "title": "B"}], top_k=3, note=1), "rerank")
    assert request.query == "q"
    assert request.documents == (RankDocument("a"), RankDocument("b", Raw(b'{"text":"b","title":"B"}')))
    assert (request.top_n, request.extra) == (3, {"note": Raw(b"1")})


@pytest.mark.parametrize(
    ("members", "param"),
    [({"documents": [{"image": "x"}]}, "documents[0]"), ({"documents": ["a", {"text": 3}]}, "documents[1]"), ({"query": {"image": "x"}}, "query")],
)  # fmt: skip
def test_only_texts_cross(members, param):
    """Pictures pass to a provider of the same dialect."""
    assert view(body(**members)).model == "r"
    with pytest.raises(Unsupported) as caught:
        parse_request(body(**members), "rerank")
    assert caught.value.param == param


def test_a_number_that_is_too_large_to_read():
    """It is JSON, so that nothing looked at it before: the caller's fault, told with its path."""
    with pytest.raises(InvalidRequest) as caught:
        parse_request(body(documents=["a", {"text": Raw(b"1e400")}]), "rerank")
    assert caught.value.param == "documents[1].text"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"documents": []}, "documents"), ({"documents": None}, "documents"), ({"documents": [1]}, "documents[0]"), ({"query": None}, "query"),
        ({"top_n": 0}, "top_n"), ({"top_k": 0}, "top_k"), ({"max_tokens_per_doc": 0}, "max_tokens_per_doc"), ({"model": ""}, "model"),
    ],
)  # fmt: skip
def test_a_wrong_member_is_named(members, param):
    """By the view, so that pass-through checks it too."""
    with pytest.raises(InvalidRequest) as caught:
        view(body(**members))
    assert caught.value.param == param
