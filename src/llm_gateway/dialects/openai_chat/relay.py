"""A stream that passes through: its bytes go on as they came, and what they say about the stream itself is read.

An event is parsed unless it differs from the one before in its piece of text only (template.py), which is almost always so.
"""

from __future__ import annotations

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.openai_chat.template import Template, beginning_of
from llm_gateway.dialects.openai_chat.watch import Choice, Chunk, fault_in, has_content, read_chunk, usage_in
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.sse import DONE, SseEvent, SseReader, SseSplitter

_TEXTS = tuple(beginning_of(name) for name in ("content", "reasoning_content", "reasoning", "arguments", "text"))


class OpenAIRelay:
    """Serves chat completions and text completions, whose streams differ only in what a choice holds.

    `end` supplies the terminal marker when every choice that was seen has its finish reason.
    """

    __slots__ = ("_finished", "_over", "_reader", "_seen", "_splitter", "_template", "committed", "done", "failure", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.committed = False
        self.done = False
        self.failure: ProviderFault | None = None
        self._splitter = SseSplitter()
        self._reader = SseReader()
        self._template = Template()
        self._over = False
        self._seen: set[int] = set()
        self._finished: set[int] = set()

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
        return block if self._template.matches(block) else self._read(block)

    def end(self) -> bytes:
        if self._over:
            return b""
        out = self._last_event()
        if not self._over and self._finished and self._finished >= self._seen:
            self.done = self._over = True
            out += DONE
        return out

    def _last_event(self) -> bytes:
        """The event that lacks its blank line, if all else of it is there."""
        tail = self._splitter.tail()
        reader = SseReader()
        reader.feed(tail)
        if not reader.end():
            return b""
        return self._read(_valid(tail) + (b"\n" if tail.endswith(b"\n") else b"\n\n"))

    def _read(self, block: bytes) -> bytes:
        """Takes in the events of `block`; gives as much of it as may go on."""
        end = 0
        for piece in block.split(b"\n\n"):
            start, end = end, end + len(piece) + 2
            event = piece + b"\n\n"
            if not piece or self._template.matches(event):
                continue
            for parsed in self._reader.feed(event):
                if parsed.data == b"[DONE]":
                    self.done = self._over = True
                    return block[:end]
                chunk = read_chunk(parsed, Chunk)
                self.failure = fault_in(parsed, chunk, chunk.choices if chunk else None)
                if self.failure is not None:
                    self._over = True
                    return block[:start]
                if chunk is not None:
                    self._take(chunk, parsed, event)
        return block

    def _take(self, chunk: Chunk, parsed: SseEvent, event: bytes) -> None:
        usage = usage_in(chunk)
        if usage is not None:
            self.usage = usage
        choices = chunk.choices or []
        for choice in choices:
            index = choice.index or 0
            self._seen.add(index)
            if choice.finish_reason:
                self._finished.add(index)
                self.committed = True
            elif has_content(choice):
                self.committed = True
        if usage is None and len(choices) == 1 and not parsed.event and _is_piece_of_text(choices[0]):
            self._template.learn(event, _TEXTS)


def _is_piece_of_text(choice: Choice) -> bool:
    """Content that may be followed by any other text without a change of what the event means to us."""
    return not choice.finish_reason and has_content(choice)


def _valid(block: bytes) -> bytes:
    try:
        block.decode()
    except UnicodeDecodeError:
        return block.decode(errors="replace").encode()
    return block
