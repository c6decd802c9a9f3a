"""Errors, both ways."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.core.errors import NotFound, UpstreamTimeout
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES


def test_errors_have_openais_shape():
    """With the status that its SDKs expect."""
    error = NotFound("No such model", param="model")
    shown = msgspec.json.decode(OPENAI_RESPONSES.render_error(error, "req_1"))["error"]
    assert shown == {
        "message": "No such model",
        "type": "not_found_error",
        "code": "resource_not_found",
        "param": "model",
        "request_id": "req_1",
    }
    assert OPENAI_RESPONSES.status_of(error) == 404


def test_an_error_inside_a_stream_is_an_event_that_sdks_raise():
    """The API's own members at the top, the envelope beside them, and a number above all before it."""
    name, data = OPENAI_RESPONSES.frame_error(UpstreamTimeout("Too slow"), "req_1").decode().strip().split("\n")
    event = msgspec.json.decode(data.removeprefix("data: "))
    assert name == "event: error"
    assert (event["type"], event["message"], event["code"], event["param"]) == ("error", "Too slow", "request_timeout", None)
    assert event["error"]["request_id"] == "req_1"
    assert event["sequence_number"] == 2**31 - 1


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (b'{"error":{"message":"m","type":"t","code":"c"}}', "m", "c"),
        (b'{"error":"m"}', "m", ""),
        (b'{"detail":"m"}', "m", ""),
        (b"<html>", "", ""),
        (b"", "", ""),
    ],
)
def test_providers_errors_are_read_whatever_their_shape(body, message, code):
    """Never raising."""
    fault = OPENAI_RESPONSES.parse_error(400, body)
    assert (fault.message, fault.code) == (message, code)
