"""Vertex AI: several makers' models, each at its own path."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from llm_gateway.dialects.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Front
from llm_gateway.dialects.gemini import GeminiFront
from llm_gateway.dialects.gemini.count_tokens import GeminiCountFront
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.providers.deployment import Lane, Upstream
from llm_gateway.providers.vertex import count
from llm_gateway.snapshot import NotServable, compile_snapshot
from scripted_upstream import ASK
from scripted_upstream import Upstream as Scripted
from whole_gateway import BEARER, MESSAGES, PEPPER, answer, config_of, one_provider, whole_gateway

REGION = "/v1/projects/p-1/locations/us-central1"
GEMINI, COUNT = GeminiFront("m"), GeminiCountFront("m")


def upstream(environ: dict[str, str] | None = None, **provider: Any) -> Upstream:
    config = config_of({"providers": {"vertex": {"headers": {"Authorization": "Bearer t"}, **provider}}})
    return compile_snapshot(config, pepper=PEPPER, environ=environ or {}, managed={}).upstreams["vertex"]


def lane(model: str, front: Front, **provider: Any) -> Lane:
    found = upstream(**({"project": "p-1", "region": "us-central1"} | provider)).deployment(model).lane(front)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("provider", "environ", "host", "path"),
    [
        ({"project": "p-1", "region": "us-central1"}, {}, "us-central1-aiplatform.googleapis.com", REGION),
        ({"project": "p-1", "region": "global"}, {}, "aiplatform.googleapis.com", "/v1/projects/p-1/locations/global"),
        ({"project": "p-1"}, {}, "aiplatform.googleapis.com", "/v1/projects/p-1/locations/global"),
        ({"project": "p-1", "region": "eu"}, {}, "aiplatform.eu.rep.googleapis.com", "/v1/projects/p-1/locations/eu"),
        (
            {},
            {"GOOGLE_CLOUD_PROJECT": "p-1", "GOOGLE_CLOUD_LOCATION": "us-central1"},
            "us-central1-aiplatform.googleapis.com",
            REGION,
        ),
        ({"api_key": "k"}, {"GOOGLE_CLOUD_PROJECT": "p-1"}, "aiplatform.googleapis.com", "/v1"),
        ({"base_url": "http://127.0.0.1:1/x", "project": "p-1", "region": "us-central1"}, {}, "127.0.0.1", "/x" + REGION),
        (
            {"base_url": "http://127.0.0.1:1/v1beta1/", "project": "p", "region": "r"},
            {},
            "127.0.0.1",
            "/v1beta1/projects/p/locations/r",
        ),
        ({"base_url": f"http://127.0.0.1:1{REGION}"}, {}, "127.0.0.1", REGION),
    ],
)
def test_where_an_account_is(provider: dict[str, Any], environ: dict[str, str], host: str, path: str) -> None:
    """By project and region, from the configuration or the environment; an API key alone is express mode."""
    made = upstream(environ, **provider)
    assert (made.origin.host, made.base_path) == (host, path)


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ({}, "needs project, GOOGLE_CLOUD_PROJECT or an api_key"),
        ({"project": "a/b"}, "project is not"),
        ({"project": "p", "region": "x/y"}, "region is not"),
    ],
)
def test_what_is_missing_or_no_name_is_said(provider: dict[str, Any], words: str) -> None:
    """At the start, with the provider's name."""
    with pytest.raises(NotServable, match=rf"providers\.vertex: .*{words}"):
        upstream(**provider)


@pytest.mark.parametrize(
    ("model", "front", "whole", "stream"),
    [
        (
            "gemini-2.5-flash",
            GEMINI,
            "publishers/google/models/gemini-2.5-flash:generateContent",
            ":streamGenerateContent?alt=sse",
        ),
        (
            "google/gemini-2.5-flash",
            OPENAI_CHAT,
            "publishers/google/models/gemini-2.5-flash:generateContent",
            ":streamGenerateContent?alt=sse",
        ),
        ("endpoints/123", GEMINI, "endpoints/123:generateContent", ":streamGenerateContent?alt=sse"),
        ("gemini-2.5-flash", COUNT, "publishers/google/models/gemini-2.5-flash:countTokens", ":countTokens"),
        (
            "claude-sonnet-4-5@20250929",
            ANTHROPIC_MESSAGES,
            "publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
            ":streamRawPredict",
        ),
        ("anthropic/claude-opus-4", OPENAI_CHAT, "publishers/anthropic/models/claude-opus-4:rawPredict", ":streamRawPredict"),
        ("claude-opus-4", ANTHROPIC_COUNT_TOKENS, "publishers/anthropic/models/count-tokens:rawPredict", ":rawPredict"),
        (
            "mistralai/mistral-small-2503",
            ANTHROPIC_MESSAGES,
            "publishers/mistralai/models/mistral-small-2503:rawPredict",
            ":streamRawPredict",
        ),
        ("meta/llama-4-maas", OPENAI_CHAT, "endpoints/openapi/chat/completions", "/completions"),
        ("meta/llama-4-maas", GEMINI, "endpoints/openapi/chat/completions", "/completions"),
    ],
)
def test_where_a_model_is(model: str, front: Front, whole: str, stream: str) -> None:
    """By its publisher, whatever the caller's dialect is."""
    found = lane(model, front)
    assert found.target == f"{REGION}/{whole}".encode()
    assert found.stream_target.endswith(stream.encode())


def test_the_body_names_a_model_as_its_place_does() -> None:
    """Without the publisher where the path has it, with it where nothing else says it."""
    made = upstream(project="p-1")
    assert made.deployment("anthropic/claude-opus-4").model_json == b'"claude-opus-4"'
    assert made.deployment("meta/llama-4-maas").model_json == b'"meta/llama-4-maas"'


def test_what_is_counted_stands_in_the_body() -> None:
    """AI Studio's wrapper is taken off, a plain body passes."""
    assert count(b'{"generateContentRequest": {"contents": []}}', {}) == b'{"contents": []}'
    assert count(b'{"contents": []}', {}) == b'{"contents": []}'


def test_errors_of_claude_are_read_in_googles_shape_and_in_anthropics() -> None:
    """The platform and the model speak differently; neither is shown as it came."""
    found = lane("claude-opus-4", ANTHROPIC_MESSAGES)
    google = found.parse_error(429, b'{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED"}}')
    own = found.parse_error(400, b'{"type":"error","error":{"type":"invalid_request_error","message":"bad"}}')
    assert (google.message, google.type, google.code) == ("Quota", "RESOURCE_EXHAUSTED", "")
    assert (own.message, own.type) == ("bad", "invalid_request_error")
    assert found.same
    assert not found.own_errors


def test_a_key_has_googles_header() -> None:
    """Express mode."""
    assert b"x-goog-api-key: k\r\n" in upstream(api_key="k").headers


def asked(model: str, reply: bytes, path: str, body: dict[str, Any], headers: str = "") -> tuple[Any, bytes]:
    """The answer to one request, and what the provider was asked."""

    async def run() -> tuple[Any, bytes]:
        async with Scripted([ASK, reply]) as provider:
            document = one_provider(provider.url, kind="vertex")
            document["providers"]["a"] |= {"project": "p-1", "region": "us-central1"}
            document["models"]["m"]["deployments"] = [f"a/{model}"]
            async with whole_gateway(document) as gateway:
                answered = await gateway.post(path, body, BEARER + headers)
            return answered, provider.requests[0][1]

    return asyncio.run(run())


QUESTION = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def test_claude_is_asked_as_vertex_wants_it() -> None:
    """The model in the path, the version in the body, beta features in the header; the answer passes."""
    message = {
        "type": "message",
        "id": "msg_vrtx_1",
        "role": "assistant",
        "model": "claude-opus-4",
        "content": [{"type": "text", "text": "yes"}],
    }
    said = answer({**message, "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 1}})
    (status, _, body), sent = asked("claude-opus-4", said, MESSAGES, QUESTION, "anthropic-beta: b-1\r\n")
    head, _, posted = sent.partition(b"\r\n\r\n")
    assert (status, msgspec.json.decode(body)["id"]) == (200, "msg_vrtx_1")
    assert head.startswith(f"POST {REGION}/publishers/anthropic/models/claude-opus-4:rawPredict HTTP/1.1\r\n".encode())
    assert b"anthropic-beta: b-1\r\n" in head + b"\r\n"
    assert msgspec.json.decode(posted) == {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 9,
        "messages": QUESTION["messages"],
    }


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "claude-opus-4"])
def test_an_exhausted_quota_says_when_to_come_back(model: str) -> None:
    """Google says so in the body; callers find it in the header, in an error of their own shape."""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12s"}
    refusal = {"error": {"code": 429, "message": "Resource exhausted", "status": "RESOURCE_EXHAUSTED", "details": [info]}}
    (status, headers, body), _ = asked(model, answer(refusal, "429 Too Many Requests"), MESSAGES, QUESTION)
    assert (status, headers[b"retry-after"]) == (429, b"12")
    assert msgspec.json.decode(body)["error"] == {"type": "rate_limit_error", "message": "Resource exhausted"}
