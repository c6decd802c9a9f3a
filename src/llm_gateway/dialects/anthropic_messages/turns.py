"""The messages of a request, neutral to wire: a system prompt, and turns of user and assistant.

- Leading system and developer messages are the system prompt. Later ones become text of the user, between <system> tags, and
  are named in `dropped` by their role: the newest models alone know system messages inside a conversation, and in few places.
  A caller of this dialect who put them there knows why.
- Neighbours of the same role are one turn; tool messages belong to the user. In a user's turn results of tools come first: the
  API wants them right after the calls.
- A conversation of nothing but system messages is the user's turn, since the API demands one.
"""

from __future__ import annotations

from typing import Any

from llm_gateway.core.chat import ChatRequest, Message, Text
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.anthropic_messages.parts_out import PartsOut, mark, plain
from llm_gateway.dialects.anthropic_messages.wire import NAME, TextBlock, ToolResultBlock
from llm_gateway.dialects.openai_chat.paths import Paths

_SYSTEM = frozenset({"system", "developer"})


class Turns:
    """Renders the messages of one request; `dropped` is given the paths of what could not be carried."""

    def __init__(self, request: ChatRequest, dropped: list[str]) -> None:
        self.system: list[TextBlock] = []
        self._turns: list[tuple[str, list[Any]]] = []
        self._dropped = dropped
        self._paths = Paths(request)
        own = request.dialect == NAME
        self._parts = PartsOut(dropped)
        only_system = all(message.role in _SYSTEM for message in request.messages)
        for index, message in enumerate(request.messages):
            if message.name is not None:
                dropped.append(f"{self._paths.message(index)}.name")
            if message.role not in _SYSTEM:
                self._turn("assistant" if message.role == "assistant" else "user", self._blocks(message, index))
            elif own and self._turns:
                self._turn("system", self._blocks(message, index))
            elif self._turns or only_system:
                self._aside(message, index)
            else:
                self.system += self._texts(message, index)
        if not self._turns:
            raise Unsupported("Nothing of this conversation can be carried to the chosen provider", param="messages")

    def render(self) -> list[dict[str, Any]]:
        return [{"role": role, "content": plain(_in_order(blocks))} for role, blocks in self._turns]

    def _turn(self, role: str, blocks: list[Any]) -> None:
        if not blocks:
            return
        if self._turns and self._turns[-1][0] == role:
            self._turns[-1][1].extend(blocks)
        else:
            self._turns.append((role, blocks))

    def _blocks(self, message: Message, index: int) -> list[Any]:
        return [
            block
            for place, part in enumerate(message.parts)
            if (block := self._parts.render(part, self._paths.part(index, place))) is not None
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
    return sorted(blocks, key=lambda block: not isinstance(block, ToolResultBlock))
