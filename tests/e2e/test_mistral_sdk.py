"""Mistral's own SDK, unmodified, against the gateway's routes: its strict answers hold for every provider behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mistralai.client import Mistral, errors
from mistralai.client.models import TextChunk
from pydantic import BaseModel, ValidationError

from e2e.every_provider import PROVIDERS, SCHEMA, World, failing_models, running_world
from e2e.world import PNG
from gateway_process import KEY

TOOLS: list[Any] = [
    {"type": "function", "function": {"name": name, "description": "What it is", "parameters": SCHEMA}}
    for name in ("weather", "time")
]
every = pytest.mark.parametrize("provider", PROVIDERS)


class City(BaseModel):
    """What is asked for."""

    city: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    def change(config: dict[str, Any]) -> None:
        config["models"] |= failing_models()

    with running_world(tmp_path_factory.mktemp("mistral"), change) as made:
        yield made


@pytest.fixture
def client(world: World) -> Iterator[Mistral]:
    with Mistral(api_key=KEY, server_url=world.gateway.url) as made:
        yield made


def user(text: Any) -> list[Any]:
    return [{"role": "user", "content": text}]


@every
def test_whole_and_streamed(client: Mistral, provider: str) -> None:
    """The text is the same both ways, with its usage and the reason of its end."""
    asked: dict[str, Any] = {"model": f"m-{provider}", "messages": user(f"Hello {provider}, ça va?"), "temperature": 0.5}
    whole = client.chat.complete(**asked)
    assert f"Hello {provider}, ça va?" in whole.choices[0].message.content
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0
    with client.chat.stream(**asked) as stream:
        chunks = [event.data for event in stream]
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == whole.choices[0].message.content
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]


@every
def test_several_turns(client: Mistral, world: World, provider: str) -> None:
    """Instructions, an answer that goes back as the SDK gave it, and the next question."""
    messages: list[Any] = [{"role": "system", "content": f"Be kind to {provider}."}, *user("first")]
    first = client.chat.complete(model=f"m-{provider}", messages=messages)
    messages += [first.choices[0].message, *user("second")]
    second = client.chat.complete(model=f"m-{provider}", messages=messages)
    assert "second" in second.choices[0].message.content
    assert f"Be kind to {provider}.".encode() in world.simulator.requests[-1].body


@every
def test_calls_side_by_side_and_their_results(client: Mistral, provider: str) -> None:
    """Two calls; their results go back by id, and are answered."""
    messages: list[Any] = user("call weather and call time")
    answer = client.chat.complete(model=f"m-{provider}", messages=messages, tools=TOOLS, tool_choice="auto")
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in message.tool_calls] == ["weather", "time"]
    messages.append(message)
    for call in message.tool_calls:
        assert City.model_validate_json(call.function.arguments)
        told = {"role": "tool", "name": call.function.name, "tool_call_id": call.id, "content": f"clear at {call.function.name}"}
        messages.append(told)
    then = client.chat.complete(model=f"m-{provider}", messages=messages, tools=TOOLS)
    assert "clear at weather" in then.choices[0].message.content
    assert "clear at time" in then.choices[0].message.content


@every
def test_streamed_calls(client: Mistral, provider: str) -> None:
    """They are whole, as Mistral's are, though providers send arguments in pieces."""
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    with client.chat.stream(model=f"m-{provider}", messages=user("call weather and call time"), tools=TOOLS) as stream:
        for event in stream:
            for choice in event.data.choices:
                for call in choice.delta.tool_calls or ():
                    names[call.index] = names.get(call.index, "") + call.function.name
                    arguments[call.index] = arguments.get(call.index, "") + call.function.arguments
    assert list(names.values()) == ["weather", "time"]
    for given in arguments.values():
        assert City.model_validate_json(given)


@every
@pytest.mark.parametrize("choice", ["any", {"type": "function", "function": {"name": "weather"}}])
def test_a_forced_call(client: Mistral, provider: str, choice: Any) -> None:
    """By "any", which is Mistral's word, and by name."""
    if provider == "ollama":
        pytest.skip("its API has no tool_choice")
    answer = client.chat.complete(model=f"m-{provider}", messages=user("hi"), tools=TOOLS, tool_choice=choice)
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == ["weather"]


@every
def test_objects(client: Mistral, provider: str) -> None:
    """parse() gives the caller's own class, whole and streamed."""
    asked: dict[str, Any] = {"model": f"m-{provider}", "messages": user("A city"), "response_format": City}
    assert isinstance(client.chat.parse(**asked).choices[0].message.parsed, City)
    with client.chat.parse_stream(**asked) as stream:
        text = "".join(choice.delta.content or "" for event in stream for choice in event.data.choices)
    assert City.model_validate_json(text)


@every
def test_pictures(client: Mistral, provider: str) -> None:
    """In both of Mistral's ways to write one."""
    url = f"data:image/png;base64,{PNG}"
    for shown in (url, {"url": url}):
        parts = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": shown}]
        answer = client.chat.complete(model=f"m-{provider}", messages=user(parts))
        assert "I see 1 image" in answer.choices[0].message.content


@every
def test_reasoning(client: Mistral, provider: str) -> None:
    """Asked for by effort: an answer that the SDK can read, whatever the provider tells of its thinking."""
    asked: dict[str, Any] = {"model": f"m-{provider}", "messages": user("Think"), "reasoning_effort": "high"}
    content = client.chat.complete(**asked).choices[0].message.content
    said = content if isinstance(content, str) else "".join(part.text for part in content if isinstance(part, TextChunk))
    assert "Think" in said
    with client.chat.stream(**asked) as stream:
        assert [choice.finish_reason for event in stream for choice in event.data.choices][-1] == "stop"


@every
def test_a_providers_errors(client: Mistral, provider: str) -> None:
    """Raised with their status and what the caller needs to know."""
    for what, status in (("throttled", 429), ("full", 503), ("broken", 502)):
        with pytest.raises(errors.SDKError) as caught:
            client.chat.complete(model=f"m-{provider}-{what}", messages=user("hi"))
        assert caught.value.status_code == status
        if status == 429:
            assert 1 <= int(caught.value.headers["retry-after"]) <= 7  # what is left of the pause
        with pytest.raises(errors.SDKError) as streamed:
            client.chat.stream(model=f"m-{provider}-{what}", messages=user("hi"))
        assert streamed.value.status_code == status


@every
def test_a_stream_that_breaks(client: Mistral, provider: str) -> None:
    """It raises, and nothing before said that the answer was complete."""
    pieces: list[Any] = []
    stream = client.chat.stream(model=f"m-{provider}-cut", messages=user("hi [tokens=120]"))
    with pytest.raises((errors.ResponseValidationError, ValidationError)):
        pieces.extend(event.data for event in stream)
    stream.close()
    assert pieces
    assert not any(choice.finish_reason for piece in pieces for choice in piece.choices)


def test_the_gateways_own_errors(world: World, client: Mistral) -> None:
    """A wrong key, an unknown model, and a request that makes no sense."""
    with pytest.raises(errors.SDKError) as unknown:
        client.chat.complete(model="nobody", messages=user("hi"))
    assert unknown.value.status_code == 404
    with Mistral(api_key="wrong", server_url=world.gateway.url) as stranger, pytest.raises(errors.SDKError) as refused:
        stranger.chat.complete(model="m-openai", messages=user("hi"))
    assert refused.value.status_code == 401
    with pytest.raises(errors.MistralError) as bad:
        client.chat.complete(model="m-anthropic", messages=[])
    assert bad.value.status_code == 400


@pytest.mark.parametrize("provider", ["openai", "gemini", "cohere", "ollama", "mistral"])
def test_embeddings(client: Mistral, provider: str) -> None:
    """Numbers for each text, and what they cost."""
    answer = client.embeddings.create(model=f"m-{provider}", inputs=["one", "two"])
    assert [row.index for row in answer.data] == [0, 1]
    assert all(isinstance(number, float) for row in answer.data for number in row.embedding)
    assert answer.usage.prompt_tokens > 0


def test_documents(client: Mistral) -> None:
    """OCR goes through to Mistral."""
    read = client.ocr.process(model="m-mistral", document={"type": "document_url", "document_url": "https://example.com/a.pdf"})
    assert read.pages[0].markdown == "# Read from a document_url"
    assert read.usage_info.pages_processed == 1


@pytest.mark.anyio
async def test_async(world: World) -> None:
    """The asynchronous methods give the same."""
    async with Mistral(api_key=KEY, server_url=world.gateway.url) as client:
        whole = await client.chat.complete_async(model="m-anthropic", messages=user("hello"))
        stream = await client.chat.stream_async(model="m-anthropic", messages=user("hello"))
        said = "".join([choice.delta.content or "" async for event in stream for choice in event.data.choices])
    assert said == whole.choices[0].message.content
