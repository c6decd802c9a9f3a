"""A provider's stream, bytes to events. It has no marker for its end: an answer is whole when every candidate has its
finishReason and the stream is closed.
"""

from __future__ import annotations

from llm_gateway.core import events
from llm_gateway.dialects.gemini.answer_in import Answer
from llm_gateway.dialects.gemini.arrays import JsonStream
from llm_gateway.dialects.gemini.errors import parse_fault
from llm_gateway.dialects.gemini.reply_wire import Piece
from llm_gateway.dialects.received import receive


class Reader:
    """One answer, as SSE or as a JSON array."""

    def __init__(self) -> None:
        self._stream = JsonStream()
        self._answer = Answer()
        self._over = False

    def feed(self, data: bytes) -> list[events.Event]:
        return [] if self._over else self._take(self._stream.feed(data))

    def end(self) -> list[events.Event]:
        if self._over:
            return []
        out = self._take(self._stream.end())
        if not self._over and self._answer.is_finished:
            self._over = True
            out.append(events.Done())
        return out

    def _take(self, batch: list[bytes]) -> list[events.Event]:
        out: list[events.Event] = []
        for data in batch:
            if self._over or data == b"[DONE]":  # some servers end like OpenAI as well
                continue
            piece = receive(data, Piece, "stream")
            if piece.error:
                self._over = True
                fault = parse_fault({"error": piece.error})
                code = piece.error.get("code") if isinstance(piece.error, dict) else None
                status = code if isinstance(code, int) else None
                out.append(events.Failure(fault.message, fault.type or None, fault.code or None, status))
            else:
                out += self._answer.take(piece)
        return out
