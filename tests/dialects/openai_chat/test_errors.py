"""Errors in OpenAI's shape."""

from __future__ import annotations

import httpx
import msgspec
import openai
import pytest

from llm_gateway.core.errors import InvalidRequest, UpstreamTimeout
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.openai_chat import OPENAI_CHAT


def test_an_error_is_rendered_as_the_envelope_says():
    """Requirements 1.6: message, type, code, param, request_id, and details when there are any."""
    error = InvalidRequest("No", param="n", details={"provided_value": 0})
    assert msgspec.json.decode(OPENAI_CHAT.render_error(error, "req_1")) == {
        "error": {
            "message": "No",
            "type": "invalid_request_error",
            "code": "invalid_parameter_value",
            "param": "n",
            "request_id": "req_1",
            "details": {"provided_value": 0},
        }
    }


@pytest.mark.parametrize(
    "before", [b"", b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n']
)
def test_the_official_sdk_raises_at_an_error_inside_a_stream(before: bytes):
    """The event is named `error` (requirements 1.4 S4) and its data has a member `error`: the SDK must not end quietly."""
    stream = before + OPENAI_CHAT.frame_error(UpstreamTimeout("The provider went silent"), "req_1")
    assert stream.startswith(before + b"event: error\ndata: {")

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        client = openai.OpenAI(api_key="k", base_url="http://gateway.test/v1", http_client=http, max_retries=0)
        with pytest.raises(openai.APIError, match="went silent") as caught:
            list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True))
    assert caught.value.code == "request_timeout"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"error":{"message":"no","type":"t","code":"c","param":"p"}}', ProviderFault("no", "t", "c", "p")),
        (b'{"error":{"message":"no","code":401}}', ProviderFault("no", code="401")),
        (b'{"code":"The caller","error":"no"}', ProviderFault("no", code="The caller")),
        (
            b'{"object":"error","message":"no","type":"BadRequestError","param":null,"code":400}',
            ProviderFault("no", "BadRequestError", "400"),
        ),
        (b'{"object":"error","message":{"detail":[{"loc":["body","n"],"msg":"no"}]}}', ProviderFault("body.n: no")),
        (b'{"message":"no"}', ProviderFault("no")),
        (b'{"detail":"no"}', ProviderFault("no")),
        (b'{"detail":[{"loc":["body","messages",0],"msg":"no","type":"missing"}]}', ProviderFault("body.messages.0: no")),
        (b'[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}]', ProviderFault("no", "INVALID_ARGUMENT", "400")),
        (b'{"error":"no"}', ProviderFault("no")),
        (b"<html>", ProviderFault("")),
        (b"", ProviderFault("")),
        (b"null", ProviderFault("")),
        (b"[]", ProviderFault("")),
        (b'{"error":{"message":["x"]}}', ProviderFault("")),
        (b"[" * 50_000, ProviderFault("")),
    ],
)
def test_every_providers_way_to_say_no_is_read(body: bytes, fault: ProviderFault):
    """Never raises; what cannot be read is an empty fault."""
    assert OPENAI_CHAT.parse_error(400, body) == fault


def test_a_providers_message_is_bounded():
    """A provider could send a page."""
    assert len(OPENAI_CHAT.parse_error(500, msgspec.json.encode({"error": {"message": "x" * 100_000}})).message) == 4000
