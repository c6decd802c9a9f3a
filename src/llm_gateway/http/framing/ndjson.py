"""One document per line (NDJSON, JSON Lines): the framing of Ollama's streams."""

from __future__ import annotations

from llm_gateway.http.framing.errors import FramingError


class LineReader:
    """The lines of a byte stream, ended by LF or CRLF. A line of more than `limit_bytes` is a FramingError.

    Lines come without their line end; empty ones are left out. What a line says is not looked at, not even its BOM.
    """

    __slots__ = ("_limit", "_tail")

    def __init__(self, limit_bytes: int = 1024 * 1024) -> None:
        self._limit = limit_bytes
        self._tail = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, in order. Raises FramingError."""
        lines = data.split(b"\n")
        tail = self._tail
        if len(lines) == 1:
            tail += data
            self._check(len(tail))
            return []
        if tail:
            lines[0] = bytes(tail) + lines[0]
            tail.clear()
        tail += lines.pop()
        self._check(max(len(tail), *map(len, lines)))
        return _without_ends(lines)

    def end(self) -> list[bytes]:
        """The line the stream ended in, if it is not empty. It may have been cut: its reader finds out by decoding it."""
        lines = [bytes(self._tail)]
        self._tail.clear()
        return _without_ends(lines)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise FramingError(f"a line is longer than {self._limit} bytes")


def _without_ends(lines: list[bytes]) -> list[bytes]:
    return [bare for line in lines if (bare := line.removesuffix(b"\r"))]
