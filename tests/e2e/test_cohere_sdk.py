"""Cohere's own SDK, unmodified: its chat passes through to its own provider; embed and rerank are in test_embedding_sdks.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cohere
import httpx
import pytest
from cohere import errors
from cohere.core.api_error import ApiError

from e2e.every_provider import SCHEMA, World, running_world
from e2e.world import PNG, read_into
from gateway_process import KEY

OTHER_KEY = "sk-gateway-other-0123456789abcdef"
MODEL = "command-a-03-2025"
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": name, "description": "What it is", "parameters": SCHEMA}}
    for name in ("weather", "time")
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    def change(config: dict[str, Any]) -> None:
        config["providers"]["cohere"]["passthrough"] = {"paths": ["/v2/chat", "/v1/models"]}
        config["auth"] = {
            "keys": [{"name": "tests", "key": KEY, "passthrough": ["cohere"]}, {"name": "other", "key": OTHER_KEY}],
        }

    with running_world(tmp_path_factory.mktemp("cohere"), change) as made:
        yield made


def client_with(world: World, key: str) -> cohere.ClientV2:
    return cohere.ClientV2(api_key=key, base_url=f"{world.gateway.url}/passthrough/cohere", max_retries=0)


@pytest.fixture
def client(world: World) -> Iterator[cohere.ClientV2]:
    with client_with(world, KEY) as made:
        yield made


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}


def test_whole_and_streamed(client: cohere.ClientV2) -> None:
    """The text is the same both ways, with its usage; the stream says that it ended."""
    whole = client.chat(**asked("ça va?", temperature=0.3, max_tokens=200))
    (part,) = whole.message.content
    assert "ça va?" in part.text
    assert whole.finish_reason == "COMPLETE"
    assert whole.usage.tokens.input_tokens > 0
    events = list(client.chat_stream(**asked("ça va?", temperature=0.3, max_tokens=200)))
    said = [event.delta.message.content.text for event in events if event.type == "content-delta"]
    assert len(said) > 3
    assert "".join(said) == part.text
    assert (events[0].type, events[-1].type) == ("message-start", "message-end")
    assert events[-1].delta.usage.tokens.output_tokens == whole.usage.tokens.output_tokens


def test_several_turns_and_instructions(client: cohere.ClientV2, world: World) -> None:
    """What was said before arrives as it was."""
    messages: list[Any] = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "first"}]
    first = client.chat(model=MODEL, messages=messages)
    messages += [first.message, {"role": "user", "content": "second"}]
    second = client.chat(model=MODEL, messages=messages)
    assert "second" in second.message.content[0].text
    assert b"Be kind." in world.simulator.requests[-1].body
    assert b"first" in world.simulator.requests[-1].body


def test_calls_side_by_side_and_their_results(client: cohere.ClientV2) -> None:
    """Both calls, whole and in pieces, with the same arguments; their results are answered."""
    messages: list[Any] = [{"role": "user", "content": "call weather and call time"}]
    answer = client.chat(model=MODEL, messages=messages, tools=TOOLS)
    calls = answer.message.tool_calls
    assert [call.function.name for call in calls] == ["weather", "time"]
    assert answer.finish_reason == "TOOL_CALL"
    pieces: dict[int, str] = {}
    for event in client.chat_stream(model=MODEL, messages=messages, tools=TOOLS):
        if event.type == "tool-call-start":
            pieces[event.index] = event.delta.message.tool_calls.function.arguments or ""
        elif event.type == "tool-call-delta":
            pieces[event.index] += event.delta.message.tool_calls.function.arguments
    assert list(pieces.values()) == [call.function.arguments for call in calls]
    messages.append(answer.message)
    for call in calls:
        result = {"type": "document", "document": {"data": f"clear at {call.function.name}"}}
        messages.append({"role": "tool", "tool_call_id": call.id, "content": [result]})
    then = client.chat(model=MODEL, messages=messages, tools=TOOLS)
    assert "clear at weather" in then.message.content[0].text
    assert "clear at time" in then.message.content[0].text


def test_objects_pictures_and_thinking(client: cohere.ClientV2) -> None:
    """JSON by a schema, an image, and what the model thought."""
    shaped: dict[str, Any] = {"type": "json_object", "json_schema": SCHEMA}
    made = client.chat(**asked("A city", response_format=shaped))
    assert '"city"' in made.message.content[0].text
    parts = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    seen = client.chat(model=MODEL, messages=[{"role": "user", "content": parts}])
    assert "I see 1 image" in seen.message.content[0].text
    thought = client.chat(**asked("Think", thinking={"type": "enabled"}))
    assert [part.type for part in thought.message.content] == ["thinking", "text"]
    assert thought.message.content[0].thinking


@pytest.mark.parametrize(
    ("fault", "expected", "status"),
    [
        ("400", errors.BadRequestError, 400),
        ("404", errors.NotFoundError, 404),
        ("422", errors.UnprocessableEntityError, 422),
        ("429:retry_after=7", errors.TooManyRequestsError, 429),
        ("503", errors.ServiceUnavailableError, 503),
        ("401", ApiError, 502),
    ],
)
def test_a_providers_errors(client: cohere.ClientV2, fault: str, expected: type[ApiError], status: int) -> None:
    """Its own, raised by status with its message; refused credentials are the gateway's own matter."""
    with pytest.raises(expected) as caught:
        client.chat(**{**asked("hi"), "model": f"{MODEL}@@{fault}"})
    assert caught.value.status_code == status
    if fault.startswith("429"):
        told = {name.lower(): value for name, value in caught.value.headers.items()}["retry-after"]
        assert 1 <= int(told) <= 7  # what is left of the pause
    with pytest.raises(ApiError) as streamed:
        list(client.chat_stream(**{**asked("hi"), "model": f"{MODEL}@@{fault}"}))
    assert streamed.value.status_code == status


def test_the_gateways_own_errors(world: World) -> None:
    """A wrong key, and one without the right to it, as the SDK knows them."""
    with client_with(world, "wrong") as stranger, pytest.raises(errors.UnauthorizedError):
        stranger.chat(**asked("hi"))
    with client_with(world, OTHER_KEY) as other, pytest.raises(errors.ForbiddenError) as caught:
        other.chat(**asked("hi"))
    assert "passthrough" in caught.value.body["message"]


def test_a_stream_that_breaks(client: cohere.ClientV2) -> None:
    """Some text and no end: the SDK raises, and was never told that the message ended."""
    events: list[Any] = []
    stream = client.chat_stream(**{**asked("hi [tokens=60]"), "model": f"{MODEL}@@close_mid:after=2000"})
    with pytest.raises(httpx.RemoteProtocolError):
        read_into(events, stream)
    kinds = [event.type for event in events]
    assert "content-delta" in kinds
    assert "message-end" not in kinds


@pytest.mark.anyio
async def test_async(world: World) -> None:
    """The asynchronous client gives the same."""
    async with cohere.AsyncClientV2(api_key=KEY, base_url=f"{world.gateway.url}/passthrough/cohere") as client:
        whole = await client.chat(**asked("hello"))
        said = [e.delta.message.content.text async for e in client.chat_stream(**asked("hello")) if e.type == "content-delta"]
    assert "".join(said) == whole.message.content[0].text


def test_nothing_of_the_caller_reaches_the_provider(client: cohere.ClientV2, world: World) -> None:
    """Neither the key nor the SDK's own headers; the provider's credentials do."""
    client.chat(**asked("hi"))
    told = str(world.simulator.requests[-1].headers)
    assert KEY not in told
    assert "fern" not in told.lower()
