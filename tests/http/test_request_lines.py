"""request_lines: what goes on the wire in front of the body."""

from __future__ import annotations

import pytest

from llm_gateway.http.origin import Origin
from llm_gateway.http.request_lines import RequestLines


@pytest.fixture
def lines() -> RequestLines:
    return RequestLines(Origin("https", "api.test", 443), None)


def test_a_request_with_a_body(lines):
    """Request line, Host, the length, then the caller's lines; twice the same."""
    for _ in range(2):
        assert lines.render(b"POST", b"/v1/x?a=b", b"A: b\r\n", 7) == (
            b"POST /v1/x?a=b HTTP/1.1\r\nHost: api.test\r\nContent-Length: 7\r\nA: b\r\n\r\n"
        )


def test_only_methods_that_may_have_a_body_say_that_it_is_empty(lines):
    """POST without a body says so (RFC 9110 section 8.6); GET does not."""
    assert b"Content-Length: 0\r\n" in lines.render(b"POST", b"/", b"", 0)
    assert b"Content-Length" not in lines.render(b"GET", b"/", b"", 0)


@pytest.mark.parametrize(
    "target", [b"", b"v1", b"/a b", b"/a\r\nX: y", b"/a\tb", b"/\0", b"/\xc3\xa9", b"/a#b", b"//a\x7f", b"*"]
)
def test_targets_that_could_end_the_line_are_refused(lines, target):
    """A model name in a path cannot inject a header or a second request."""
    with pytest.raises(ValueError):
        lines.render(b"GET", target, b"", 0)


@pytest.mark.parametrize("method", [b"", b"get", b"GET /", b"GET\r\n", b"CONNECT"])
def test_methods_are_tokens(lines, method):
    """Nothing but plain upper-case methods; CONNECT is the proxy's."""
    with pytest.raises(ValueError):
        lines.render(method, b"/", b"", 0)


def test_what_is_remembered_is_bounded(lines):
    """Ten thousand different targets do not stay in memory."""
    for number in range(10_000):
        lines.render(b"GET", b"/%d" % number, b"", 0)
    assert len(lines._known) <= 256
