"""Kept answers through unmodified SDKs: the second answer is the first one, whole and streamed, its usage included."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from e2e.every_provider import PROVIDERS, World, running_world
from gateway_process import KEY

TOOL = {
    "name": "weather",
    "description": "The weather somewhere",
    "schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    def keeping(config: dict[str, Any]) -> None:
        config["cache"] = {"enabled": True}

    with running_world(tmp_path_factory.mktemp("cache"), keeping) as made:
        yield made


@pytest.fixture
def text() -> str:
    return f"Hello {uuid.uuid4().hex[:12]}, ça va?"


def asked(world: World, text: str) -> int:
    """How often the providers were."""
    return sum(text.partition(",")[0].encode() in seen.body for seen in world.simulator.requests)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_openai_whole(world: World, provider: str, text: str) -> None:
    """Text and calls; the bytes are the same, and the SDK's objects too."""
    function = {"name": TOOL["name"], "description": TOOL["description"], "parameters": TOOL["schema"]}
    with openai.OpenAI(base_url=f"{world.gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        for tools in ({}, {"tools": [{"type": "function", "function": function}]}):
            ask: dict[str, Any] = {
                "model": f"m-{provider}",
                "messages": [{"role": "user", "content": f"{text} weather"}],
                **tools,
            }
            first, second = (client.chat.completions.with_raw_response.create(**ask) for _ in range(2))
            assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
            assert second.content == first.content
            assert second.parse() == first.parse()
            assert second.parse().usage.total_tokens > 0
            assert second.headers["x-request-id"] != first.headers["x-request-id"]
    assert asked(world, text) == 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_openai_streamed(world: World, provider: str, text: str) -> None:
    """Chunk by chunk, the usage at the end among them."""
    with openai.OpenAI(base_url=f"{world.gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        ask: dict[str, Any] = {"model": f"m-{provider}", "messages": [{"role": "user", "content": text}]}
        told = []
        for cached in ("MISS", "HIT"):
            raw = client.chat.completions.with_raw_response.create(**ask, stream=True, stream_options={"include_usage": True})
            assert raw.headers["x-cache"] == cached
            told.append(list(raw.parse()))
        assert told[0] == told[1]
        assert text in "".join(chunk.choices[0].delta.content or "" for chunk in told[1] if chunk.choices)
        assert told[1][-1].usage.total_tokens > 0
    assert asked(world, text) == 1


def test_openai_embeddings(world: World, text: str) -> None:
    """As the SDK asks for them, in base64."""
    with openai.OpenAI(base_url=f"{world.gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        first, second = (client.embeddings.with_raw_response.create(model="m-openai", input=text) for _ in range(2))
        assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
        assert second.content == first.content
        assert second.parse().data[0].embedding == first.parse().data[0].embedding


@pytest.mark.parametrize("provider", PROVIDERS)
def test_anthropic(world: World, provider: str, text: str) -> None:
    """Messages, and the SDK's own accumulator over the stream."""
    with anthropic.Anthropic(base_url=world.gateway.url, api_key=KEY, max_retries=0) as client:
        ask: dict[str, Any] = {"model": f"m-{provider}", "max_tokens": 100, "messages": [{"role": "user", "content": text}]}
        first, second = (client.messages.with_raw_response.create(**ask) for _ in range(2))
        assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
        assert second.http_response.content == first.http_response.content
        assert second.parse().usage.output_tokens > 0
        told = []
        for cached in ("MISS", "HIT"):
            with client.messages.stream(**ask) as stream:
                assert stream.response.headers["x-cache"] == cached
                told.append([event.model_dump() for event in stream])
                final = stream.get_final_message()
            assert text in final.content[0].text
            assert final.usage.output_tokens > 0
        assert told[0] == told[1]
    assert asked(world, text) == 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_google(world: World, provider: str, text: str) -> None:
    """Google's, whose streams are events."""
    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=world.gateway.url))
    try:
        model = f"m-{provider}"
        first, second = (client.models.generate_content(model=model, contents=text) for _ in range(2))
        assert [_cache(one) for one in (first, second)] == ["MISS", "HIT"]
        assert _plain(second) == _plain(first)
        assert second.usage_metadata.total_token_count > 0
        told = [list(client.models.generate_content_stream(model=model, contents=text)) for _ in range(2)]
        assert [_cache(pieces[0]) for pieces in told] == ["MISS", "HIT"]
        assert [_plain(piece) for piece in told[0]] == [_plain(piece) for piece in told[1]]
        assert "".join(piece.text or "" for piece in told[1]) == first.text
    finally:
        client.close()
    assert asked(world, text) == 2


def _cache(answer: types.GenerateContentResponse) -> str:
    headers = {name.lower(): value for name, value in answer.sdk_http_response.headers.items()}
    return str(headers["x-cache"])


def _plain(answer: types.GenerateContentResponse) -> dict[str, Any]:
    return answer.model_dump(exclude={"sdk_http_response"})
