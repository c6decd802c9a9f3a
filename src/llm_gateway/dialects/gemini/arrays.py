"""Streams of providers that are one JSON array, an element for each piece: what streamGenerateContent gives without alt=sse."""

from __future__ import annotations

import re

import msgspec

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.sse import SseReader, frame

LIMIT_BYTES = 32 << 20
"""The longest piece held: pictures come in one."""
BLANKS = b"\xef\xbb\xbf \t\r\n"

_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')
_BETWEEN = b" \t\r\n,"


class ArraySplitter:
    """Cuts an array into its elements as they come; a bare object counts as an array of one.

    Every byte is looked at once, however small the reads. The elements are objects by their brackets; whoever reads them sees
    whether they are JSON. What follows the array is not looked at.
    """

    __slots__ = ("_begun", "_closed", "_depth", "_escaped", "_held", "_limit", "_string")

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._held = bytearray()
        self._depth = 0
        self._string = False
        self._escaped = False
        self._begun = False
        self._closed = False

    def feed(self, data: bytes) -> list[bytes]:
        """The elements that `data` completes. Raises FramingError."""
        out: list[bytes] = []
        start = at = 0
        while at < len(data) and not self._closed:
            if not self._depth:
                start = at = self._between(data, at)
                continue
            at = self._within(data, at)
            if not self._depth:
                out.append(bytes(self._held) + data[start:at])
                self._held.clear()
                start = at
        if self._depth:
            self._held += data[start:]
            if len(self._held) > self._limit:
                raise FramingError(f"an element is longer than {self._limit} bytes")
        return out

    def _between(self, data: bytes, at: int) -> int:
        """Goes to the next element and into it."""
        byte = data[at : at + 1]
        if byte == b"{" or (byte == b"[" and not self._begun):
            self._begun = True
        elif byte == b"]" and self._begun:
            self._closed = True
        elif byte not in _BETWEEN and not (byte in BLANKS and not self._begun):
            raise FramingError("something stands between the elements of its array")
        if byte != b"{":
            return at + 1
        self._depth = 1
        self._held += byte
        return at + 1

    def _within(self, data: bytes, at: int) -> int:
        """Goes on to the next bracket, or out of the string that is open."""
        if self._escaped:
            self._escaped = False
            return at + 1
        found = (_INSIDE if self._string else _OUTSIDE).search(data, at)
        if found is None:
            return len(data)
        byte = found[0]
        if byte == b'"':
            self._string = not self._string
        elif byte == b"\\":
            self._escaped = True
        else:
            self._depth += 1 if byte in b"{[" else -1
        return found.end()


class JsonStream:
    """The pieces of a provider's stream, as SSE events or as an array. `is_array` is None until it is known which."""

    __slots__ = ("_array", "_opening", "_sse", "is_array")

    def __init__(self) -> None:
        self.is_array: bool | None = None
        self._opening = b""
        self._sse = SseReader(LIMIT_BYTES)
        self._array = ArraySplitter()

    def feed(self, data: bytes) -> list[bytes]:
        """Raises UpstreamMalformed."""
        if self.is_array is None:
            self._opening += data
            self.is_array = begins_array(self._opening)
            if self.is_array is None:
                return []
            data, self._opening = self._opening, b""
        try:
            return self._array.feed(data) if self.is_array else [event.data for event in self._sse.feed(data)]
        except FramingError as error:
            raise UpstreamMalformed(f"The provider's stream is malformed: {error}") from None

    def end(self) -> list[bytes]:
        """What is left at a clean end of the stream."""
        return [] if self.is_array else [event.data for event in self._sse.end()]


def begins_array(opening: bytes) -> bool | None:
    """Whether a stream that begins so is JSON and not SSE; None while there are blanks only. Raises UpstreamMalformed."""
    first = opening.lstrip(BLANKS)[:1]
    if first:
        return first in b"[{"
    if len(opening) > 1 << 16:
        raise UpstreamMalformed("The provider's stream begins with nothing but blanks")
    return None


def as_event(element: bytes) -> bytes:
    """An element of an array as an SSE event of one line. Raises UpstreamMalformed."""
    try:
        return frame(msgspec.json.format(decode_lenient(element, msgspec.Raw), indent=-1))
    except (MalformedJson, msgspec.MsgspecError, RecursionError):
        raise UpstreamMalformed("The provider's stream holds something that is not a piece of an answer") from None
