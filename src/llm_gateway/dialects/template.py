"""Recognises the next chunks of an answer by their likeness to an earlier one, without parsing them.

The chunks of a stream differ in one string (the piece of text) and perhaps in a second one at the end (OpenAI's
`obfuscation`); all else is equal to the byte. So a chunk that has been parsed once is cut into what must be equal again and
what may differ, and the next one costs a few comparisons. JSON strings escape their quotes: a chunk that has the same
bytes outside of these two strings has the same structure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_STRING = re.compile(rb'[^"\\\x00-\x1f]*+(?:\\[^\x00-\x1f][^"\\\x00-\x1f]*+)*+')
"""The inside of a string up to where its closing quote must be. JSON allows no control characters there."""
_LAST_STRING = re.compile(rb'.*:\s*"([^"\\]*)"', re.DOTALL)


def beginning_of(name: str) -> re.Pattern[bytes]:
    """Finds a member of this name up to the first quote of its text."""
    return re.compile(rb'"%b"\s*:\s*"' % name.encode("ascii"))


class Template:
    """A learnt event is `_prefix`, the text, `_rest`; its rest is `_middle`, the second string, `_tail`."""

    __slots__ = ("_length", "_middle", "_middle_length", "_prefix", "_rest", "_rest_length", "_string", "_tail", "_two")

    def __init__(self) -> None:
        self._string: Callable[[bytes, int], Any] = _STRING.match  # never None: it matches the empty string, too
        self._prefix = self._rest = self._middle = self._tail = b""  # no prefix: nothing is known
        self._length = self._rest_length = self._middle_length = 0
        self._two = False

    def learn(self, event: bytes, texts: tuple[re.Pattern[bytes], ...]) -> None:
        """From a whole event that holds one chunk, of which everything is known. `texts` (made by `beginning_of`) find the names
        that may hold its piece of text; the first that is there with a string is taken.
        """
        self._prefix = b""
        for text_of in texts:
            found = text_of.search(event)
            text = _STRING.match(event, found.end()) if found else None
            if found and text and event.startswith(b'"', text.end()):
                self._cut(event, found.end(), text.end())
                return

    def skip(self, block: bytes, at: int) -> int:
        """Where the run of events ends that begins at `at` and differs from the learnt one in those strings only."""
        prefix = self._prefix
        if prefix:
            length, rest = self._length, self._rest
            while block.startswith(prefix, at):
                end = self._string(block, at + length).end()
                if block.startswith(rest, end):
                    at = end + self._rest_length
                elif self._two and block.startswith(self._middle, end):
                    end = self._string(block, end + self._middle_length).end()
                    if not block.startswith(self._tail, end):
                        break
                    at = end + len(self._tail)
                else:
                    break
        return at

    def text(self, block: bytes, at: int) -> tuple[bytes, int]:
        """The text, as it stands in its JSON string, of the one event that begins at `at`, and where it ends; (b"", at) if that
        event is not like the learnt one.
        """
        if self._prefix and block.startswith(self._prefix, at):
            start = at + self._length
            end = self._string(block, start).end()
            if block.startswith(self._rest, end):
                return block[start:end], end + self._rest_length
            if self._two and block.startswith(self._middle, end):
                after = self._string(block, end + self._middle_length).end()
                if block.startswith(self._tail, after):
                    return block[start:end], after + len(self._tail)
        return b"", at

    def _cut(self, event: bytes, start: int, end: int) -> None:
        self._prefix = event[:start]
        self._length = start
        self._rest = event[end:]
        self._rest_length = len(self._rest)
        bracket = event.find(b"]", end) + 1 or len(event)
        last = _LAST_STRING.match(event, bracket)
        self._two = last is not None
        if last:
            self._middle, self._tail = event[end : last.start(1)], event[last.end(1) :]
            self._middle_length = len(self._middle)
