"""Where a chunked body ends (RFC 9112 section 7.1): a second opinion beside llhttp's, and the bounds it does not set."""

from __future__ import annotations

import re

from llm_gateway.http.refusal import Refused, malformed

_size_line = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\r\n]*)?").fullmatch
_PLAIN = 8  # hexadecimal digits a chunk size may have before they count as overhead


def too_large(limit: int) -> Refused:
    """413, naming the limit in bytes."""
    return Refused(413, "payload_too_large", f"the request body is larger than {limit} bytes")


class ChunkWalk:
    """Follows the chunk sizes of one body through the reads it arrives in; looks at no chunk's data."""

    __slots__ = ("_limit", "_need", "_overhead", "_trailers", "over", "size")

    def __init__(self, limit: int, overhead: int) -> None:
        self._limit = limit
        self._overhead = overhead  # bytes of extensions, padding and trailers that are still allowed
        self._need = 0  # bytes of the running chunk, its CRLF included, not passed yet
        self._trailers = False
        self.size = 0  # bytes of data announced so far
        self.over = False

    def walk(self, data: bytes, at: int) -> int:
        """Position in `data` up to which everything belongs to this body; what is left is an unfinished line, or the next
        message if `over`. Raises Refused: 413 as soon as a chunk size passes the limit, 400 for anything malformed.
        """
        end = len(data)
        while not self.over:
            if self._need:
                step = min(self._need, end - at)
                self._need -= step
                at += step
                if self._need:
                    break
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                if end - at > self._overhead + _PLAIN:
                    raise malformed("chunk extensions are too long")
                break
            self._line(data[at:line_end])
            at = line_end + 2
        return at

    def _line(self, line: bytes) -> None:
        self._overhead -= len(line) + 2 if self._trailers else max(0, len(line) - _PLAIN)
        if self._overhead < 0:
            raise malformed("chunk extensions or trailers are too long")
        if self._trailers:
            self.over = not line
            return
        parts = _size_line(line)
        if parts is None:
            raise malformed("a chunk size is malformed")
        size = int(parts[1], 16)
        self.size += size
        if self.size > self._limit:
            raise too_large(self._limit)
        if size:
            self._need = size + 2
        else:
            self._trailers = True
