"""A stream that passes through: its bytes go on as they came, and what they say about the stream itself is read.

An event is parsed unless it differs from the one before in its piece of text only (template.py), which is almost always so.
What the events of a dialect mean is said by its own subclass.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import ClassVar

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.template import Template
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.sse import LIMIT_BYTES, SseEvent, SseReader, SseSplitter


class SseRelay(ABC):
    """A `Relay` (dialects/base.py) of Server-Sent Events.

    `take` reads one event: it sets `committed` and `usage`, and `failure` or `done` when the stream is over; it calls `learn` for
    a piece of text whose like need not be read again, and sets `hidden` for what is not to be passed on. `end` supplies
    `terminal` where only that is missing.
    """

    terminal: ClassVar[bytes]
    texts: ClassVar[tuple[re.Pattern[bytes], ...]]
    """Where a piece of text begins (template.beginning_of)."""

    __slots__ = ("_over", "_reader", "_splitter", "_template", "committed", "done", "failure", "hidden", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.committed = False
        self.done = False
        self.failure: ProviderFault | None = None
        self.hidden = False
        """Whether the event that was read last is for us alone."""
        self._splitter = SseSplitter()
        self._reader = SseReader()
        self._template = Template()
        self._over = False

    @abstractmethod
    def take(self, sse: SseEvent, event: bytes) -> None:
        """`event`: the same as it came. Raises UpstreamMalformed."""

    @abstractmethod
    def is_finished(self) -> bool:
        """Whether all that the answer consists of was seen."""

    def learn(self, event: bytes) -> None:
        self._template.learn(event, self.texts)

    def feed(self, data: bytes) -> bytes:
        splitter = self._splitter
        if splitter.plain and len(data) <= LIMIT_BYTES and self._template.skip(data, 0) == len(data) and not self._over:
            return data if data.isascii() else _valid(data)  # so it has no CR or NUL, and ends with an event
        if self._over:
            return b""
        try:
            block = splitter.feed(data)
        except FramingError as error:
            raise UpstreamMalformed(f"The provider's stream is malformed: {error}") from None
        if not block:
            return b""
        if not block.isascii():
            block = _valid(block)
        if 0 in block:
            raise UpstreamMalformed("The provider's stream holds a NUL byte")
        return self._as_it_came(self._read(block))

    def end(self) -> bytes:
        if self._over:
            return b""
        out = self._last_event()
        if not self._over and self.is_finished():
            self.done = self._over = True
            out += self.terminal
        return self._as_it_came(out)

    def _as_it_came(self, block: bytes) -> bytes:
        """With the line ends of the provider. Where it mixes them all become CRLF; a CR of its own becomes LF."""
        return block.replace(b"\n", b"\r\n") if self._splitter.saw_crlf else block

    def _last_event(self) -> bytes:
        """The event that lacks its blank line, if all else of it is there."""
        tail = _valid(self._splitter.tail())
        reader = SseReader()
        reader.feed(tail)
        if not reader.end():
            return b""
        return self._read(tail + (b"\n" if tail.endswith(b"\n") else b"\n\n"))

    def _read(self, block: bytes) -> bytes:
        """Takes in the events of `block`; gives as much of it as may go on."""
        start = self._template.skip(block, 0)
        while start < len(block):
            stop = block.find(b"\n\n", start)
            piece = block[start:] if stop < 0 else block[start:stop]
            event = piece + b"\n\n"
            end = start + len(event)
            for sse in self._reader.feed(event):
                self.take(sse, event)
                if self.failure is not None:
                    self._over = True
                    return block[:start]
                if self.done:
                    self._over = True
                    return block[:end]
            if self.hidden:
                self.hidden = False
                block, end = block[:start] + block[end:], start
            start = self._template.skip(block, end)
        return block


def _valid(block: bytes) -> bytes:
    """`block` with U+FFFD in place of what is not UTF-8. It holds whole events, so no character is cut."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return block.decode(errors="replace").encode()
    return block
