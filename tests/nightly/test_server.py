"""An inference server that is not ours, behind the gateway: every client's dialect, whole and streamed. Run by `make nightly`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from google import genai
from ollama import Client as Ollama
from openai import OpenAI

from gateway_process import GatewayProcess, running_gateway

UPSTREAM = os.environ.get("GATEWAY_NIGHTLY_UPSTREAM", "")
pytestmark = [pytest.mark.skipif(not UPSTREAM, reason="run by `make nightly`"), pytest.mark.timeout(120)]
QUESTION: Any = [{"role": "user", "content": "Say something."}]
TOKENS = 12


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    url, server, model = UPSTREAM.split(" ", 2)
    kind = "vllm" if server == "vllm" else "openai_compatible"
    config = {
        "providers": {"tiny": {"type": kind, "base_url": url, "models": [model]}},
        "models": {"tiny": {"deployments": [{"model": f"tiny/{model}"}]}},
    }
    with running_gateway(config, Path(tmp_path_factory.mktemp("nightly"))) as made:
        yield made


@pytest.fixture
def openai(gateway: GatewayProcess) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=60) as made:
        yield made


def test_chat_whole(openai: OpenAI) -> None:
    """As many tokens as asked for, counted by the server."""
    reply = openai.chat.completions.create(model="tiny", messages=QUESTION, max_tokens=TOKENS)
    assert reply.usage is not None
    assert 0 < reply.usage.completion_tokens <= TOKENS
    assert reply.choices[0].finish_reason in {"length", "stop"}


def test_chat_streamed(openai: OpenAI) -> None:
    """Chunks, an end with a reason, usage where it was asked for."""
    more: Any = {"stream_options": {"include_usage": True}}
    chunks = list(openai.chat.completions.create(model="tiny", messages=QUESTION, max_tokens=TOKENS, stream=True, **more))
    assert sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks) > 1
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] in (["length"], ["stop"])


@pytest.mark.parametrize("stream", [False, True])
def test_responses(openai: OpenAI, stream: bool) -> None:
    """OpenAI's Responses client."""
    made: Any = openai.responses.create(model="tiny", input="Say something.", max_output_tokens=TOKENS, stream=stream)
    ends = {"response.completed", "response.incomplete"}
    done = next(event.response for event in made if event.type in ends) if stream else made
    assert done.output_text
    assert done.status in {"completed", "incomplete"}


@pytest.mark.parametrize("stream", [False, True])
def test_messages(gateway: GatewayProcess, stream: bool) -> None:
    """Anthropic's client."""
    with Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0, timeout=60) as client:
        if stream:
            with client.messages.stream(model="tiny", messages=QUESTION, max_tokens=TOKENS) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(model="tiny", messages=QUESTION, max_tokens=TOKENS)
    assert message.stop_reason in {"max_tokens", "end_turn"}
    assert message.content


@pytest.mark.parametrize("stream", [False, True])
def test_gemini_and_ollama(gateway: GatewayProcess, stream: bool) -> None:
    """Google's and Ollama's clients."""
    with genai.Client(api_key=gateway.key, http_options={"base_url": gateway.url}) as google:
        asked = google.models.generate_content_stream if stream else google.models.generate_content
        answer: Any = asked(model="tiny", contents="Say something.", config={"max_output_tokens": TOKENS})
        assert "".join(piece.text or "" for piece in (answer if stream else [answer]))
    ollama = Ollama(gateway.url, headers={"Authorization": f"Bearer {gateway.key}"})
    said: Any = ollama.chat(model="tiny", messages=QUESTION, options={"num_predict": TOKENS}, stream=stream)
    assert "".join(piece.message.content or "" for piece in (said if stream else [said]))
    ollama._client.close()


def test_a_wrong_request_is_the_servers_refusal(openai: OpenAI) -> None:
    """What the server does not like is told as its own error, not as ours."""
    with pytest.raises(Exception, match=r"4\d\d|5\d\d"):
        openai.chat.completions.create(model="tiny", messages=[{"role": "nobody", "content": 3}], max_tokens=-4)  # type: ignore[list-item,misc]
