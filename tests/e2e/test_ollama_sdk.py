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


def test_the_models_there_are(client: ollama.Client) -> None:
    """Listed by the names they are asked for with; those of an Ollama server are shown as it shows them."""
    names = [model.model for model in client.list().models]
    assert {f"m-{provider}" for provider in PROVIDERS} <= set(names)
    shown = client.show("m-ollama")
    assert "completion" in (shown.capabilities or [])
    assert (shown.modelinfo or {})["general.architecture"] == "llama"
    assert client.show("m-anthropic").details is not None
    assert client.ps().models == []
    with pytest.raises(ollama.ResponseError) as unknown:
        client.show("nobody")
    assert unknown.value.status_code == 404


def test_models_are_not_managed_here(client: ollama.Client) -> None:
    """Pulling, copying and deleting are refused in words that the SDK shows."""
    for wish in (
        lambda: client.pull("x"),
        lambda: client.push("x"),
        lambda: client.delete("x"),
        lambda: client.copy("x", "y"),
        lambda: client.create("x", from_="y"),
    ):
        with pytest.raises(ollama.ResponseError) as refused:
            wish()
        assert refused.value.status_code == 400
        assert "configured" in refused.value.error
