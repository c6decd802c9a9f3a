"""The messages of a request, neutral to wire: a system prompt, and turns of user and assistant.

- Leading system and developer messages are the system prompt. Later ones become text of the user, between <system> tags, and
  are named in `dropped` by their role: the newest models alone know system messages inside a conversation, and in few places.
  A caller of this dialect who put them there knows why.
- Neighbours of the same role are one turn; tool messages belong to the user. In a user's turn results of tools come first: the
  API wants them right after the calls.
- A conversation of nothing but system messages is the user's turn, since the API demands one.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway.core.chat import ChatRequest, Message, Text
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.anthropic_messages.parts_out import PartsOut, mark, only_text, plain
from llm_gateway.dialects.anthropic_messages.wire import NAME, TextBlock, ToolResultBlock
from llm_gateway.dialects.openai_chat.paths import Paths

_SYSTEM = frozenset({"system", "developer"})
_SIDES = MappingProxyType({"user": "user", "tool": "user", "assistant": "assistant"})
"""Whose turn a message belongs to; the others are the system's."""


class Turn(msgspec.Struct, gc=False):
    """As the API has it. `content`: a text without trimmings as a string, or blocks."""

    role: str
    content: str | list[Any]


class Turns:
    """Renders the messages of one request; `dropped` is given the paths of what could not be carried."""

    __slots__ = ("_dropped", "_parts", "_paths", "_turns", "system")

    def __init__(self, request: ChatRequest, dropped: list[str]) -> None:
        self.system: list[TextBlock] = []
        self._turns: list[Turn] = []
        self._dropped = dropped
        self._paths = Paths(request)
        self._parts = PartsOut(dropped)
        messages = request.messages
        own = request.dialect == NAME
        only_system = not messages or (messages[-1].role in _SYSTEM and all(message.role in _SYSTEM for message in messages))
        for index, message in enumerate(messages):
            side = _SIDES.get(message.role)
            if message.name is not None:
                dropped.append(f"{self._paths.message(index)}.name")
            if side is not None:
                text = only_text(message.parts)
                self._turn(side, self._blocks(message, index) if text is None else text)
            elif own and self._turns:
                self._turn("system", self._blocks(message, index))
            elif self._turns or only_system:
                self._aside(message, index)
            else:
                self.system += self._texts(message, index)
        if not self._turns:
            raise Unsupported("Nothing of this conversation can be carried to the chosen provider", param="messages")

    def render(self) -> list[Turn]:
        for turn in self._turns:
            content = turn.content
            if type(content) is list:
                turn.content = plain(content) if len(content) == 1 else _in_order(content)
        return self._turns

    def _turn(self, role: str, content: str | list[Any]) -> None:
        """One more turn, or more of the last one. No content is none; a list is taken over."""
        if not content:
            return
        turns = self._turns
        if not turns or turns[-1].role != role:
            turns.append(Turn(role, content))
            return
        last = turns[-1]
        if isinstance(last.content, str):
            last.content = [TextBlock(last.content)]
        last.content += [TextBlock(content)] if isinstance(content, str) else content

    def _blocks(self, message: Message, index: int) -> list[Any]:
        return [
            block
            for place, part in enumerate(message.parts)
            if (block := self._parts.render(part, partial(self._paths.part, index, place))) is not None
        ]

    def _texts(self, message: Message, index: int) -> list[TextBlock]:
        """A system message's texts; it can hold nothing else."""
        out: list[TextBlock] = []
        for place, part in enumerate(message.parts):
            if not isinstance(part, Text):
                self._dropped.append(self._paths.part(index, place))
            elif part.text:
                out.append(TextBlock(part.text, mark(part.cache)))
        return out

    def _aside(self, message: Message, index: int) -> None:
        """A system message in the middle."""
        blocks = self._texts(message, index)
        if blocks:
            self._dropped.append(f"{self._paths.message(index)}.role")
            self._turn("user", [TextBlock(f"<system>\n{block.text}\n</system>", block.cache_control) for block in blocks])


def _in_order(blocks: list[Any]) -> list[Any]:
    results = [block for block in blocks if isinstance(block, ToolResultBlock)]
    if not results or len(results) == len(blocks):
        return blocks
    return results + [block for block in blocks if not isinstance(block, ToolResultBlock)]
