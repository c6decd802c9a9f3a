"""Errors in Google's shape, both ways."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.core.errors import (
    GatewayError,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unauthenticated,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.gemini import GEMINI, GeminiFront

FRONT = GeminiFront("m")


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (InvalidRequest("m"), 400, "INVALID_ARGUMENT"),
        (Unauthenticated("m"), 401, "UNAUTHENTICATED"),
        (NotFound("m"), 404, "NOT_FOUND"),
        (RateLimited("m"), 429, "RESOURCE_EXHAUSTED"),
        (UpstreamUnavailable("m"), 503, "UNAVAILABLE"),
        (UpstreamTimeout("m"), 504, "DEADLINE_EXCEEDED"),
        (GatewayError("m"), 500, "INTERNAL"),
    ],
)
def test_status_and_name_go_together(error, code, status):
    """Clients look at either."""
    shown = msgspec.json.decode(FRONT.render_error(error, "req_1"))["error"]
    assert (shown["code"], shown["status"], shown["message"], FRONT.status_of(error)) == (code, status, "m", code)


def test_details_say_the_rest():
    """The gateway's code, the member that is wrong, when to come back, and which request it was."""
    error = InvalidRequest("Bad", param="contents[0].role", code="invalid_messages", retry_after=1.5, details={"n": 3})
    details = msgspec.json.decode(FRONT.render_error(error, "req_1"))["error"]["details"]
    kinds = {detail.pop("@type").rpartition(".")[2]: detail for detail in details}
    assert kinds == {
        "ErrorInfo": {"reason": "invalid_messages", "domain": "llm-gateway", "metadata": {"n": "3"}},
        "BadRequest": {"fieldViolations": [{"field": "contents[0].role", "description": "Bad"}]},
        "RetryInfo": {"retryDelay": "1.500s"},
        "RequestInfo": {"requestId": "req_1"},
    }


def test_errors_inside_of_streams():
    """An event of SSE, or the last element of the array that was begun."""
    error = UpstreamUnavailable("later")
    event = FRONT.frame_error(error, "r")
    assert event.startswith(b"data: {")
    assert event.endswith(b"\n\n")
    element = GeminiFront("m", stream=True, array=True).frame_error(error, "r")
    assert msgspec.json.decode(b"[{}" + element)[1]["error"]["status"] == "UNAVAILABLE"


DETAILS = [
    {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"},
    {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "contents", "description": "d"}]},
]
FAULT = {"error": {"code": 400, "message": "No", "status": "INVALID_ARGUMENT", "details": DETAILS}}


@pytest.mark.parametrize("document", [FAULT, [FAULT]])
def test_a_providers_error(document):
    """Also as the array that an array of a stream becomes."""
    fault = GEMINI.parse_error(400, msgspec.json.encode(document))
    assert fault == ProviderFault("No", "INVALID_ARGUMENT", "API_KEY_INVALID", "contents")


def test_plain_errors_and_those_of_others():
    """The number of the status is no code."""
    assert GEMINI.parse_error(404, b'{"error":{"code":404,"message":"m","status":"NOT_FOUND"}}') == ProviderFault(
        "m", "NOT_FOUND"
    )
    assert GEMINI.parse_error(400, b'{"error":{"message":"m","type":"t","code":"c"}}') == ProviderFault("m", "t", "c")
    assert GEMINI.parse_error(502, b"<html>") == ProviderFault("")


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=30),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(["error", "details", "reason", "fieldViolations", "field", "message", "code", "status"]),
                    inner,
                    max_size=3,
                )
            ),
        ).map(msgspec.json.encode),
    )
)
def test_no_error_body_raises(body):
    """Whatever stands where."""
    assert isinstance(GEMINI.parse_error(500, body), ProviderFault)


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("34.07s", 34.07), ("0s", 0.0), ("1e9s", 86400.0), ("soon", None), ("-1s", None), ("xs", None), (7, None), ("nans", None)],
)
def test_when_to_come_back_is_read(delay, seconds):
    """RetryInfo's Duration, within a day; what is none is no wait."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    body = msgspec.json.encode({"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED", "details": details}})
    assert GEMINI.parse_error(429, body).retry_after == seconds
