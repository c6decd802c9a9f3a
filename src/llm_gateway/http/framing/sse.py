"""Server-Sent Events, WHATWG HTML section 9.2 "Server-sent events" (the event stream format and its interpretation).

`SseSplitter` cuts a stream into runs of whole events and leaves their bytes alone: the path of a stream whose dialect
is the same on both sides. `SseReader` gives the events themselves, and is a splitter with a parser behind it.
`frame` and `comment` write.
"""

from __future__ import annotations

import msgspec

from llm_gateway.core.json import MalformedJson, decode
from llm_gateway.http.framing.errors import FramingError

DONE = b"data: [DONE]\n\n"
"""How an OpenAI stream ends."""

LIMIT_BYTES = 1024 * 1024
"""The longest event held, unless said otherwise: its lines, comments and line ends together."""

_BOM = b"\xef\xbb\xbf"


class SseEvent(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event.

    `event` is its type (b"" when it has none, which WHATWG calls "message"), `data` its data lines joined with LF,
    `id` its own id field (None when it has none: WHATWG's last event id, which outlives an event, is not kept).
    """

    event: bytes
    data: bytes
    id: bytes | None = None


class SseSplitter:
    """Cuts a byte stream after its last blank line.

    What comes out, joined, is what went in, byte for byte, except that a BOM at the start is dropped and that CR and
    CRLF line ends become LF. An event of more than `limit_bytes` is a FramingError. Each read is scanned once, however
    small the reads and however long the line.
    """

    __slots__ = ("_at_line_start", "_limit", "_plain", "_skip_lf", "_started", "_tail")

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._tail = bytearray()
        self._plain = False  # nothing is held, no BOM can come, no CR stands before: a read that ends an event is its own result
        self._started = False
        self._at_line_start = True
        self._skip_lf = False  # the last byte was a CR, already given as LF: an LF now is its second half

    def feed(self, data: bytes) -> bytes:
        """The whole events that `data` completes, in one piece; b"" when it completes none. Raises FramingError."""
        if self._plain and data.endswith(b"\n\n") and b"\r" not in data and len(data) <= self._limit:
            return data
        if not self._started:
            data = self._without_bom(data)
        if self._skip_lf or b"\r" in data:
            data = self._with_lf(data)
        return self._cut(data) if data else b""

    def tail(self) -> bytes:
        """What is held of an event without its blank line."""
        return bytes(self._tail)

    def _without_bom(self, data: bytes) -> bytes:
        head = bytes(self._tail) + data
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._tail += data
            return b""
        self._started = True
        self._tail.clear()
        return head.removeprefix(_BOM)

    def _with_lf(self, data: bytes) -> bytes:
        if self._skip_lf and data:
            data = data.removeprefix(b"\n")
            self._skip_lf = False
        if data.endswith(b"\r"):
            self._skip_lf = True
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _cut(self, data: bytes) -> bytes:
        """Adds `data` (LF only, not empty) to what is held and gives everything up to the last blank line."""
        tail = self._tail
        if len(tail) + len(data) > self._limit:
            self._measure(data)
        end = data.rfind(b"\n\n") + 2
        if end == 1:  # not found; the blank line may have begun in an earlier read
            end = 1 if self._at_line_start and data.startswith(b"\n") else 0
        self._at_line_start = data.endswith(b"\n")
        if not end:
            tail += data
            self._plain = False
            return b""
        tail += data[:end]
        whole = bytes(tail)
        tail.clear()
        tail += data[end:]
        self._plain = not tail and not self._skip_lf
        return whole

    def _measure(self, data: bytes) -> None:
        """Each event in what is held and `data` against the limit: the same answer however the bytes were split."""
        size = len(self._tail)
        end_of_line = self._at_line_start
        for line in data.split(b"\n"):
            if not line and end_of_line:
                size = 0
            else:
                size += len(line) + 1
            # TODO
