"""Ollama's own SDK, unmodified, against the gateway: its own server, and others' models."""

from __future__ import annotations

from collections.abc import Iterator

import ollama
import pytest

from e2e.every_provider import PROVIDERS, SCHEMA, running_world
from gateway_process import KEY, GatewayProcess

TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather somewhere", "parameters": SCHEMA}}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_world(tmp_path_factory.mktemp("ollama")) as world:
        yield world.gateway


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[ollama.Client]:
    made = ollama.Client(host=gateway.url, headers={"Authorization": f"Bearer {KEY}"})
    yield made
    made._client.close()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_chat_whole_and_streamed(client: ollama.Client, provider: str) -> None:
    """The text is the same both ways; the last line says that it is done, and the tokens."""
    model, text = f"m-{provider}", f"Hello {provider}, ça va?"
    messages = [{"role": "user", "content": text}]
    whole = client.chat(model=model, messages=messages)
    assert text in whole.message.content
    assert (whole.done, whole.done_reason) == (True, "stop")
    pieces = list(client.chat(model=model, messages=messages, stream=True))
    assert "".join(piece.message.content or "" for piece in pieces) == whole.message.content
    assert pieces[-1].done
    assert pieces[-1].eval_count > 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_call_and_its_result(client: ollama.Client, provider: str) -> None:
    """The model's call goes back with its result, as the SDK's users do it."""
    model = f"m-{provider}"
    messages: list[object] = [{"role": "user", "content": "call weather please"}]
    answer = client.chat(model=model, messages=messages, tools=TOOLS)
    (call,) = answer.message.tool_calls
    assert call.function.name == "weather"
    assert isinstance(call.function.arguments["city"], str)
    messages += [answer.message, {"role": "tool", "tool_name": "weather", "content": "clear"}]
    assert client.chat(model=model, messages=messages, tools=TOOLS).done_reason == "stop"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_generate(client: ollama.Client, provider: str) -> None:
    """A prompt is a conversation of one message."""
    text = f"Once upon a time at {provider}"
    assert text in client.generate(model=f"m-{provider}", prompt=text).response
    assert text in "".join(piece.response for piece in client.generate(model=f"m-{provider}", prompt=text, stream=True))


def test_errors_are_its_own(client: ollama.Client) -> None:
    """An unknown model raises the SDK's error, with status and message."""
    with pytest.raises(ollama.ResponseError) as unknown:
        client.chat(model="nobody", messages=[{"role": "user", "content": "hi"}])
    assert unknown.value.status_code == 404
    assert unknown.value.error
