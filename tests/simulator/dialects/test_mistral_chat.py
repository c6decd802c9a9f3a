"""What Mistral does otherwise than OpenAI."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm_gateway.simulator.dialects.mistral_chat import embed, reply, stream
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script

TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("one", "two")]


def asked(**more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "hi, call one and call two"}], **more}


def test_a_stream() -> None:
    """Calls are whole, in one chunk, as in the whole answer; the last chunk has the usage."""
    request = asked(tools=TOOLS, random_seed=3)
    whole = reply(Script(), request).document["choices"][0]["message"]["tool_calls"]
    *events, done = stream(Script(), request)
    chunks = [msgspec.json.decode(event.data.removeprefix(b"data: ")) for event in events]
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert [call["function"] for call in calls] == [call["function"] for call in whole]
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk.get("usage")] == ["tool_calls"]
    assert b"[DONE]" in done.data


def test_text_streams_as_it_is() -> None:
    """Piece by piece."""
    *events, _ = stream(Script(), asked())
    chunks = [msgspec.json.decode(event.data.removeprefix(b"data: ")) for event in events]
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert text == reply(Script(), asked()).document["choices"][0]["message"]["content"]


def test_what_is_not_known_is_refused() -> None:
    """OpenAI's own members too; `any` is a word of Mistral's."""
    with pytest.raises(Problem) as refused:
        reply(Script(), asked(stream_options={"include_usage": True}))
    assert refused.value.status == 422
    assert reply(Script(), asked(tools=TOOLS, tool_choice="any")).document["choices"][0]["finish_reason"] == "tool_calls"


def test_embeddings() -> None:
    """With an id, and the size by Mistral's name."""
    made = embed(Script(), {"model": "m", "input": ["a"], "output_dimension": 8}).document
    assert made["id"]
    assert len(made["data"][0]["embedding"]) == 8
