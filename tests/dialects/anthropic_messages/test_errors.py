"""Errors in Anthropic's shape."""

from __future__ import annotations

import anthropic
import httpx2
import msgspec
import pydantic
import pytest
from anthropic.types import ErrorResponse

from llm_gateway.core import errors
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.anthropic_messages.errors import TYPES
from llm_gateway.dialects.base import ProviderFault


def rejected(status: int) -> errors.UpstreamRejected:
    error = errors.UpstreamRejected("no")
    error.status = status
    return error


def every(base: type[errors.GatewayError]) -> list[type[errors.GatewayError]]:
    return [base, *(deeper for sub in base.__subclasses__() for deeper in every(sub))]


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (errors.GatewayError("x"), "api_error", 500),
        (errors.InvalidRequest("x"), "invalid_request_error", 400),
        (errors.PayloadTooLarge("x"), "request_too_large", 413),
        (errors.Unsupported("x"), "invalid_request_error", 400),
        (errors.Unauthenticated("x"), "authentication_error", 401),
        (errors.Forbidden("x"), "permission_error", 403),
        (errors.NotFound("x"), "not_found_error", 404),
        (errors.RateLimited("x"), "rate_limit_error", 429),
        (errors.TimedOut("x"), "timeout_error", 504),
        (errors.Draining("x"), "overloaded_error", 503),
        (errors.UpstreamError("x"), "api_error", 502),
        (errors.UpstreamMalformed("x"), "api_error", 502),
        (errors.UpstreamTimeout("x"), "timeout_error", 504),
        (errors.UpstreamRateLimited("x"), "rate_limit_error", 429),
        (errors.UpstreamUnavailable("x"), "overloaded_error", 529),
        (rejected(404), "not_found_error", 404),
        (rejected(413), "request_too_large", 413),
        (rejected(422), "invalid_request_error", 422),
        (rejected(402), "billing_error", 402),
    ],
)
def test_each_error_has_its_type_and_status(error, kind, status):
    """Clients act on both, so both follow Anthropic's closed list."""
    assert msgspec.json.decode(ANTHROPIC_MESSAGES.render_error(error, "req_1")) == {
        "type": "error",
        "error": {"type": kind, "message": error.message},
        "request_id": "req_1",
    }
    assert ANTHROPIC_MESSAGES.status_of(error) == status


def test_no_class_is_outside_of_the_list():
    """Errors that are added to the tree later have a type of Anthropic's too."""
    for kind in every(errors.GatewayError):
        assert msgspec.json.decode(ANTHROPIC_MESSAGES.render_error(kind("x"), "r"))["error"]["type"] in TYPES


def test_the_message_says_where():
    """The shape has no place for the path of what is wrong, so the message leads with it, once."""
    shown = msgspec.json.decode(ANTHROPIC_MESSAGES.render_error(errors.InvalidRequest("Too hot", param="temperature"), "r"))
    assert shown["error"]["message"] == "temperature: Too hot"
    shown = msgspec.json.decode(ANTHROPIC_MESSAGES.render_error(errors.InvalidRequest("Bad top_p", param="top_p"), "r"))
    assert shown["error"]["message"] == "Bad top_p"


def test_the_sdk_reads_the_body():
    """Its type for error bodies takes ours, and its client raises the class that belongs to the status."""
    error = errors.UpstreamUnavailable("later")
    body = ANTHROPIC_MESSAGES.render_error(error, "req_1")
    assert pydantic.TypeAdapter(ErrorResponse).validate_json(body).error.type == "overloaded_error"
    answer = httpx2.Response(ANTHROPIC_MESSAGES.status_of(error), content=body)
    transport = httpx2.MockTransport(lambda _: answer)
    with (
        httpx2.Client(transport=transport) as http,
        anthropic.Anthropic(api_key="k", base_url="http://gateway.test", max_retries=0, http_client=http) as client,
        pytest.raises(anthropic.APIStatusError) as raised,
    ):
        client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}])
    assert (raised.value.status_code, raised.value.type) == (529, "overloaded_error")


def test_in_band_errors_are_named_events():
    """The SDKs look at the event's name."""
    framed = ANTHROPIC_MESSAGES.frame_error(errors.UpstreamError("gone"), "r")
    assert framed.startswith(b'event: error\ndata: {"type":"error"')
    assert framed.endswith(b"\n\n")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"},"request_id":"r"}',
            ProviderFault("Busy", "overloaded_error"),
        ),
        (
            b'{"type":"error","error":{"type":"billing_error","message":"Pay","details":{"error_code":"spend_limit"}}}',
            ProviderFault("Pay", "billing_error", "spend_limit"),
        ),
        (b'{"message":"plain"}', ProviderFault("plain")),
        (b"<html>", ProviderFault("")),
        (b"null", ProviderFault("")),
        (b"", ProviderFault("")),
        (b'{"error":null}', ProviderFault("")),
    ],
)
def test_error_bodies_are_read_and_never_raise(body, fault):
    """What cannot be read gives an empty fault."""
    assert ANTHROPIC_MESSAGES.parse_error(500, body) == fault
