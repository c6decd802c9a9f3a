"""POST /v2/chat as Cohere answers it (docs.cohere.com/reference/chat), whole and as events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.base import DONE, Dialect, Event, Reply, named
from llm_gateway.simulator.dialects.cohere_request import read
from llm_gateway.simulator.names import uuid_of
from llm_gateway.simulator.problems import Front
from llm_gateway.simulator.script import Ask, Call, Say, Script, cached_tokens, call_tokens, logprob
from llm_gateway.simulator.tokens import pieces

PREAMBLE_TOKENS = 120  # read by the model and not billed


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """The whole message."""
    ask, digest = read(request), script.digest(request)
    say = script.say(ask, digest)
    plan = _plan(say)
    message: dict[str, Any] = {"role": "assistant"}
    if content := [block for block, _ in _blocks(say)]:
        message["content"] = content
    if plan:
        message["tool_plan"] = "".join(plan)
    if say.calls:
        message["tool_calls"] = [_call(call) for call in say.calls]
    document: dict[str, Any] = {
        "id": uuid_of(digest),
        "message": message,
        "finish_reason": _finish(say),
        "usage": _usage(ask, say, plan),
    }
    if request.get("logprobs") is True:
        document["logprobs"] = [_logprob(word, index, digest) for index, word in enumerate(say.text)]
    return Reply(document, say.tokens + len(plan))


def stream(script: Script, request: Mapping[str, Any]) -> list[Event]:
    """The same message as events, one token each."""
    ask, digest = read(request), script.digest(request)
    say = script.say(ask, digest)
    plan = _plan(say)
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    start = {"id": uuid_of(digest), "type": "message-start", "delta": {"message": empty}}
    events = [named("message-start", start)]
    for index, (block, words) in enumerate(_blocks(say)):
        kind = block["type"]
        events.append(_event("content-start", index, {"content": {"type": kind, kind: ""}}))
        for number, word in enumerate(words):
            asked = kind == "text" and request.get("logprobs") is True
            extra = {"logprobs": _logprob(word, number, digest)} if asked else {}
            events.append(_event("content-delta", index, {"content": {kind: word}}, 1, **extra))
        events.append(named("content-end", {"type": "content-end", "index": index}))
    for word in plan:
        delta = {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": word}}}
        events.append(named("tool-plan-delta", delta, 1))
    for index, call in enumerate(say.calls):
        events += _call_events(index, call)
    end = {"finish_reason": _finish(say), "usage": _usage(ask, say, plan)}
    return [*events, named("message-end", {"type": "message-end", "delta": end}), DONE]


DIALECT = Dialect(name="cohere_chat", front=Front.COHERE, path="/chat", reply=reply, stream=stream)


def _event(name: str, index: int, message: dict[str, Any], tokens: int = 0, **extra: Any) -> Event:
    return named(name, {"type": name, "index": index, "delta": {"message": message}, **extra}, tokens)


def _blocks(say: Say) -> list[tuple[dict[str, Any], tuple[str, ...]]]:
    """Each block of content, whole, with the words that make it up."""
    said = (("thinking", say.thinking), ("text", say.text))
    return [({"type": kind, kind: "".join(words)}, words) for kind, words in said if words]


def _plan(say: Say) -> list[str]:
    """Why the tools are called; models that think say so in their thinking."""
    if not say.calls or say.thinking:
        return []
    return pieces(f"I will call {' and '.join(call.name for call in say.calls)}.")


def _call(call: Call) -> dict[str, Any]:
    said = {"name": call.name, "arguments": call.arguments}
    return {"id": f"{call.name}_{call.id[:12]}", "type": "function", "function": said}


def _call_events(index: int, call: Call) -> list[Event]:
    words = pieces(call.arguments)
    start = {**_call(call), "function": {"name": call.name, "arguments": ""}}
    events = [_event("tool-call-start", index, {"tool_calls": start}, call_tokens(call) - len(words))]
    events += [_event("tool-call-delta", index, {"tool_calls": {"function": {"arguments": word}}}, 1) for word in words]
    return [*events, named("tool-call-end", {"type": "tool-call-end", "index": index})]


def _finish(say: Say) -> str:
    match say.finish:
        case "sequence":
            return "STOP_SEQUENCE"
        case "length":
            return "MAX_TOKENS"
        case "tool":
            return "TOOL_CALL"
        case _:
            return "COMPLETE"


def _usage(ask: Ask, say: Say, plan: list[str]) -> dict[str, Any]:
    """Two counts: what is billed, and what the model read and wrote."""
    written = say.tokens + len(plan)
    tokens = {"input_tokens": ask.prompt_tokens + PREAMBLE_TOKENS, "output_tokens": written}
    if say.thinking:
        tokens["reasoning_tokens"] = len(say.thinking)
    billed = {"input_tokens": ask.prompt_tokens, "output_tokens": written}
    return {"billed_units": billed, "tokens": tokens, "cached_tokens": cached_tokens(ask)}


def _logprob(word: str, index: int, digest: str) -> dict[str, Any]:
    return {"text": word, "token_ids": [index + 1], "logprobs": [logprob(digest, index)]}
