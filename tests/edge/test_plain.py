from __future__ import annotations

import re

import pytest

from llm_gateway.edge.plain import cached, json


def test_json_has_a_type_and_the_further_lines():
    """A JSON answer says that it is JSON, and carries the lines it was given."""
    answer = json(201, {"a": [1, None]}, b"X-A: b\r\n")
    assert answer == (201, b"Content-Type: application/json\r\nX-A: b\r\n", b'{"a":[1,null]}')


def etag(lines: bytes) -> bytes:
    return re.search(rb'ETag: ("[0-9a-f]+")\r\n', lines)[1]


def test_the_tag_changes_with_the_body():
    """Two bodies have two tags, the same body has one."""
    tags = [etag(cached(obj, b"", {}).headers) for obj in ({"a": 1}, {"a": 2}, {"a": 1})]
    assert tags[0] == tags[2] != tags[1]


@pytest.mark.parametrize("form", [b"%b", b"W/%b", b'"other" , %b', b'"other",W/%b, "x"', b" * "])
def test_a_known_tag_gives_304(form):
    """If-None-Match with our tag, weak or among others, or a star, gives 304 without a body but with the tag."""
    first = cached({"a": 1}, b"Cache-Control: private\r\n", {})
    wanted = form.replace(b"%b", etag(first.headers))
    answer = cached({"a": 1}, b"Cache-Control: private\r\n", {b"if-none-match": wanted})
    assert (answer.status, answer.body) == (304, b"")
    assert etag(answer.headers) == etag(first.headers)
    assert b"Cache-Control: private\r\n" in answer.headers
    assert b"Content-Type" not in answer.headers


@pytest.mark.parametrize("wanted", [b"", b'"other"', b'W/"other", "*"', b"**"])
def test_an_unknown_tag_gives_the_body(wanted):
    """Any other tag gives 200."""
    assert cached({"a": 1}, b"", {b"if-none-match": wanted}).status == 200
