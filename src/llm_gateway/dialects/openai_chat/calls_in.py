"""Tool calls of one choice as they arrive in pieces."""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.events import Event, ToolCallDelta, ToolCallStart
from llm_gateway.core.json import encode
from llm_gateway.dialects.openai_chat.reply_in import call_id


class FunctionPiece(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class CustomPiece(msgspec.Struct, gc=False):
    name: str | None = None
    input: str | None = None


class CallPiece(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: FunctionPiece | None = None
    custom: CustomPiece | None = None


class Calls:
    """Numbers the calls from 0 in the order of their beginning, whatever numbers the provider gives them or does not give."""

    def __init__(self, reply: str, choice: int) -> None:
        self._reply = reply
        self._choice = choice
        self._by_index: dict[int, int] = {}
        self._by_id: dict[str, int] = {}
        self._count = 0

    def feed(self, pieces: list[CallPiece]) -> list[Event]:
        out: list[Event] = []
        for piece in pieces:
            self._piece(piece, out)
        return out

    def _piece(self, piece: CallPiece, out: list[Event]) -> None:
        function = piece.function
        name = (piece.custom.name if piece.custom else function.name if function else None) or ""
        number = self._known(piece, name)
        if number is None:
            number = self._begin(piece, name, out)
        said = (piece.custom.input if piece.custom else function.arguments if function else None) or ""
        text = said if isinstance(said, str) else encode(said).decode()
        if text:
            out.append(ToolCallDelta(number, text, self._choice))

    def _known(self, piece: CallPiece, name: str) -> int | None:
        """The call that `piece` goes on with; None if it begins one."""
        if piece.index is not None:
            number = self._by_index.get(piece.index)
            known = self._by_id.get(piece.id) if piece.id else number
            if number is not None and name and piece.id and known is None:
                return None  # servers that give every call the index 0
            return number
        if piece.id:
            return self._by_id.get(piece.id)
        return self._count - 1 if self._count and not name else None

    def _begin(self, piece: CallPiece, name: str, out: list[Event]) -> int:
        number = self._count
        self._count += 1
        ident = call_id(piece.id, self._reply, number)
        self._by_id[ident] = number
        if piece.index is not None:
            self._by_index[piece.index] = number
        out.append(ToolCallStart(number, ident, name, self._choice, custom=piece.custom is not None))
        return number
