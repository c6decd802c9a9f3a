"""Messages, wire to neutral. One message stays one message, so that paths in `extra` keep their meaning.

Calls and results of most clients have no ids: a call gets one from its place in the conversation, which stays the same in every
later request, and a result belongs to the first call of its tool that has no result yet.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.ollama_chat.media import parse_image
from llm_gateway.dialects.ollama_chat.opened import Opened
from llm_gateway.dialects.ollama_chat.sealed import Thought, open_thoughts, unseal
from llm_gateway.dialects.ollama_chat.wire import NAME, NULL, CallWire, FunctionCallWire, MessageWire

_QUOTE = b'"'[0]


class Messages:
    """Parses the messages of one request. `places` is ChatRequest.places."""

    def __init__(self, opened: Opened) -> None:
        self.places: list[tuple[str, ...]] = []
        self._opened = opened
        self._waiting: list[ToolCall] = []  # for their results

    def parse(self, messages: list[Raw]) -> tuple[Message, ...]:
        return tuple(self._message(raw, f"messages[{index}]", index) for index, raw in enumerate(messages))

    def _message(self, raw: Raw, path: str, index: int) -> Message:
        message = self._opened.take(raw, MessageWire, path)
        if message.role == "control":
            self.places.append((path,))
            return Message("system", (Opaque(NAME, "control", raw),))
        if message.role == "tool":
            self.places.append((path,))
            return self._returned(message, path, index)
        for name in ("tool_name", "tool_call_id"):
            value = getattr(message, name)
            if value is not None:
                self._opened.extra[f"{path}.{name}"] = Raw(encode(value))
        parts = self._parts(message, path, index)
        self.places.append(tuple(parts))
        return Message(message.role, tuple(parts.values()))

    def _parts(self, message: MessageWire, path: str, index: int) -> dict[str, Part]:
        """By their paths, in the order of an answer."""
        calls: dict[str, ToolCall] = {}
        carried: list[tuple[str, Thought]] = []
        for place, raw in enumerate(message.tool_calls or ()):
            where = f"{path}.tool_calls[{place}]"
            calls[where], thoughts = self._call(raw, where, f"call_{index}_{place}")
            carried += [(where, thought) for thought in thoughts]
        opened, rest = open_thoughts([thought for _, thought in carried], message.thinking or "")
        parts: dict[str, Part] = {}
        late: dict[str, dict[str, Part]] = {}
        for number, ((where, thought), reasoning) in enumerate(zip(carried, opened, strict=False)):
            found = {f"{where}.id#{number}.{place}": part for place, part in enumerate(reasoning)}
            into = late.setdefault(where, {}) if thought.late else parts
            into.update(found)
        if rest:
            parts[f"{path}.thinking"] = Reasoning(rest)
        if message.content or not (message.thinking or message.images or message.tool_calls):
            parts[f"{path}.content"] = Text(message.content or "")
        for place, image in enumerate(message.images or ()):
            parts[f"{path}.images[{place}]"] = parse_image(image)
        for where, call in calls.items():
            parts |= late.get(where, {})
            self._waiting.append(call)
            parts[where] = call
        return parts

    def _call(self, raw: Raw, path: str, ident: str) -> tuple[ToolCall, list[Thought]]:
        call = self._opened.take(raw, CallWire, path)
        function = self._opened.take(call.function, FunctionCallWire, f"{path}.function")
        given, thoughts = unseal(call.id or ident)
        return ToolCall(given or ident, function.name, arguments_of(function.arguments)), thoughts

    def _returned(self, message: MessageWire, path: str, index: int) -> Message:
        parts: list[Part] = [Text(message.content)] if message.content else []
        parts += [parse_image(image) for image in message.images or ()]
        given = None if message.tool_call_id is None else unseal(message.tool_call_id)[0]
        call = self._answered(given, message.tool_name)
        if call is None and message.tool_name is not None:
            self._opened.extra[f"{path}.tool_name"] = Raw(encode(message.tool_name))
        ident = given or (call.id if call else f"call_{index}")
        return Message("tool", (ToolResult(ident, tuple(parts)),))

    def _answered(self, ident: str | None, name: str | None) -> ToolCall | None:
        """The call that the result belongs to. It waits no longer."""
        for call in self._waiting:
            found = call.id == ident if ident is not None else name in {None, call.name}
            if found:
                self._waiting.remove(call)
                return call
        return None


def arguments_of(raw: Raw) -> str:
    """A call's arguments as JSON text: the object's own bytes, or what a client has put into a string. None are {}."""
    if raw == NULL:
        return "{}"
    data = bytes(raw)
    if data[0] != _QUOTE:
        return data.decode(errors="replace")
    try:
        return decode(data, str)
    except (ValueError, msgspec.ValidationError):
        return data.decode(errors="replace")
