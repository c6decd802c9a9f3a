"""Items of the input, wire to neutral.

The API's conversation is a flat list; others have turns. What the model said in one turn (reasoning, text, calls) becomes one
assistant message, since other APIs demand the results of all its calls right behind it. Two messages of the assistant in a row
stay two, unless calls stand before them.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import Message, Opaque, Part, Refusal, Role, Text, ToolCall, ToolResult
from llm_gateway.dialects.invalid import refuse
from llm_gateway.dialects.openai_responses.parts_in import PartsIn
from llm_gateway.dialects.openai_responses.sealed import ReasoningItem, unwrap
from llm_gateway.dialects.openai_responses.wire import CALLS, MESSAGE, NAME, OUTPUTS, ROLES, ItemWire, PartWire

_SIDE_OF_USER = ("_output", "_approval_response")
"""How the kinds of items end, of those that we do not know, that a caller adds to a conversation."""


class ItemsIn:
    """Parses the items of one request; `extra` is given what has no neutral place."""

    def __init__(self, extra: dict[str, Raw]) -> None:
        self._parts = PartsIn(extra)
        self._messages: list[Message] = []
        self._places: list[tuple[str, ...]] = []
        self._turn: list[Part] = []
        self._turn_places: list[str] = []

    def parse(self, instructions: str | None, given: str | list[ItemWire] | None) -> None:
        if instructions is not None:
            self._add("system", (Text(instructions),), ("instructions",))
        if isinstance(given, str):
            self._add("user", (Text(given),), ("input",))
            return
        for index, item in enumerate(given or ()):
            self._item(item, f"input[{index}]")
        self._end_turn()

    def result(self) -> tuple[tuple[Message, ...], tuple[tuple[str, ...], ...]]:
        """The messages, and ChatRequest.places."""
        return tuple(self._messages), tuple(self._places)

    def _item(self, item: ItemWire, path: str) -> None:
        kind = item.type or MESSAGE
        if kind == MESSAGE:
            self._message(item, path)
        elif kind in CALLS:
            self._said(_call(item, kind, path), path)
        elif kind in OUTPUTS:
            parts, _ = self._parts.parse_all(item.output, f"{path}.output")
            self._add("tool", (ToolResult(_needed(item.call_id, path, "call_id"), parts),), (path,))
        elif kind == "reasoning":
            self._said(unwrap(reasoning_item(item)), path)
        else:
            part = Opaque(NAME, item.kind or "", item.raw)
            if part.kind.endswith(_SIDE_OF_USER):
                self._add("user", (part,), (path,))
            else:
                self._said(part, path)

    def _message(self, item: ItemWire, path: str) -> None:
        role: Any = item.role
        if role not in ROLES:
            raise refuse(f"{path}.role", "it must be user, assistant, system or developer", None if role else "missing_field")
        if item.content is None:
            raise refuse(f"{path}.content", "it is required", "missing_field")
        parts, places = self._parts.parse_all(item.content, f"{path}.content")
        if role != "assistant":
            self._add(role, parts, places)
            return
        turn = self._turn
        if turn and isinstance(turn[-1], Text | Refusal) and not any(isinstance(part, ToolCall) for part in turn):
            self._end_turn()
        turn = self._turn
        turn += parts
        self._turn_places += places
        if not parts:
            self._end_turn()
            self._add(role, (), ())

    def _said(self, part: Part, path: str) -> None:
        """More of the assistant's turn."""
        self._turn.append(part)
        self._turn_places.append(path)

    def _add(self, role: Role, parts: tuple[Part, ...], places: tuple[str, ...]) -> None:
        self._end_turn()
        self._messages.append(Message(role, parts))
        self._places.append(places)

    def _end_turn(self) -> None:
        if self._turn:
            self._messages.append(Message("assistant", tuple(self._turn)))
            self._places.append(tuple(self._turn_places))
            self._turn = []
            self._turn_places = []


def reasoning_item(item: ItemWire) -> ReasoningItem:
    return ReasoningItem(item.id or "", _texts(item.summary), _texts(item.content), item.encrypted_content)


def _texts(parts: str | list[PartWire] | None) -> tuple[str, ...]:
    if isinstance(parts, str):
        return (parts,)
    return tuple([part.text or "" for part in parts or ()])


def _call(item: ItemWire, kind: str, path: str) -> ToolCall:
    said = item.arguments if kind == "function_call" else item.input
    return ToolCall(
        _needed(item.call_id, path, "call_id"),
        _needed(item.name, path, "name"),
        _needed(said, path, CALLS[kind]),
        custom=kind == "custom_tool_call",
    )


def _needed(value: str | None, path: str, name: str) -> str:
    if value is None:
        raise refuse(f"{path}.{name}", "it is required", "missing_field")
    return value
