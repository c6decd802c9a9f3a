"""Recognises the next chunk of an answer by its likeness to the last one, without parsing it.

The chunks of a stream differ in one string (the piece of text) and perhaps in a second one at the end (OpenAI's
`obfuscation`); all else is equal to the byte. So a chunk that has been parsed once is cut into what must be equal again and
what may differ, and the next one costs a few comparisons. JSON strings escape their quotes: a chunk that has the same
bytes outside of these two strings, and as many quotes after the first, has the same structure.
"""

from __future__ import annotations

import re

_REST_OF_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_LAST_STRING = re.compile(rb'.*:\s*"([^"\\]*)"', re.DOTALL)


def beginning_of(name: str) -> re.Pattern[bytes]:
    """Finds a member of this name up to the first quote of its text."""
    return re.compile(rb'"%b"\s*:\s*"' % name.encode("ascii"))


class Template:
    __slots__ = ("_head", "_known", "_middle", "_middle_length", "_prefix", "_prefix_length", "_quotes", "_rest", "_tail")

    def __init__(self) -> None:
        self._known = False
        self._prefix = self._middle = self._rest = self._head = self._tail = b""
        self._prefix_length = self._middle_length = self._quotes = 0

    def learn(self, event: bytes, texts: tuple[re.Pattern[bytes], ...]) -> None:
        """From a whole event that holds one chunk, of which everything is known. `texts` (made by `beginning_of`) find the names
        that may hold its piece of text; the first that is there with a string is taken.
        """
        self._known = False
        for text_of in texts:
            found = text_of.search(event)
            text = _REST_OF_STRING.match(event, found.end()) if found else None
            if found and text:
                self._cut(event, found.end(), text.end() - 1)
                return

    def matches(self, event: bytes) -> bool:
        """Whether `event` is one event that differs from the learnt one in those strings only."""
        if not self._known or not event.startswith(self._prefix):
            return False
        at = event.find(self._middle, self._prefix_length)
        if at < 0 or event.find(b"\n", self._prefix_length, at) >= 0:
            return False  # a text holds no line end: what was found stands in a later event of the same read
        rest = event[at + self._middle_length :]
        return rest == self._rest or (
            self._quotes > 0 and rest.startswith(self._head) and rest.endswith(self._tail) and rest.count(b'"') == self._quotes
        )

    def _cut(self, event: bytes, start: int, end: int) -> None:
        self._prefix = event[:start]
        bracket = event.find(b"]", end) + 1 or len(event)
        self._middle = event[end:bracket]
        self._rest = rest = event[bracket:]
        self._prefix_length, self._middle_length = start, len(self._middle)
        last = _LAST_STRING.match(rest)
        self._quotes = rest.count(b'"') if last else 0
        if last:
            self._head, self._tail = rest[: last.start(1)], rest[last.end(1) :]
        self._known = True
