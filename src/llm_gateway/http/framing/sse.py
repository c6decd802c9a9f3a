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
_LF, _CR = b"\n\r"  # numbers, because `13 in data` takes an eighth of the time of `b"\r" in data`


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

    `saw_crlf`: some line ended so; who wants to pass the bytes on as they came puts it back.
    `plain`: nothing is held, no BOM can come, no CR came before: a read of whole events without a CR is its own result.
    """

    __slots__ = ("_at_line_start", "_limit", "_skip_lf", "_started", "_tail", "plain", "saw_crlf")

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.saw_crlf = False
        self._limit = limit_bytes
        self._tail = bytearray()
        self.plain = False
        self._started = False
        self._at_line_start = True
        self._skip_lf = False  # the last byte was a CR, already given as LF: an LF now is its second half

    def feed(self, data: bytes) -> bytes:
        """The whole events that `data` completes, in one piece; b"" when it completes none. Raises FramingError."""
        if self.plain and data.endswith(b"\n\n") and _CR not in data and len(data) <= self._limit:
            return data
        if not self._started:
            data = self._without_bom(data)
        if self._skip_lf or _CR in data:
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
        self.saw_crlf = self.saw_crlf or b"\r\n" in data
        if self._skip_lf and data:
            if data.startswith(b"\n"):
                data = data[1:]
                self.saw_crlf = True
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
            self.plain = False
            return b""
        whole = bytes(tail) + data[:end] if tail else data[:end]
        tail.clear()
        tail += data[end:]
        self.plain = not tail and not self._skip_lf and not self.saw_crlf
        return whole

    def _measure(self, data: bytes) -> None:
        """Each event in what is held and `data` against the limit: the same answer however the bytes were split."""
        *whole, rest = (bytes(self._tail) + data).split(b"\n\n")
        longest = max((len(event) + 2 for piece in whole if (event := piece.lstrip(b"\n"))), default=0)
        if max(longest, len(rest.lstrip(b"\n"))) > self._limit:
            raise FramingError(f"an event is longer than {self._limit} bytes")


class SseReader:
    """The events of a byte stream. An event of more than `limit_bytes` is a FramingError."""

    __slots__ = ("_splitter",)

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._splitter = SseSplitter(limit_bytes)

    def feed(self, data: bytes) -> list[SseEvent]:
        """The events that `data` completes, in order. Raises FramingError."""
        return self.read(self._splitter.feed(data))

    def block(self, data: bytes) -> bytes:
        """The bytes of the events that `data` completes, for `read`: each with its blank line, line ends as LF. Raises
        FramingError.
        """
        return self._splitter.feed(data)

    def read(self, block: bytes) -> list[SseEvent]:
        """The events in a block, or a part of one that begins and ends with an event."""
        if not block:
            return []
        if block.startswith(b"data: ") and block.find(b"\n") == len(block) - 2:  # one event of one line, as most are
            return [SseEvent(b"", block[6:-2])]
        return [event for chunk in block.split(b"\n\n") if chunk and (event := _parse(chunk)) is not None]

    def end(self) -> list[SseEvent]:
        """The event the stream ended in, if nothing of it is missing; call it once, at a clean end of the stream.

        WHATWG discards an event without its blank line. Providers do leave that line out after their last event, so
        the event is given when its data is `[DONE]` or a complete JSON object or array: those show where they end,
        while half a number or half a line of text looks like a whole one. A last line without its line end is taken
        only when it is data, for the same reason.
        """
        tail = self._splitter.tail()
        self._splitter = SseSplitter()
        before, _, last = tail.rpartition(b"\n")
        event = _parse(tail if last.startswith(b"data") else before)
        return [event] if event is not None and _is_complete(event.data) else []


def frame(data: bytes, event: bytes = b"") -> bytes:
    """One event as bytes, with as many data lines as `data` has. `event` is a name of ours and has no line end."""
    if _LF in data or _CR in data:
        data = b"\ndata: ".join(_lines(data))
    return b"event: %b\ndata: %b\n\n" % (event, data) if event else b"data: %b\n\n" % data


def comment(text: bytes) -> bytes:
    """A comment as bytes, e.g. a heartbeat. Ends in a blank line, so that nothing on the way holds it back."""
    return b": %b\n\n" % b"\n: ".join(_lines(text))


def _lines(data: bytes) -> list[bytes]:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def _parse(chunk: bytes) -> SseEvent | None:
    """The event in `chunk`, which has LF line ends and no blank line inside; None when it has no data line."""
    if chunk.startswith(b"data: ") and _LF not in chunk:
        return SseEvent(b"", chunk[6:])
    name = b""
    ident = None
    data: list[bytes] = []
    for line in chunk.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
        elif field == b"id" and b"\0" not in value:
            ident = value.removeprefix(b" ")
    return SseEvent(name, b"\n".join(data), ident) if data else None


def _is_complete(data: bytes) -> bool:
    if data == b"[DONE]":
        return True
    if not data.lstrip().startswith((b"{", b"[")):
        return False
    try:
        decode(data, msgspec.Raw)
    except MalformedJson:
        return False
    return True
