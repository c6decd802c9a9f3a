"""What the events of a passing stream say about the stream itself."""

from __future__ import annotations

import re

from msgspec import Raw

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.dialects.gemini.arrays import LIMIT_BYTES, ArraySplitter, as_event, begins_array
from llm_gateway.dialects.gemini.errors import parse_fault
from llm_gateway.dialects.gemini.reply_wire import Candidate, PartIn, Piece
from llm_gateway.dialects.gemini.stops import parse_stop
from llm_gateway.dialects.gemini.usage import read_usage
from llm_gateway.dialects.received import receive
from llm_gateway.dialects.relay import SseRelay
from llm_gateway.dialects.template import beginning_of
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.sse import SseEvent, SseReader, SseSplitter

_ONLY_TEXT = re.compile(rb'\{\s*"text"\s*:\s*"[^"]*"\s*\}')


class GeminiRelay(SseRelay):
    """`committed` with the first piece of content, or with the reason why there is none. An answer is finished when every
    candidate that was seen has its finishReason, or the prompt was blocked; nothing marks the end of the stream.

    A provider that answers with a JSON array is shown as SSE, as it was asked for.
    """

    terminal = b""
    texts = (beginning_of("text"),)

    __slots__ = ("_array", "_blocked", "_finished", "_is_array", "_opening", "_seen")

    def __init__(self) -> None:
        super().__init__()
        self._splitter = SseSplitter(LIMIT_BYTES)
        self._reader = SseReader(LIMIT_BYTES)
        self._is_array: bool | None = None
        self._opening = b""
        self._array = ArraySplitter()
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._blocked = False

    def is_finished(self) -> bool:
        return self._blocked or (bool(self._finished) and self._finished >= self._seen)

    def feed(self, data: bytes) -> bytes:
        if self._is_array is None:
            self._opening += data
            self._is_array = begins_array(self._opening)
            if self._is_array is None:
                return b""
            data, self._opening = self._opening, b""
        if not self._is_array:
            return super().feed(data)
        try:
            elements = self._array.feed(data)
        except FramingError as error:
            raise UpstreamMalformed(f"The provider's stream is malformed: {error}") from None
        return b"".join([super(GeminiRelay, self).feed(as_event(element)) for element in elements])

    def take(self, sse: SseEvent, event: bytes) -> None:
        if sse.data == b"[DONE]":
            return
        piece = receive(sse.data, Piece, "stream")
        if piece.error:
            self.failure = parse_fault({"error": piece.error})
            return
        usage, _ = read_usage(piece.usage_metadata)
        if usage is not None:
            self.usage = usage
        if piece.blocked is not None:
            self._blocked = self.committed = True
        candidates = piece.candidates or []
        ended = [self._take_candidate(candidate, place) for place, candidate in enumerate(candidates)]
        if usage is None and ended == [False] and self.committed and _is_text(candidates[0]):
            self.learn(event)

    def _take_candidate(self, candidate: Candidate, place: int) -> bool:
        """Whether it is at its end."""
        index = place if candidate.index is None else candidate.index
        self._seen.add(index)
        if parse_stop(candidate.finish_reason, calls=False) is not None:
            self._finished.add(index)
            self.committed = True
            return True
        parts = candidate.content.parts if candidate.content is not None else None
        self.committed = self.committed or any(_is_content(raw) for raw in parts or ())
        return False


def _is_content(raw: Raw) -> bool:
    part = receive(bytes(raw), PartIn, "part of an answer")
    return bool(part.text) or part.text is None


def _is_text(candidate: Candidate) -> bool:
    """One piece of text and nothing else that could be another one next time."""
    parts = candidate.content.parts if candidate.content is not None else None
    return parts is not None and len(parts) == 1 and not candidate.members and _ONLY_TEXT.fullmatch(bytes(parts[0])) is not None
