"""A stream that passes through: its bytes go on as they came, and what they say about the stream itself is read.

Until content was seen every event is parsed. After that a read is only searched for what its JSON would need in order to
mean something to us; quotes inside of a text stand behind a backslash, so no text looks like it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages.errors import parse_fault
from llm_gateway.dialects.anthropic_messages.stops import parse_stop
from llm_gateway.dialects.anthropic_messages.stream_wire import StreamEvent, is_error, read_event
from llm_gateway.dialects.anthropic_messages.usage import UsageWire, merge, parse_usage
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.sse import SseReader, SseSplitter, frame

_DELTA = b"event: content_block_delta\n"
_STOP = frame(b'{"type":"message_stop"}', b"message_stop")


class _Head(msgspec.Struct, gc=False):
    """What a block may hold at its beginning."""

    type: str = ""
    text: str = ""
    thinking: str = ""


class AnthropicRelay:
    """`committed` with the first piece of content, or with the reason why there is none; message_start and empty blocks are not
    content. `end` supplies message_stop when the reason was seen.
    """

    __slots__ = ("_counts", "_finished", "_over", "_reader", "_splitter", "committed", "done", "failure", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.committed = False
        self.done = False
        self.failure: ProviderFault | None = None
        self._splitter = SseSplitter()
        self._reader = SseReader()
        self._counts: UsageWire | None = None
        self._finished = False
        self._over = False

    def feed(self, data: bytes) -> bytes:
        if self._over:
            return b""
        try:
            block = self._splitter.feed(data)
        except FramingError as error:
            raise UpstreamMalformed(f"The provider's stream is malformed: {error}") from None
        if not block:
            return b""
        if not block.isascii():
            block = _valid(block)
        if 0 in block:
            raise UpstreamMalformed("The provider's stream holds a NUL byte")
        return block if self.committed and _is_content(block) else self._read(block)

    def end(self) -> bytes:
        if self._over:
            return b""
        out = self._last_event()
        if self._finished and not self._over:
            self.done = self._over = True
            out += _STOP
        return out

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
        end = 0
        for piece in block.split(b"\n\n"):
            start, end = end, end + len(piece) + 2
            if not piece:
                continue
            for sse in self._reader.feed(piece + b"\n\n"):
                event = read_event(sse) if sse.data != b"[DONE]" else None
                if event is None:
                    continue
                if is_error(sse, event):
                    self.failure = parse_fault(_decode(sse.data, Any))
                    self._over = True
                    return block[:start]
                self._take(event)
                if self.done:
                    return block[:end]
        return block

    def _take(self, event: StreamEvent) -> None:
        match event.type:
            case "message_start" if event.message is not None:
                self._count(event.message.usage)
            case "content_block_start" if not self.committed:
                head = _decode(bytes(event.content_block), _Head)
                self.committed = bool(head.type not in {"text", "thinking"} or head.text or head.thinking)
            case "content_block_delta" if not self.committed and event.delta is not None:
                delta = event.delta
                self.committed = bool(delta.text or delta.thinking or delta.type not in {"text_delta", "thinking_delta"})
            case "message_delta":
                self._count(event.usage)
                if event.delta is not None and parse_stop(event.delta.stop_reason) is not None:
                    self._finished = self.committed = True
            case "message_stop":
                self.done = self._over = True

    def _count(self, usage: UsageWire | None) -> None:
        if usage is not None:
            self._counts = merge(self._counts, usage)
            self.usage = parse_usage(self._counts)


def _is_content(block: bytes) -> bool:
    """Whether `block` says nothing about the stream itself: it is a lone delta, or has none of the words that would."""
    if block.startswith(_DELTA) and block.count(b"\n") == 3:
        return True
    return b'"message_' not in block and b'"error"' not in block and b"event: error" not in block


def _valid(block: bytes) -> bytes:
    """`block` with U+FFFD in place of what is not UTF-8. It holds whole events, so no character is cut."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return block.decode(errors="replace").encode()
    return block


def _decode(data: bytes, type: Any) -> Any:  # noqa: A002 - as core.json.decode has it
    try:
        return decode_lenient(data, type)
    except (MalformedJson, msgspec.ValidationError):
        raise UpstreamMalformed("The provider's stream holds something that is not an event of an answer") from None
