"""Simulators for callers that are not asynchronous, and the real SDKs against one."""

from __future__ import annotations

import signal
import subprocess
import sys

import anthropic
import openai
import pytest

from llm_gateway.simulator import running_simulator
from simulator.support import CHAT, chat, exchange, post

SERVE = """
from llm_gateway.simulator import SimulatorOptions, serve
serve(SimulatorOptions(seed=2), announce=lambda url: print(url, flush=True))
"""


def test_thread_is_over_after_the_block():
    """Outside its block the simulator refuses connections."""
    with running_simulator() as simulator:
        assert exchange(simulator.url, post(CHAT, chat())).status == 200
    with pytest.raises(ConnectionRefusedError):
        exchange(simulator.url, post(CHAT, chat()))


def test_a_taken_port_is_an_error_here():
    """What goes wrong in the thread is raised where the block is entered."""
    with running_simulator() as simulator, pytest.raises(OSError, match="in use"), running_simulator(port=simulator.port):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_with_a_signal(number):
    """serve announces its URL, answers, and ends with status 0."""
    with subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        assert exchange(url, post(CHAT, chat())).status == 200
        process.send_signal(number)
        assert process.wait(5) == 0


def test_openai_sdk(simulator):
    """The official client understands whole answers, streams, embeddings, models and errors."""
    with openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="sk-x", max_retries=0) as client:
        whole = client.chat.completions.create(**chat("hello"))
        streamed = client.chat.completions.create(**chat("hello"), stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == whole.choices[0].message.content
        assert len(client.embeddings.create(model="m", input="x", dimensions=8).data[0].embedding) == 8
        assert any(model.id == "gpt-4o" for model in client.models.list())
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(**chat(model="m@@429"))


def test_anthropic_sdk(simulator):
    """The official client understands whole answers, streams with thinking and tools, counting and errors."""
    tool = {"name": "f", "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}
    question = {"model": "m", "messages": [{"role": "user", "content": "call f"}], "tools": [tool]}
    with anthropic.Anthropic(base_url=simulator.url, api_key="sk-x", max_retries=0) as client:
        whole = client.messages.create(**question, max_tokens=100)
        with client.messages.stream(**question, max_tokens=2000, thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
            final = stream.get_final_message()
        assert [block.type for block in final.content] == ["thinking", "tool_use"]
        assert final.content[1].input == whole.content[0].input == {"n": 0}
        assert client.messages.count_tokens(**question).input_tokens == whole.usage.input_tokens
        with pytest.raises(anthropic.APIStatusError) as caught:
            client.messages.create(**{**question, "model": "m@@529"}, max_tokens=9)
        assert caught.value.status_code == 529
