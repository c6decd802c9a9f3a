"""Bedrock's Converse and ConverseStream (API reference of Amazon Bedrock Runtime), the model in the path.

"[blocked]" is stopped by a guardrail, "[refuse]" filtered. Signatures of requests are not verified: there is no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from llm_gateway.simulator import frames
from llm_gateway.simulator.dialects.anthropic_messages import signature
from llm_gateway.simulator.dialects.base import Dialect, Event, Reply, always
from llm_gateway.simulator.dialects.bedrock_request import read
from llm_gateway.simulator.problems import Front
from llm_gateway.simulator.script import Ask, Call, Say, Script, call_tokens, share
from llm_gateway.simulator.shapes import Shape
from llm_gateway.simulator.tokens import pieces

PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
Deltas = list[tuple[dict[str, Any], int]]


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """The whole answer."""
    (ask, caching), digest = read(request), script.digest(request)
    say = script.say(ask, digest)
    document = {
        "metrics": _metrics(digest),
        "output": {"message": {"content": [block for block, _, _ in _blocks(ask, say, digest)], "role": "assistant"}},
        "stopReason": _stop(ask, say),
        "usage": _usage(ask, caching, say),
    }
    return Reply(document, say.tokens)


def stream(script: Script, request: Mapping[str, Any]) -> list[Event]:
    """The same as frames, one token each. Only a tool's block has a contentBlockStart, as on the real one."""
    (ask, caching), digest = read(request), script.digest(request)
    say = script.say(ask, digest)
    steps: list[tuple[str, dict[str, Any], int]] = [("messageStart", {"role": "assistant"}, 0)]
    for index, (_, start, deltas) in enumerate(_blocks(ask, say, digest)):
        place = {"contentBlockIndex": index}
        if start:
            steps.append(("contentBlockStart", {**place, "start": start}, 0))
        steps += [("contentBlockDelta", {**place, "delta": delta}, tokens) for delta, tokens in deltas]
        steps.append(("contentBlockStop", place, 0))
    steps.append(("messageStop", {"stopReason": _stop(ask, say)}, 0))
    steps.append(("metadata", {"metrics": _metrics(digest), "usage": _usage(ask, caching, say)}, 0))
    return [_frame(name, fields, tokens, digest, number) for number, (name, fields, tokens) in enumerate(steps)]


CONVERSE = Dialect(name="bedrock_converse", front=Front.BEDROCK, path="/model/{model}/converse", reply=reply)
STREAM = Dialect(
    name="bedrock_converse",
    front=Front.BEDROCK,
    path="/model/{model}/converse-stream",
    reply=reply,
    stream=stream,
    shape=Shape.FRAMES,
    streams=always,
)


def _frame(name: str, fields: dict[str, Any], tokens: int, digest: str, number: int) -> Event:
    """`p` is padding of a length that tells an eavesdropper nothing."""
    padding = PADDING[: 1 + int(share(digest, f"p{number}") * len(PADDING))]
    return Event(frames.event(name, msgspec.json.encode({**fields, "p": padding})), tokens)


def _blocks(ask: Ask, say: Say, digest: str) -> list[tuple[dict[str, Any], dict[str, Any], Deltas]]:
    """Each content block, whole, what it starts with in a stream, and the deltas that make it up."""
    blocks: list[tuple[dict[str, Any], dict[str, Any], Deltas]] = []
    if say.thinking:
        blocks.append(_thinking(say, digest))
        if "[redacted]" in ask.text:
            sealed = {"redactedContent": signature(f"{digest}:redacted")}
            blocks.append(({"reasoningContent": sealed}, {}, [({"reasoningContent": sealed}, 0)]))
    if say.text or not say.calls:
        blocks.append(({"text": "".join(say.text)}, {}, [({"text": word}, 1) for word in say.text]))
    return blocks + [_tool_use(call) for call in say.calls]


def _thinking(say: Say, digest: str) -> tuple[dict[str, Any], dict[str, Any], Deltas]:
    sealed = signature(f"{digest}:thinking")
    deltas: Deltas = [({"reasoningContent": {"text": word}}, 1) for word in say.thinking]
    deltas.append(({"reasoningContent": {"signature": sealed}}, 0))
    said = {"text": "".join(say.thinking), "signature": sealed}
    return {"reasoningContent": {"reasoningText": said}}, {}, deltas


def _tool_use(call: Call) -> tuple[dict[str, Any], dict[str, Any], Deltas]:
    known = {"name": call.name, "toolUseId": f"tooluse_{call.id[:22]}"}
    words = pieces(call.arguments)
    deltas: Deltas = [({"toolUse": {"input": word}}, 1) for word in words]
    deltas[0] = (deltas[0][0], 1 + call_tokens(call) - len(words))
    return {"toolUse": {**known, "input": msgspec.json.decode(call.arguments)}}, {"toolUse": known}, deltas


def _stop(ask: Ask, say: Say) -> str:
    if "[blocked]" in ask.text:
        return "guardrail_intervened"
    match say.finish:
        case "sequence":
            return "stop_sequence"
        case "length":
            return "max_tokens"
        case "tool":
            return "tool_use"
        case "refusal":
            return "content_filtered"
        case _:
            return "end_turn"


def _metrics(digest: str) -> dict[str, int]:
    return {"latencyMs": 300 + int(share(digest, "latency") * 1000)}


def _usage(ask: Ask, caching: tuple[int, int], say: Say) -> dict[str, Any]:
    """Disjoint classes: inputTokens are those neither written to the cache nor read from it."""
    written, found = caching
    usage: dict[str, Any] = {"inputTokens": ask.prompt_tokens - written - found, "outputTokens": say.tokens}
    if written or found:
        usage |= {"cacheReadInputTokens": found, "cacheWriteInputTokens": written}
    return {**usage, "serverToolUsage": {}, "totalTokens": ask.prompt_tokens + say.tokens}
