"""POST /v1/messages and /v1/messages/count_tokens as Anthropic answers them (docs.anthropic.com/en/api/messages)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from llm_gateway.simulator.dialects.anthropic_request import read
from llm_gateway.simulator.dialects.base import Dialect, Event, Reply, named
from llm_gateway.simulator.names import identifier
from llm_gateway.simulator.problems import Front
from llm_gateway.simulator.script import Ask, Call, Say, Script, call_tokens
from llm_gateway.simulator.tokens import pieces

STOP = {"stop": "end_turn", "sequence": "stop_sequence", "refusal": "refusal", "length": "max_tokens", "tool": "tool_use"}


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """The whole message."""
    ask, caching = read(request)
    digest = script.digest(request)
    say = script.say(ask, digest)
    document = _message(ask, digest)
    document["content"] = [block for block, _ in _blocks(ask, say, digest)]
    document["stop_reason"], document["stop_sequence"] = STOP[say.finish], say.stop
    document["usage"] = {**_input_usage(ask, caching), "output_tokens": say.tokens, "service_tier": "standard"}
    return Reply(document, say.tokens)


def stream(script: Script, request: Mapping[str, Any]) -> list[Event]:
    """The same message as events: one block open at a time, one token in each delta."""
    ask, caching = read(request)
    digest = script.digest(request)
    say = script.say(ask, digest)
    start = _message(ask, digest)
    read_tokens = _input_usage(ask, caching)
    start["usage"] = {**read_tokens, "output_tokens": 1, "service_tier": "standard"}
    events = [named("message_start", {"type": "message_start", "message": start})]
    for index, (block, deltas) in enumerate(_blocks(ask, say, digest)):
        events.append(_event("content_block_start", index, content_block=_empty(block)))
        if index == 0:
            events.append(named("ping", {"type": "ping"}))
        events += [_event("content_block_delta", index, tokens, delta=delta) for delta, tokens in deltas]
        events.append(_event("content_block_stop", index))
    stop = {"stop_reason": STOP[say.finish], "stop_sequence": say.stop}
    shown = {name: read_tokens[name] for name in COUNTED}
    usage = {**shown, "output_tokens": say.tokens}
    events.append(named("message_delta", {"type": "message_delta", "delta": stop, "usage": usage}))
    return [*events, named("message_stop", {"type": "message_stop"})]


def count(_script: Script, request: Mapping[str, Any]) -> Reply:
    """What the same request would report as input tokens, cached ones included."""
    ask, _ = read({"max_tokens": 1, **request})
    return Reply({"input_tokens": ask.prompt_tokens})


MESSAGES = Dialect(name="anthropic_messages", front=Front.ANTHROPIC, path="/messages", reply=reply, stream=stream)
COUNT = Dialect(name="anthropic_count_tokens", front=Front.ANTHROPIC, path="/messages/count_tokens", reply=count)

COUNTED = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
Deltas = list[tuple[dict[str, Any], int]]


def _message(ask: Ask, digest: str) -> dict[str, Any]:
    return {
        "id": identifier("msg_01", digest),
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": None,
    }


def _input_usage(ask: Ask, caching: tuple[int, int]) -> dict[str, Any]:
    """Disjoint classes: fresh, written to the cache, read from it."""
    written, found = caching
    return {
        "input_tokens": ask.prompt_tokens - written - found,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": found,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
    }


def _event(name: str, index: int, tokens: int = 0, **fields: Any) -> Event:
    return named(name, {"type": name, "index": index, **fields}, tokens)


def _blocks(ask: Ask, say: Say, digest: str) -> list[tuple[dict[str, Any], Deltas]]:
    """Each content block, whole, with the deltas that make it up in a stream."""
    blocks = []
    if say.thinking:
        blocks.append(_thinking(say, digest))
        if "[redacted]" in ask.text:
            sealed = {"type": "redacted_thinking", "data": signature(f"{digest}:redacted")}
            blocks.append((sealed, []))
    if say.text or not say.calls:
        deltas: Deltas = [({"type": "text_delta", "text": word}, 1) for word in say.text]
        blocks.append(({"type": "text", "text": "".join(say.text)}, deltas))
    return blocks + [_tool_use(call) for call in say.calls]


def _thinking(say: Say, digest: str) -> tuple[dict[str, Any], Deltas]:
    sealed = signature(f"{digest}:thinking")
    deltas: Deltas = [({"type": "thinking_delta", "thinking": word}, 1) for word in say.thinking]
    deltas.append(({"type": "signature_delta", "signature": sealed}, 0))
    return {"type": "thinking", "thinking": "".join(say.thinking), "signature": sealed}, deltas


def _tool_use(call: Call) -> tuple[dict[str, Any], Deltas]:
    block = {"type": "tool_use", "id": f"toolu_01{call.id}", "name": call.name}
    words = pieces(call.arguments)
    deltas: Deltas = [({"type": "input_json_delta", "partial_json": ""}, call_tokens(call) - len(words))]
    deltas += [({"type": "input_json_delta", "partial_json": word}, 1) for word in words]
    return {**block, "input": msgspec.json.decode(call.arguments)}, deltas


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    """The block as content_block_start shows it: without what the deltas bring."""
    match block["type"]:
        case "text":
            return {"type": "text", "text": ""}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "tool_use":
            return {**block, "input": {}}
        case _:
            return block


def signature(source: str) -> str:
    """Opaque bytes as a provider seals its thinking with: must come back unchanged."""
    return base64.b64encode(hashlib.shake_128(source.encode()).digest(96)).decode()
