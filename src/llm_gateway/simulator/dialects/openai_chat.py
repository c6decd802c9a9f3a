"""POST /chat/completions as OpenAI answers it (platform.openai.com/docs/api-reference/chat)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from llm_gateway.simulator.dialects.base import DONE, Dialect, Event, Reply, data
from llm_gateway.simulator.dialects.openai_common import (
    chat_logprobs,
    choices_of,
    integer_of,
    number_in,
    stop_of,
    text_of,
    usage,
    wants_usage,
)
from llm_gateway.simulator.names import created, identifier
from llm_gateway.simulator.problems import Front, missing, out_of_range, wrong_type
from llm_gateway.simulator.script import Ask, Call, Say, Script, Tool, cached_tokens, call_tokens
from llm_gateway.simulator.tokens import IMAGE_TOKENS, MESSAGE_TOKENS, estimate, pieces

FINISH = {"stop": "stop", "sequence": "stop", "refusal": "stop", "length": "length", "tool": "tool_calls"}
ROLES = ("assistant", "developer", "function", "system", "tool", "user")


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """The whole completion."""
    ask, digest = read(request), script.digest(request)
    said = [script.say(ask, digest, index) for index in range(choices_of(request))]
    choices = [_choice(script, request, say, index, digest) for index, say in enumerate(said)]
    document = {**_frame(ask, digest), "object": "chat.completion", "choices": choices, "usage": _usage(ask, said)}
    return Reply(document, sum(say.tokens for say in said))


def stream(script: Script, request: Mapping[str, Any]) -> list[Event]:
    """The same completion as chunks, one token each; a chunk of usage when stream_options asks for it."""
    ask, digest = read(request), script.digest(request)
    said = [script.say(ask, digest, index) for index in range(choices_of(request))]
    frame: dict[str, Any] = {**_frame(ask, digest), "object": "chat.completion.chunk"}
    if wants_usage(request):
        frame["usage"] = None
    events: list[Event] = []
    for index, say in enumerate(said):
        for delta, finish, logprobs, tokens in _deltas(script, request, say, f"{digest}:{index}"):
            choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
            events.append(data({**frame, "choices": [choice]}, tokens))
    if wants_usage(request):
        events.append(data({**frame, "choices": [], "usage": _usage(ask, said)}))
    return [*events, DONE]


DIALECT = Dialect(name="openai_chat", front=Front.OPENAI, path="/chat/completions", reply=reply, stream=stream)


# ---- the request


def read(request: Mapping[str, Any]) -> Ask:
    """What the request asks for; raises Problem where OpenAI would refuse it."""
    model = text_of(request, "model")
    messages = _messages(request)
    number_in(request, "temperature", 0, 2)
    number_in(request, "top_p", 0, 1)
    last = max((i for i, m in enumerate(messages) if m["role"] == "user"), default=len(messages) - 1)
    sizes = [_size(message) for message in messages]
    tools = _tools(request)
    prompt = sum(sizes) + estimate(msgspec.json.encode(request.get("tools") or "").decode())
    text, images, files = _content(messages[last])
    limit = integer_of(request, "max_completion_tokens", 1, 10_000_000)
    schema, json_mode = _format(request)
    return Ask(
        model=model,
        text=text,
        prompt_tokens=prompt,
        earlier_tokens=prompt - sizes[last],
        images=images,
        files=files,
        tools=tools,
        choice=_choice_of(request, tools),
        parallel=request.get("parallel_tool_calls") is not False,
        results=tuple(_content(m)[0] for m in messages[last + 1 :] if m["role"] == "tool"),
        limit=limit if limit is not None else integer_of(request, "max_tokens", 1, 10_000_000),
        stop=stop_of(request),
        schema=schema,
        json_mode=json_mode,
        thinking=request.get("reasoning_effort") not in (None, "none"),
    )


def _messages(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    messages = request.get("messages")
    if messages is None:
        raise missing("messages", Front.OPENAI)
    if not isinstance(messages, list):
        raise wrong_type("messages", "array of objects", Front.OPENAI)
    if not messages:
        raise out_of_range("messages", "empty array. Expected an array with minimum length 1", Front.OPENAI)
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            raise wrong_type(f"messages[{index}]", "object", Front.OPENAI)
        if message.get("role") not in ROLES:
            known = ", ".join(ROLES)
            raise out_of_range(f"messages[{index}].role", f"supported values are {known}", Front.OPENAI)
        if not isinstance(message.get("content"), str | list | None):
            raise wrong_type(f"messages[{index}].content", "string or array of objects", Front.OPENAI)
    return messages


def _content(message: Mapping[str, Any]) -> tuple[str, int, int]:
    """Text, number of images, number of files of one message."""
    content = message.get("content")
    if isinstance(content, str) or content is None:
        return content or "", 0, 0
    parts = [part for part in content if isinstance(part, dict)]
    text = "".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")
    kinds = [part.get("type") for part in parts]
    return text, kinds.count("image_url"), kinds.count("file") + kinds.count("input_audio")


def _size(message: Mapping[str, Any]) -> int:
    text, images, files = _content(message)
    calls = message.get("tool_calls")
    called = estimate(msgspec.json.encode(calls).decode()) if calls else 0
    return MESSAGE_TOKENS + estimate(text) + called + (images + files) * IMAGE_TOKENS


def _tools(request: Mapping[str, Any]) -> tuple[Tool, ...]:
    tools = request.get("tools")
    if tools is None:
        return ()
    if not isinstance(tools, list):
        raise wrong_type("tools", "array of objects", Front.OPENAI)
    found = []
    for index, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise missing(f"tools[{index}].function.name", Front.OPENAI)
        found.append(Tool(name=function["name"], schema=function.get("parameters")))
    return tuple(found)


def _choice_of(request: Mapping[str, Any], tools: tuple[Tool, ...]) -> str:
    choice = request.get("tool_choice")
    if choice is None:
        return "auto"
    if not tools:
        raise out_of_range("tool_choice", "only allowed when 'tools' are specified", Front.OPENAI)
    if isinstance(choice, dict):
        function = choice.get("function")
        return str(function.get("name")) if isinstance(function, dict) else "any"
    if choice not in ("auto", "none", "required"):
        raise out_of_range("tool_choice", "supported values are none, auto, required", Front.OPENAI)
    return "any" if choice == "required" else str(choice)


def _format(request: Mapping[str, Any]) -> tuple[Any, bool]:
    wanted = request.get("response_format")
    if not isinstance(wanted, dict):
        return None, False
    if wanted.get("type") == "json_schema":
        inner = wanted.get("json_schema")
        if not isinstance(inner, dict):
            raise missing("response_format.json_schema", Front.OPENAI)
        return inner.get("schema", True), False
    return None, wanted.get("type") == "json_object"


# ---- the answer


def _frame(ask: Ask, digest: str) -> dict[str, Any]:
    return {
        "id": identifier("chatcmpl-", digest),
        "object": "",
        "created": created(digest),
        "model": ask.model,
        "service_tier": "default",
        "system_fingerprint": f"fp_{digest[:10]}",
    }


def _usage(ask: Ask, said: list[Say]) -> dict[str, Any]:
    total, thought = sum(say.tokens for say in said), sum(len(say.thinking) for say in said)
    return usage(ask.prompt_tokens, total, cached=cached_tokens(ask), reasoning=thought)


def _top(request: Mapping[str, Any]) -> int | None:
    return (integer_of(request, "top_logprobs", 0, 20) or 0) if request.get("logprobs") is True else None


def _choice(script: Script, request: Mapping[str, Any], say: Say, index: int, digest: str) -> dict[str, Any]:
    text, refused = "".join(say.text), say.finish == "refusal"
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if say.calls or refused else text,
        "refusal": text if refused else None,
        "annotations": [],
    }
    if say.thinking and script.reasoning_content:
        message["reasoning_content"] = "".join(say.thinking)
    if say.calls:
        message["tool_calls"] = [_call(call) for call in say.calls]
    top, logprobs = _top(request), None
    if top is not None:
        part = chat_logprobs(say.text, 0, top, f"{digest}:{index}")
        logprobs = {"content": None if refused else part, "refusal": part if refused else None}
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": FINISH[say.finish]}


def _call(call: Call) -> dict[str, Any]:
    return {"id": f"call_{call.id}", "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


Delta = tuple[dict[str, Any], str | None, Any, int]


def _deltas(script: Script, request: Mapping[str, Any], say: Say, digest: str) -> list[Delta]:
    """The (delta, finish_reason, logprobs, tokens) of one choice, in order."""
    opening = {"role": "assistant", "content": None if say.calls else "", "refusal": None}
    deltas: list[Delta] = [(opening, None, None, 0)]
    thinking = [({"reasoning_content": word}, None, None, 1) for word in say.thinking]
    silent = len(say.thinking)
    if script.reasoning_content:
        deltas += thinking
        silent = 0
    field, top = ("refusal" if say.finish == "refusal" else "content"), _top(request)
    for index, word in enumerate(say.text):
        part = chat_logprobs([word], index, top, digest) if top is not None else None
        logprobs = part and {"content": None, "refusal": None, field: part}
        deltas.append(({field: word}, None, logprobs, 1 + silent))  # reasoning that is not shown still takes its time
        silent = 0
    for number, call in enumerate(say.calls):
        start = {**_call(call), "index": number, "function": {"name": call.name, "arguments": ""}}
        words = pieces(call.arguments)
        deltas.append(({"tool_calls": [start]}, None, None, call_tokens(call) - len(words) + silent))
        silent = 0
        for word in words:
            deltas.append(({"tool_calls": [{"index": number, "function": {"arguments": word}}]}, None, None, 1))
    return [*deltas, ({}, FINISH[say.finish], None, silent)]
