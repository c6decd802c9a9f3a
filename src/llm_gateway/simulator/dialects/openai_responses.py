"""POST /responses as OpenAI answers it (platform.openai.com/docs/api-reference/responses). Nothing is stored: an earlier
response that a request names is taken as known, and what was said in it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llm_gateway.simulator.dialects.anthropic_messages import signature
from llm_gateway.simulator.dialects.base import Dialect, Event, Reply, named
from llm_gateway.simulator.dialects.openai_common import chat_logprobs
from llm_gateway.simulator.dialects.openai_responses_request import read
from llm_gateway.simulator.names import created, identifier
from llm_gateway.simulator.problems import Front
from llm_gateway.simulator.script import Ask, Call, Say, Script, cached_tokens, call_tokens
from llm_gateway.simulator.tokens import pieces

Item = dict[str, Any]
Step = tuple[str, dict[str, Any], int]  # an event's type, its fields, its tokens


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """The whole response."""
    ask, digest = read(request), script.digest(request)
    say = script.say(ask, digest)
    return Reply(_finished(request, ask, say, digest), say.tokens)


def stream(script: Script, request: Mapping[str, Any]) -> list[Event]:
    """The same response as events, numbered, one token in each delta."""
    ask, digest = read(request), script.digest(request)
    say = script.say(ask, digest)
    begun = _frame(request, ask, digest)
    steps: list[Step] = [(f"response.{name}", {"response": begun}, 0) for name in ("created", "in_progress")]
    for index, item in enumerate(_items(request, say, digest)):
        steps += ((kind, {"output_index": index, **fields}, tokens) for kind, fields, tokens in _item_steps(item, say))
    finished = _finished(request, ask, say, digest)
    steps.append((f"response.{finished['status']}", {"response": finished}, 0))
    events, silent = [], 0 if _summary(request) else len(say.thinking)
    for number, (kind, fields, tokens) in enumerate(steps):
        paced = tokens + silent if tokens or number == len(steps) - 1 else 0  # thinking that is not shown takes its time
        silent = 0 if paced else silent
        if kind.endswith(".delta"):
            fields["obfuscation"] = digest[: 1 + number % 16]
        events.append(named(kind, {"type": kind, "sequence_number": number, **fields}, paced))
    return events


DIALECT = Dialect(name="openai_responses", front=Front.RESPONSES, path="/responses", reply=reply, stream=stream)


# ---- the response around the items


def _finished(request: Mapping[str, Any], ask: Ask, say: Say, digest: str) -> dict[str, Any]:
    document = _frame(request, ask, digest)
    document["output"] = _items(request, say, digest)
    document["usage"] = {
        "input_tokens": ask.prompt_tokens,
        "input_tokens_details": {"cached_tokens": cached_tokens(ask)},
        "output_tokens": say.tokens,
        "output_tokens_details": {"reasoning_tokens": len(say.thinking)},
        "total_tokens": ask.prompt_tokens + say.tokens,
    }
    if say.finish == "length":
        return {**document, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    return {**document, "status": "completed", "completed_at": document["created_at"] + 1}


def _frame(request: Mapping[str, Any], ask: Ask, digest: str) -> dict[str, Any]:
    """The response as it begins: what was asked for, or the default in its place."""
    wanted = request.get("text") or {}
    reasoning = request.get("reasoning") or {}
    return {
        "id": identifier("resp_", digest),
        "object": "response",
        "created_at": created(digest),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": request.get("instructions"),
        "max_output_tokens": ask.limit,
        "max_tool_calls": None,
        "model": ask.model,
        "output": [],
        "parallel_tool_calls": ask.parallel,
        "previous_response_id": request.get("previous_response_id"),
        "prompt_cache_key": request.get("prompt_cache_key"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "safety_identifier": None,
        "service_tier": "default",
        "store": request.get("store") is not False,
        "temperature": request.get("temperature", 1.0),
        "text": {"format": wanted.get("format") or {"type": "text"}, "verbosity": wanted.get("verbosity", "medium")},
        "tool_choice": request.get("tool_choice") or "auto",
        "tools": [_tool(tool) for tool in request.get("tools") or ()],
        "top_logprobs": request.get("top_logprobs") or 0,
        "top_p": request.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": request.get("metadata") or {},
    }


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool["type"] != "function":
        return dict(tool)
    return {"description": None, "parameters": None, "strict": True, **tool}


def _summary(request: Mapping[str, Any]) -> bool:
    return bool((request.get("reasoning") or {}).get("summary"))


# ---- the items


def _items(request: Mapping[str, Any], say: Say, digest: str) -> list[Item]:
    items: list[Item] = []
    if say.thinking:
        items.append(_reasoning(request, say, digest))
    if say.text or not (say.calls or (say.thinking and say.finish == "length")):
        items.append(_message(request, say, digest))
    return items + [_function_call(call) for call in say.calls]


def _reasoning(request: Mapping[str, Any], say: Say, digest: str) -> Item:
    text = "".join(say.thinking)
    summary = [{"type": "summary_text", "text": text}] if _summary(request) else []
    item: Item = {"id": identifier("rs_", digest), "type": "reasoning", "summary": summary}
    if "reasoning.encrypted_content" in (request.get("include") or ()):
        item["encrypted_content"] = signature(f"{digest}:reasoning")
    return item


def _message(request: Mapping[str, Any], say: Say, digest: str) -> Item:
    text = "".join(say.text)
    part: Item = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    if "message.output_text.logprobs" in (request.get("include") or ()):
        top = request.get("top_logprobs")
        part["logprobs"] = chat_logprobs(say.text, 0, top if isinstance(top, int) and 0 <= top <= 20 else 0, digest)
    if say.finish == "refusal":
        part = {"type": "refusal", "refusal": text}
    status = "incomplete" if say.finish == "length" else "completed"
    return {"id": identifier("msg_", digest), "type": "message", "status": status, "content": [part], "role": "assistant"}


def _function_call(call: Call) -> Item:
    said = {"arguments": call.arguments, "call_id": f"call_{call.id}", "name": call.name}
    return {"id": f"fc_{call.id}", "type": "function_call", "status": "completed", **said}


# ---- the events of an item


def _item_steps(item: Item, say: Say) -> Iterator[Step]:
    """From response.output_item.added to response.output_item.done."""
    yield "response.output_item.added", {"item": _begun(item)}, 0
    steps = {"reasoning": _reasoning_steps, "message": _message_steps, "function_call": _call_steps}[item["type"]]
    for kind, fields, tokens in steps(item, say):
        yield f"response.{kind}", {"item_id": item["id"], **fields}, tokens
    yield "response.output_item.done", {"item": item}, 0


def _begun(item: Item) -> Item:
    match item["type"]:
        case "message":
            return {**item, "status": "in_progress", "content": []}
        case "function_call":
            return {**item, "status": "in_progress", "arguments": ""}
        case _:
            return {**item, "summary": []}


def _reasoning_steps(item: Item, say: Say) -> Iterator[Step]:
    for part in item["summary"]:
        place = {"summary_index": 0}
        yield "reasoning_summary_part.added", {**place, "part": {**part, "text": ""}}, 0
        for word in say.thinking:
            yield "reasoning_summary_text.delta", {**place, "delta": word}, 1
        yield "reasoning_summary_text.done", {**place, "text": part["text"]}, 0
        yield "reasoning_summary_part.done", {**place, "part": part}, 0


def _message_steps(item: Item, say: Say) -> Iterator[Step]:
    place = {"content_index": 0}
    part = item["content"][0]
    if part["type"] == "refusal":
        yield "content_part.added", {**place, "part": {**part, "refusal": ""}}, 0
        for word in say.text:
            yield "refusal.delta", {**place, "delta": word}, 1
        yield "refusal.done", {**place, "refusal": part["refusal"]}, 0
    else:
        yield "content_part.added", {**place, "part": {**part, "text": "", "logprobs": []}}, 0
        for number, word in enumerate(say.text):
            yield "output_text.delta", {**place, "delta": word, "logprobs": part["logprobs"][number : number + 1]}, 1
        yield "output_text.done", {**place, "text": part["text"], "logprobs": part["logprobs"]}, 0
    yield "content_part.done", {**place, "part": part}, 0


def _call_steps(item: Item, say: Say) -> Iterator[Step]:
    call = next(call for call in say.calls if f"fc_{call.id}" == item["id"])
    words = pieces(call.arguments)
    first = call_tokens(call) - len(words)
    for word in words:
        yield "function_call_arguments.delta", {"delta": word}, 1 + first
        first = 0
    yield "function_call_arguments.done", {"name": call.name, "arguments": call.arguments}, 0
