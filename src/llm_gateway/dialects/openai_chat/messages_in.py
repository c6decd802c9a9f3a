"""Messages, wire to neutral. One message stays one message, so that paths in `extra` keep their meaning."""

from __future__ import annotations

from typing import Any

from msgspec import Raw, structs

from llm_gateway.core.chat import (
    Audio,
    CacheMark,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from llm_gateway.core.json import encode
from llm_gateway.dialects.openai_chat import wire
from llm_gateway.dialects.openai_chat.parts_in import mark, parse_part
from llm_gateway.dialects.openai_chat.reasoning import parse_reasoning
from llm_gateway.dialects.openai_chat.wire import MessageWire


class Messages:
    """Parses the messages of one request; `extra` is given what has no neutral place."""

    def __init__(self, extra: dict[str, Raw]) -> None:
        self._extra = extra
        self._function_ids: dict[str, str] = {}  # functions, before tools, had no ids: the last call of each name

    def parse(self, messages: list[MessageWire]) -> tuple[Message, ...]:
        out: list[Message] = []
        for index, message in enumerate(messages):
            role, content, name = message.role, message.content, message.name
            if role == "tool" or role == "function":  # noqa: PLR1714 - a set would tell mypy nothing
                out.append(self._returned(message, index))
            elif message == MessageWire(role, content, name):  # nothing else in it: the usual case
                parts = (Text(content),) if type(content) is str else tuple(_content(message, index))
                out.append(Message(role, parts, name))
            else:
                out.append(Message(role, tuple(self._parts(message, index)), name))
        return tuple(out)

    def _returned(self, message: MessageWire, index: int) -> Message:
        """What a tool returned, or a function, which has a name instead of an id."""
        if message.role == "tool":
            call = message.tool_call_id or ""
        else:
            name = message.name or ""
            call = self._function_ids.get(name, name)
        parts = tuple(_content(message, index)) if message.content else ()
        return Message("tool", (ToolResult(call, parts, cache=mark(message.cache_control)),), message.name)

    def _parts(self, message: MessageWire, index: int) -> list[Part]:
        """The order of an answer: reasoning, foreign blocks, text, refusal, speech, calls."""
        if message.tool_call_id is not None:
            self._extra[f"messages[{index}].tool_call_id"] = Raw(encode(message.tool_call_id))
        parts = parse_reasoning(message.reasoning_content or message.reasoning, message.reasoning_details)
        if message.opaque_blocks:
            parts += [Opaque(block.dialect, block.kind, block.block) for block in message.opaque_blocks]
        if message.content != "" or not (
            message.tool_calls or message.function_call or message.refusal or message.audio or parts
        ):
            parts += _content(message, index)
        self._cite(parts, message, index)
        if message.refusal is not None:
            parts.append(Refusal(message.refusal))
        if message.audio is not None:
            spoken = message.audio
            parts.append(Audio(spoken.data or "", "", spoken.id, spoken.transcript, spoken.expires_at))
        if message.tool_calls:
            parts += [_call(call) for call in message.tool_calls]
        if message.function_call is not None:
            name = message.function_call.name
            self._function_ids[name] = f"call_{index}_{name}"
            parts.append(ToolCall(self._function_ids[name], name, arguments_of(message.function_call.arguments)))
        if message.cache_control is not None:
            _mark_last(parts, CacheMark(message.cache_control.ttl))
        return parts

    def _cite(self, parts: list[Part], message: MessageWire, index: int) -> None:
        """Sources belong to the text; to the last one, for the message does not say to which."""
        sources = message.citations or message.annotations
        if not sources:
            return
        for place in range(len(parts) - 1, -1, -1):
            part = parts[place]
            if isinstance(part, Text):
                parts[place] = structs.replace(part, citations=tuple(sources))
                return
        self._extra[f"messages[{index}].annotations"] = Raw(encode(sources))


def _content(message: MessageWire, index: int) -> list[Part]:
    content = message.content
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    return [parse_part(part, index, place) for place, part in enumerate(content)]


def arguments_of(arguments: str | dict[str, Any] | None) -> str:
    """As JSON text: some clients and servers send the object itself."""
    return encode(arguments).decode() if isinstance(arguments, dict) else arguments or ""


def _call(call: wire.ToolCallWire) -> ToolCall:
    cache = mark(call.cache_control)
    if call.custom is not None:
        return ToolCall(call.id or "", call.custom.name, call.custom.input, cache, custom=True)
    function = call.function or wire.Function()
    return ToolCall(call.id or "", function.name, arguments_of(function.arguments), cache)


def _mark_last(parts: list[Part], cache: CacheMark) -> None:
    """A mark on the message (LiteLLM's convention for string content) is a mark after its last part."""
    for place in range(len(parts) - 1, -1, -1):
        part = parts[place]
        if isinstance(part, Text | Image | Document | ToolCall | ToolResult):
            parts[place] = structs.replace(part, cache=cache)
            return
