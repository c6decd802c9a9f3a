"""Gemini's URLs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from llm_gateway.core.errors import InvalidRequest
from llm_gateway.edge.gemini import bind


def asked(path: bytes, query: bytes = b"", **headers: bytes) -> SimpleNamespace:
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return SimpleNamespace(path=path, query=query, headers=named)


@pytest.mark.parametrize("prefix", [b"/v1beta/models/", b"/v1/models/", b"/v1alpha/models/"])
@pytest.mark.parametrize(
    ("rest", "query", "stream", "kind"),
    [
        (b"g:generateContent", b"", False, b"text/event-stream; charset=utf-8"),
        (b"g:streamGenerateContent", b"alt=sse", True, b"text/event-stream; charset=utf-8"),
        (b"g:streamGenerateContent", b"", True, b"application/json"),
    ],
)
def test_the_url_says_what_is_asked(prefix, rest, query, stream, kind):
    """Model, stream and framing; the body names none of them."""
    front = bind(asked(prefix + rest, query))
    view = front.view(b'{"contents":[{"parts":[{"text":"hi"}]}]}')
    assert (view.model, view.stream) == ("g", stream)
    assert not stream or front.stream_type.startswith(kind)


@pytest.mark.parametrize(
    "path", [b"/v1beta/models/g", b"/v1beta/models/:generateContent", b"/v1beta/models/g:predict", b"/v1/models/g"]
)
def test_other_urls_are_not_its(path):
    """They are somebody else's, or nobody's."""
    assert bind(asked(path)) is None


def test_names_may_be_quoted_and_hold_a_slash_or_a_colon():
    """A model of a provider, or an alias with a version."""
    for quoted, name in ((b"gemini%2Fpro", "gemini/pro"), (b"gemini/pro", "gemini/pro"), (b"a:7b", "a:7b")):
        assert bind(asked(b"/v1beta/models/" + quoted + b":countTokens")).model == name
    with pytest.raises(InvalidRequest):
        bind(asked(b"/v1beta/models/%ff:generateContent"))


def test_a_key_in_the_query_stands_in_for_the_header():
    """Unless there is one: a header says more clearly what is meant."""
    request = asked(b"/v1beta/models/g:generateContent", b"key=a%20b&alt=sse")
    bind(request)
    assert request.headers[b"x-goog-api-key"] == b"a b"
    for header in ("x_goog_api_key", "authorization", "x_api_key"):
        request = asked(b"/v1beta/models/g:generateContent", b"key=a", **{header: b"b"})
        bind(request)
        assert list(request.headers.values()) == [b"b"]


def test_too_many_parameters_are_refused():
    """They are bounded, as everything is."""
    with pytest.raises(InvalidRequest):
        bind(asked(b"/v1beta/models/g:generateContent", b"&".join(b"a%d=1" % number for number in range(50))))
