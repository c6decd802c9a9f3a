"""POST /api/chat as Ollama answers it (docs.ollama.com/api/chat): lines of JSON unless the request says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from llm_gateway.simulator.dialects.base import Dialect, Event, Reply, line, unless_refused
from llm_gateway.simulator.dialects.checks import encoded_size, functions, objects, text
from llm_gateway.simulator.dialects.ollama_common import FRONT, ending, frame, loaded, manner
from llm_gateway.simulator.problems import out_of_range, wrong_type
from llm_gateway.simulator.script import Ask, Call, Script, call_tokens
from llm_gateway.simulator.shapes import Shape
from llm_gateway.simulator.tokens import IMAGE_TOKENS, MESSAGE_TOKENS, estimate

ROLES = ("system", "user", "assistant", "tool")


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """The whole answer."""
    digest = script.digest(request)
    ask = read(request)
    if ask is None:
        return Reply(loaded(request, digest, {"message": _message("")}))
    say = script.say(ask, digest)
    message = _message("".join(say.text), "".join(say.thinking), say.calls)
    return Reply({**frame(ask, digest), "message": message, **ending(ask, say, digest)}, say.tokens)


def stream(script: Script, request: Mapping[str, Any]) -> list[Event]:
    """The same as lines, one token each; all calls in one line; the last line has the counts."""
    digest = script.digest(request)
    ask = read(request)
    if ask is None:
        return [line(loaded(request, digest, {"message": _message("")}))]
    say, every = script.say(ask, digest), frame(ask, digest)
    lines = [line({**every, "message": _message("", word), "done": False}, 1) for word in say.thinking]
    lines += [line({**every, "message": _message(word), "done": False}, 1) for word in say.text]
    if say.calls:
        tokens = sum(call_tokens(call) for call in say.calls)
        lines.append(line({**every, "message": _message("", "", say.calls), "done": False}, tokens))
    return [*lines, line({**every, "message": _message(""), **ending(ask, say, digest)})]


DIALECT = Dialect(
    name="ollama_chat",
    front=FRONT,
    path="/api/chat",
    reply=reply,
    stream=stream,
    shape=Shape.NDJSON,
    streams=unless_refused,
)


def read(request: Mapping[str, Any]) -> Ask | None:
    """What the request asks for, None when it has no message; raises Problem where Ollama would refuse it."""
    model, messages, how = text(request, "model", FRONT), objects(request, "messages", FRONT), manner(request)
    if not messages:
        return None
    for index, message in enumerate(messages):
        if message.get("role") not in ROLES:
            raise out_of_range(f"messages[{index}].role", f"expected one of {', '.join(ROLES)}", FRONT)
        if not isinstance(message.get("content", ""), str):
            raise wrong_type("messages.content", "string", FRONT)
    last = max((i for i, message in enumerate(messages) if message["role"] == "user"), default=len(messages) - 1)
    sizes = [_size(message) for message in messages]
    prompt = sum(sizes) + encoded_size(request.get("tools"))
    return Ask(
        model=model,
        text=messages[last].get("content", ""),
        prompt_tokens=prompt,
        earlier_tokens=prompt - sizes[last],
        images=_images(messages[last]),
        tools=functions(request, FRONT),
        results=tuple(str(m.get("content", "")) for m in messages[last + 1 :] if m["role"] == "tool"),
        **how._asdict(),
    )


def _images(message: Mapping[str, Any]) -> int:
    images = message.get("images")
    return len(images) if isinstance(images, list) else 0


def _size(message: Mapping[str, Any]) -> int:
    said = estimate(message.get("content", "")) + encoded_size(message.get("tool_calls"))
    return MESSAGE_TOKENS + said + _images(message) * IMAGE_TOKENS


def _message(content: str, thinking: str = "", calls: tuple[Call, ...] = ()) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if thinking:
        message["thinking"] = thinking
    if calls:
        message["tool_calls"] = [_call(call, index) for index, call in enumerate(calls)]
    return message


def _call(call: Call, index: int) -> dict[str, Any]:
    """Arguments are an object here, not text."""
    function = {"index": index, "name": call.name, "arguments": msgspec.json.decode(call.arguments)}
    return {"id": f"call_{call.id[:8]}", "function": function}
