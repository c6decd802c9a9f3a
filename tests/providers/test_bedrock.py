"""Bedrock: which model is asked how, and a whole request and stream through a gateway."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Front
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.http.framing.eventstream import encode
from llm_gateway.snapshot import NotServable, compile_snapshot
from scripted_upstream import ASK, Upstream
from whole_gateway import BEARER, CHAT, MESSAGES, PEPPER, answer, config_of, one_provider, whole_gateway

PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
ASKED = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
EVENTS = (
    {"type": "message_start", "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 3, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 2}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3}},
)


def target(model: str, front: Front, **provider: Any) -> bytes | None:
    config = config_of({"providers": {"bedrock": {"api_key": "k", "region": "us-east-1", **provider}}})
    made = compile_snapshot(config, pepper=PEPPER, environ={}, managed={}).upstreams["bedrock"].deployment(model)
    lane = made.lane(front)
    return lane.target if lane else None


@pytest.mark.parametrize(
    ("model", "front", "wanted"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", ANTHROPIC_MESSAGES, "/model/anthropic.claude-3-haiku-20240307-v1:0/invoke"),
        (CLAUDE, ANTHROPIC_MESSAGES, f"/model/{CLAUDE}/invoke"),
        (CLAUDE, OPENAI_CHAT, f"/model/{CLAUDE}/converse"),
        ("amazon.nova-lite-v1:0", ANTHROPIC_MESSAGES, "/model/amazon.nova-lite-v1:0/converse"),
        (
            f"arn:aws:bedrock:us-east-1::foundation-model/{CLAUDE[3:]}",
            ANTHROPIC_MESSAGES,
            f"/model/arn:aws:bedrock:us-east-1::foundation-model%2F{CLAUDE[3:]}/invoke",
        ),
        (PROFILE, ANTHROPIC_MESSAGES, f"/model/{PROFILE.replace('/', '%2F')}/converse"),
        ("openai.gpt-oss-120b-1:0", OPENAI_CHAT, "/openai/v1/chat/completions"),
        ("openai.gpt-oss-120b-1:0", OPENAI_RESPONSES, "/model/openai.gpt-oss-120b-1:0/converse"),
        ("openai.gpt-6", OPENAI_RESPONSES, "/openai/v1/responses"),
        ("amazon.nova-lite-v1:0", OPENAI_CHAT, "/model/amazon.nova-lite-v1:0/converse"),
    ],
)
def test_who_is_asked_how(model: str, front: Front, wanted: str) -> None:
    """Callers of Anthropic's and OpenAI's dialects reach these makers' models as they are; all else is Converse."""
    assert target(model, front) == wanted.encode()


def test_the_configuration_says_whose_a_profile_is() -> None:
    """An application inference profile's ARN does not."""
    assert (
        target(PROFILE, ANTHROPIC_MESSAGES, anthropic_models=[PROFILE]) == f"/model/{PROFILE.replace('/', '%2F')}/invoke".encode()
    )
    assert (
        target("amazon.nova-lite-v1:0", ANTHROPIC_MESSAGES, anthropic_models=[PROFILE])
        == b"/model/amazon.nova-lite-v1:0/converse"
    )


@pytest.mark.parametrize(("environ", "provider"), [({"AWS_REGION": "eu-west-1"}, {}), ({}, {"region": "eu-west-1"})])
def test_mantle_is_in_a_region(environ: dict[str, str], provider: dict[str, Any]) -> None:
    """Of the configuration or the environment."""
    config = config_of({"providers": {"bedrock_mantle": {"api_key": "k", **provider}}})
    made = compile_snapshot(config, pepper=PEPPER, environ=environ, managed={}).upstreams["bedrock_mantle"]
    assert (made.origin.host, made.base_path) == ("bedrock-mantle.eu-west-1.api.aws", "/v1")


def test_mantle_without_a_region_is_refused() -> None:
    """With the words that help."""
    config = config_of({"providers": {"bedrock_mantle": {"api_key": "k"}}})
    with pytest.raises(NotServable, match="needs region"):
        compile_snapshot(config, pepper=PEPPER, environ={}, managed={})


def chunk(event: dict[str, Any]) -> bytes:
    payload = msgspec.json.encode({"bytes": b64encode(msgspec.json.encode(event)).decode()})
    return encode({":event-type": "chunk", ":message-type": "event"}, payload)


def framed(data: bytes) -> bytes:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


def asked(
    script: list[Any], path: str, body: dict[str, Any], headers: str = ""
) -> tuple[tuple[int, dict[bytes, bytes], bytes], bytes]:
    """The answer to one request, and what the provider was asked."""

    async def run() -> tuple[tuple[int, dict[bytes, bytes], bytes], bytes]:
        async with Upstream(script) as upstream:
            document = one_provider(upstream.url, kind="bedrock")
            document["models"]["m"]["deployments"] = [f"a/{CLAUDE}"]
            async with whole_gateway(document) as gateway:
                answered = await gateway.post(path, body, BEARER + headers)
            return answered, upstream.requests[0][1]

    return asyncio.run(run())


def test_a_stream_reaches_an_anthropic_caller_as_events() -> None:
    """InvokeModel's frames are taken off; the body that was sent has neither model nor stream, and the caller's beta features."""
    script = [ASK, framed(b"".join(map(chunk, EVENTS)))]
    (status, _, body), sent = asked(script, MESSAGES, {**ASKED, "stream": True}, "anthropic-beta: b-1\r\n")
    head, _, posted = sent.partition(b"\r\n\r\n")
    assert status == 200
    assert b"event: content_block_delta\ndata: " in body
    assert body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    assert head.startswith(b"POST /model/" + CLAUDE.encode() + b"/invoke-with-response-stream HTTP/1.1\r\n")
    assert b"anthropic-beta" not in head.lower()
    assert msgspec.json.decode(posted) == {
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["b-1"],
        "max_tokens": 9,
        "messages": ASKED["messages"],
    }


def test_a_throttled_stream_is_a_429_before_it_began() -> None:
    """An exception frame is the provider's failure, by its meaning."""
    frame = encode({":exception-type": "throttlingException", ":message-type": "exception"}, b'{"message":"Too many"}')
    (status, _, body), _ = asked([ASK, framed(frame)], MESSAGES, {**ASKED, "stream": True})
    assert status == 429
    assert msgspec.json.decode(body)["error"] == {"type": "rate_limit_error", "message": "Too many"}


def test_an_exception_in_the_middle_ends_the_stream_with_an_error() -> None:
    """Never with anything that looks complete."""
    frame = encode({":exception-type": "modelStreamErrorException", ":message-type": "exception"}, b'{"message":"broken"}')
    answered = framed(b"".join(map(chunk, EVENTS[:3])) + frame)
    cut = len(answered) - len(frame)
    (status, _, body), _ = asked([ASK, answered[:cut], 0.05, answered[cut:]], MESSAGES, {**ASKED, "stream": True})
    assert status == 200
    assert b"event: error\n" in body
    assert b"message_stop" not in body


@pytest.mark.parametrize("path", [MESSAGES, CHAT])
def test_a_refused_request_has_the_callers_shape(path: str) -> None:
    """InvokeModel's {"message": ...} is not Anthropic's error, so it is never shown as it came."""
    refusal = answer(
        {"message": "URL sources are not supported"}, "400 Bad Request", "x-amzn-errortype: ValidationException:http://x/\r\n"
    )
    (status, _, body), _ = asked([ASK, refusal], path, ASKED)
    error = msgspec.json.decode(body)["error"]
    assert (status, error["message"], error["type"]) == (400, "URL sources are not supported", "invalid_request_error")
