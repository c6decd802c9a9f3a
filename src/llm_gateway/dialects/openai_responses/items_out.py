"""Messages, neutral to wire: the items of an input."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from llm_gateway.core.chat import ChatRequest, Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from llm_gateway.core.json import decode
from llm_gateway.dialects.openai_chat.paths import Paths, Where
from llm_gateway.dialects.openai_responses.parts_out import PartsOut, plain
from llm_gateway.dialects.openai_responses.sealed import ReasoningItem, unseal
from llm_gateway.dialects.openai_responses.wire import NAME

_ITEM = re.compile(r"input\[(\d+)\]")


class ItemsOut:
    """Renders the messages of one request; `dropped` is given the paths of what could not be carried.

    `instructions`: what a caller of this dialect said there. `moved`: where each item of such a caller stands now.
    """

    def __init__(self, request: ChatRequest, dropped: list[str]) -> None:
        self.instructions: Any = None
        self.moved: dict[int, int] = {}
        self._request = request
        self._dropped = dropped
        self._own = request.dialect == NAME
        self._paths = Paths(request)
        self._parts = PartsOut(dropped, request.dialect)
        self._out: list[dict[str, Any]] = []
        self._custom: set[str] = set()

    def render(self) -> str | list[dict[str, Any]]:
        for index, message in enumerate(self._request.messages):
            if not self._own and self._is_plain(message):
                continue
            if message.name is not None:
                self._dropped.append(f"{self._paths.message(index)}.name")
            self._message(message, index)
        places = self._request.places
        if self._own and len(self._out) == 1 and places and places[-1] == ("input",):
            said: Any = self._out[0]["content"]
            return said if isinstance(said, str) else self._out
        return self._out

    def _place(self, index: int, place: int) -> str:
        """Of a part, in the caller's words."""
        places = self._request.places
        return places[index][place] if places else self._paths.part(index, place)

    def _is_plain(self, message: Message) -> bool:
        """Renders a message of one text and nothing else, which is what most are."""
        if len(message.parts) != 1 or message.role == "tool" or message.name is not None:
            return False
        part = message.parts[0]
        if type(part) is not Text or part.cache is not None or part.citations:
            return False
        self._out.append({"type": "message", "role": message.role, "content": part.text})
        return True

    def _message(self, message: Message, index: int) -> None:
        role = "user" if message.role == "tool" else message.role
        content: list[dict[str, Any]] = []
        before = ""
        for place, part in enumerate(message.parts):
            where = partial(self._place, index, place)
            here = where() if self._own else ""
            if _is_item(part, here):
                self._say(role, content, before)
                content = []
                item = self._item(part, where)
                if item is not None:
                    self._add(item, here)
                continue
            if content and _item_of(here) != _item_of(before):
                self._say(role, content, before)
                content = []
            rendered = self._parts.render(part, where, role)
            if rendered is not None:
                content.append(rendered)
                before = here
        self._say(role, content, before)
        if not message.parts and self._own:
            self._out.append({"type": "message", "role": role, "content": []})

    def _say(self, role: str, content: list[dict[str, Any]], place: str) -> None:
        if not content:
            return
        shown = content if self._own and place.endswith("]") else plain(content)
        if place == "instructions" and isinstance(shown, str):
            self.instructions = shown
        else:
            self._add({"type": "message", "role": role, "content": shown}, place)

    def _add(self, item: dict[str, Any], place: str) -> None:
        index = _item_of(place)
        if index is not None:
            self.moved[index] = len(self._out)
        self._out.append(item)

    def _item(self, part: Part, where: Where) -> dict[str, Any] | None:
        match part:
            case ToolCall():
                self._parts.name_mark(part, where)
                if part.custom:
                    self._custom.add(part.id)
                    return {"type": "custom_tool_call", "call_id": part.id, "name": part.name, "input": part.arguments}
                return {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": part.arguments}
            case ToolResult():
                self._parts.name_mark(part, where)
                kind = "custom_tool_call_output" if part.id in self._custom else "function_call_output"
                return {"type": kind, "call_id": part.id, "output": self._parts.output(part, where)}
            case Reasoning():
                item = unseal(part)
                if item is not None and (self._own or item.encrypted is not None):
                    return render_reasoning(item)
            case Opaque(dialect=dialect) if dialect == NAME:
                return decode(bytes(part.raw), dict[str, Any])
        self._dropped.append(where())
        return None


def render_reasoning(item: ReasoningItem) -> dict[str, Any]:
    out: dict[str, Any] = {"type": "reasoning", "summary": [{"type": "summary_text", "text": text} for text in item.summary]}
    if item.id:
        out["id"] = item.id
    if item.content:
        out["content"] = [{"type": "reasoning_text", "text": text} for text in item.content]
    if item.encrypted is not None:
        out["encrypted_content"] = item.encrypted
    return out


def _is_item(part: Part, place: str) -> bool:
    """Whether it is an item of its own. An opaque one may have been a part of a message."""
    if isinstance(part, Opaque):
        return "." not in place
    return isinstance(part, ToolCall | ToolResult | Reasoning)


def _item_of(place: str) -> int | None:
    found = _ITEM.match(place)
    return int(found[1]) if found else None
