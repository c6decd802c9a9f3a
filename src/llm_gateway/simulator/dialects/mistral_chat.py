"""POST /chat/completions and /embeddings as Mistral answers them (https://docs.mistral.ai/api), where that is not as OpenAI does.

Members that it does not know are refused (422); a call is whole in one chunk; the last chunk of a stream has the usage, always.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from llm_gateway.simulator.dialects import openai_chat, openai_embeddings
from llm_gateway.simulator.dialects.base import DONE, Dialect, Event, Reply, data
from llm_gateway.simulator.names import identifier
from llm_gateway.simulator.problems import Front, Problem
from llm_gateway.simulator.script import Script

MEMBERS = frozenset(
    {
        "model",
        "temperature",
        "top_p",
        "max_tokens",
        "stream",
        "stop",
        "random_seed",
        "metadata",
        "messages",
        "response_format",
        "tools",
        "tool_choice",
        "presence_penalty",
        "frequency_penalty",
        "n",
        "prediction",
        "parallel_tool_calls",
        "prompt_mode",
        "reasoning_effort",
        "guardrails",
        "safe_prompt",
        "prompt_cache_key",
        "service_tier",
    }
)


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """The whole completion."""
    return openai_chat.reply(script, _as_openais(request))


def stream(script: Script, request: Mapping[str, Any]) -> list[Event]:
    """OpenAI's chunks with what Mistral does otherwise."""
    asked = {**_as_openais(request), "stream_options": {"include_usage": True}}
    *events, last, _ = openai_chat.stream(script, asked)
    usage = _document(last)["usage"]
    out: list[Event] = []
    calls: dict[int, dict[str, Any]] = {}
    held = 0
    for place, event in enumerate(events):
        chunk = _document(event)
        del chunk["usage"]
        (choice,) = chunk["choices"]
        pieces = choice["delta"].pop("tool_calls", ())
        for piece in pieces:
            known = calls.setdefault(piece["index"], {**piece, "function": {"name": "", "arguments": ""}})
            for name, text in piece["function"].items():
                known["function"][name] += text
        held += event.tokens if pieces else 0
        if choice["finish_reason"] is not None and calls:
            choice["delta"]["tool_calls"] = list(calls.values())
            calls = {}
        elif pieces and not choice["delta"]:
            continue
        if place == len(events) - 1:
            chunk["usage"] = usage
        out.append(data(chunk, event.tokens + held))
        held = 0
    return [*out, DONE]


def embed(script: Script, request: Mapping[str, Any]) -> Reply:
    """OpenAI's numbers; the size has another name, and there is an id."""
    asked = {name: value for name, value in request.items() if name != "output_dimension"}
    if request.get("output_dimension") is not None:
        asked["dimensions"] = request["output_dimension"]
    made = openai_embeddings.reply(script, asked)
    return made._replace(document={"id": identifier("", script.digest(request)), **made.document})


CHAT = Dialect(name="mistral_chat", front=Front.OPENAI, path="/chat/completions", reply=reply, stream=stream)
EMBEDDINGS = Dialect(name="mistral_embeddings", front=Front.OPENAI, path="/embeddings", reply=embed)


def _as_openais(request: Mapping[str, Any]) -> dict[str, Any]:
    """The same request in OpenAI's words. Raises Problem."""
    for name in request:
        if name not in MEMBERS:
            raise Problem(422, "Extra inputs are not permitted", param=name)
    out = {name: value for name, value in request.items() if name != "random_seed"}
    if out.get("tool_choice") == "any":
        out["tool_choice"] = "required"
    return out


def _document(event: Event) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(event.data.removeprefix(b"data: "))
    return document
