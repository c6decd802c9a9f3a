"""Errors in Ollama's shape."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.core import errors
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT, OLLAMA_GENERATE


@pytest.mark.parametrize(
    ("error", "status", "shown"),
    [
        (errors.NotFound("model 'x' not found"), 404, b"model 'x' not found"),
        (errors.UpstreamUnavailable("busy"), 503, b"busy"),
        (errors.RateLimited("slow"), 429, b"slow"),
        (errors.InvalidRequest("Too hot", param="options.temperature"), 400, b"options.temperature: Too hot"),
        (errors.InvalidRequest("Bad think", param="think"), 400, b"Bad think"),
        (errors.GatewayError(""), 500, b"internal_error"),
    ],
)
def test_errors(error, status, shown):
    """A text and a status; the text leads with the path, which has no place of its own."""
    for front in (OLLAMA_CHAT, OLLAMA_GENERATE):
        assert front.status_of(error) == status
        assert front.render_error(error, "r") == b'{"error":"%b"}' % shown
        assert front.frame_error(error, "r") == b'{"error":"%b"}\n' % shown


def test_streams_say_what_they_are():
    """Lines of JSON, which have no comments to keep a connection alive with."""
    for front in (OLLAMA_CHAT, OLLAMA_GENERATE):
        assert (front.stream_type, front.keepalive) == (b"application/x-ndjson", b"")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"error":"model not found"}', ProviderFault("model not found")),
        (b'{"error":{"message":"m","type":"api_error"}}', ProviderFault("m", "api_error")),
        (b"404 page not found", ProviderFault("")),
        (b"null", ProviderFault("")),
        (b"", ProviderFault("")),
    ],
)
def test_error_bodies_are_read_and_never_raise(body, fault):
    """What cannot be read gives an empty fault."""
    assert OLLAMA_CHAT.parse_error(500, body) == fault


WORDS = [b'"role"', b'"content"', b'"x"', b"1", b"null", b"[", b"]", b"{", b"}", b",", b":", b'"tool_calls"', b"\\ud800", b"\xff"]
GOOD = (
    b'{"model":"m","messages":[{"role":"user","content":"x","images":["AA"]},{"role":"assistant","tool_calls":'
    b'[{"function":{"name":"f","arguments":{"a":1}}}]}],"options":{"seed":1},"format":"json","tools":[{"function":{"name":"f"}}]}'
)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 12), st.sampled_from(WORDS) | st.binary(max_size=4))
def test_mutated_requests_raise_nothing_else(at, length, word):
    """A request with something else in the middle is read or refused, never a crash; so is /api/generate's."""
    body = GOOD[:at] + word + GOOD[at + length :]
    generated = body.replace(b'"messages"', b'"prompt":"p","more"')
    for look in (OLLAMA_CHAT.view, OLLAMA_CHAT.parse_request, OLLAMA_GENERATE.view, OLLAMA_GENERATE.parse_request):
        for data in (body, generated):
            with suppress(InvalidRequest):
                look(data)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_raise_nothing_else(data):
    """As a request, an answer and an error."""
    for look in (
        OLLAMA_CHAT.view,
        OLLAMA_CHAT.parse_request,
        OLLAMA_CHAT.check_reply,
        OLLAMA_CHAT.parse_reply,
        OLLAMA_GENERATE.view,
    ):
        with suppress(InvalidRequest, errors.UpstreamMalformed):
            look(data)
    assert isinstance(OLLAMA_CHAT.parse_error(500, data), ProviderFault)
