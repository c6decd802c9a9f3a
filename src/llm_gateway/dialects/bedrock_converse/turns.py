"""The messages of a request, neutral to wire: a system prompt, and turns of user and assistant.

- Leading system and developer messages are the system prompt. Later ones, and all of them for a model without system prompts,
  become text of the user, between <system> tags, and are named in `dropped` by their role.
- Neighbours of the same role are one turn; tool messages belong to the user. In a user's turn results of tools come first: all
  results of one turn have to stand in the message after the calls.
- The first turn is the user's: a conversation that begins with the assistant gets a line of text before it.
- A turn with documents has a text: one that has none gets a line, too.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from llm_gateway.core.chat import ChatRequest, Document, Image, Message, Text, ToolCall, ToolResult
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.bedrock_converse.families import Family
from llm_gateway.dialects.bedrock_converse.parts_out import FILLER, PartsOut
from llm_gateway.dialects.openai_chat.paths import Paths

_SYSTEM = frozenset({"system", "developer"})
_OPENING = "(the conversation begins with the assistant)"


class _Piece(msgspec.Struct, gc=False):
    """A part as rendered: its block, and what has to stand behind it."""

    blocks: list[Any]
    is_result: bool = False


class _Turn(msgspec.Struct, gc=False):
    role: str
    pieces: list[_Piece]


class Turns:
    """Renders the messages of one request; `dropped` is given the paths of what could not be carried."""

    __slots__ = ("_dropped", "_family", "_parts", "_paths", "_turns", "system")

    def __init__(self, request: ChatRequest, family: Family, dropped: list[str]) -> None:
        self.system: list[Any] = []
        self._turns: list[_Turn] = []
        self._dropped = dropped
        self._family = family
        self._paths = Paths(request)
        self._parts = PartsOut(family, dropped)
        messages = request.messages
        aside = not family.system or all(message.role in _SYSTEM for message in messages)
        for index, message in enumerate(messages):
            if message.name is not None:
                dropped.append(f"{self._paths.message(index)}.name")
            if message.role not in _SYSTEM:
                self._turn("assistant" if message.role == "assistant" else "user", self._pieces(message, index))
            elif self._turns or aside:
                self._aside(message, index)
            else:
                self.system += self._texts(message, index)
        if not self._turns:
            raise Unsupported("Nothing of this conversation can be carried to the chosen provider", param="messages")

    def render(self) -> list[dict[str, Any]]:
        out = [{"role": turn.role, "content": _content(turn.pieces)} for turn in self._turns]
        if out[0]["role"] != "user":
            out.insert(0, {"role": "user", "content": [{"text": _OPENING}]})
        return out

    def _turn(self, role: str, pieces: list[_Piece]) -> None:
        """One more turn, or more of the last one."""
        if not pieces:
            return
        if self._turns and self._turns[-1].role == role:
            self._turns[-1].pieces += pieces
        else:
            self._turns.append(_Turn(role, pieces))

    def _pieces(self, message: Message, index: int) -> list[_Piece]:
        out: list[_Piece] = []
        for place, part in enumerate(message.parts):
            path = partial(self._paths.part, index, place)
            if message.role == "assistant" and isinstance(part, Image | Document):
                self._dropped.append(path())  # the API has them in the user's turns only
                continue
            blocks = self._parts.render(part, path)
            if blocks:
                out.append(_Piece(blocks, isinstance(part, ToolResult)))
        return out

    def _texts(self, message: Message, index: int) -> list[Any]:
        """A system message's texts; it can hold nothing else that we know."""
        out: list[Any] = []
        for place, part in enumerate(message.parts):
            path = partial(self._paths.part, index, place)
            if not isinstance(part, Text):
                self._dropped.append(path())
            elif part.text.strip():
                out.append({"text": part.text})
                point = None if part.cache is None else self._parts.point(part.cache, "system", path)
                if point is not None:
                    out.append(point)
        return out

    def _aside(self, message: Message, index: int) -> None:
        """A system message where there can be none."""
        texts = [
            (place, Text(f"<system>\n{part.text}\n</system>", part.cache))
            for place, part in enumerate(message.parts)
            if isinstance(part, Text) and part.text.strip()
        ]
        pieces = [_Piece(self._parts.render(text, partial(self._paths.part, index, place))) for place, text in texts]
        self._dropped += [
            self._paths.part(index, place) for place, part in enumerate(message.parts) if not isinstance(part, Text)
        ]
        if pieces:
            self._dropped.append(f"{self._paths.message(index)}.role")
            self._turn("user", pieces)


def calls_in(request: ChatRequest) -> list[str]:
    """The names of the tools that were called, each once, in order; any name where there are results without their calls."""
    parts = [part for message in request.messages for part in message.parts]
    names = list(dict.fromkeys(part.name for part in parts if isinstance(part, ToolCall)))
    return names or (["tool"] if any(isinstance(part, ToolResult) for part in parts) else [])


def _content(pieces: list[_Piece]) -> list[Any]:
    results = [piece for piece in pieces if piece.is_result]
    if results and len(results) < len(pieces):
        pieces = results + [piece for piece in pieces if not piece.is_result]
    blocks: list[Any] = [block for piece in pieces for block in piece.blocks]
    kinds = {kind for block in blocks if isinstance(block, dict) for kind in block}
    if "document" in kinds and "text" not in kinds:
        blocks.append({"text": FILLER})
    return blocks
