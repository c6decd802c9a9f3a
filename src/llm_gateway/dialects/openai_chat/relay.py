"""What the events of a passing stream of chunks say about the stream itself."""

from __future__ import annotations

from llm_gateway.dialects.openai_chat.watch import Choice, Chunk, fault_in, has_content, is_null, read_chunk, usage_in
from llm_gateway.dialects.relay import SseRelay
from llm_gateway.dialects.template import beginning_of
from llm_gateway.http.framing.sse import DONE, SseEvent


class OpenAIRelay(SseRelay):
    """Serves chat completions and text completions, whose streams differ only in what a choice holds.

    An answer is finished when every choice that was seen has its finish reason.
    """

    terminal = DONE
    texts = tuple(beginning_of(name) for name in ("content", "reasoning_content", "reasoning", "arguments", "text"))

    __slots__ = ("_finished", "_hides", "_seen")

    def __init__(self, *, hides_usage: bool = False) -> None:
        """`hides_usage`: the chunk that tells the usage, and nothing of the answer, is not passed on."""
        super().__init__()
        self._hides = hides_usage
        self._seen: set[int] = set()
        self._finished: set[int] = set()

    def is_finished(self) -> bool:
        return bool(self._finished) and self._finished >= self._seen

    def take(self, sse: SseEvent, event: bytes) -> None:
        if sse.data == b"[DONE]":
            self.done = True
            return
        chunk = read_chunk(sse, Chunk)
        self.failure = fault_in(sse, chunk, chunk.choices if chunk else None)
        if self.failure is None and chunk is not None:
            self._take_chunk(chunk, sse, event)

    def _take_chunk(self, chunk: Chunk, sse: SseEvent, event: bytes) -> None:
        usage = usage_in(chunk)
        if usage is not None:
            self.usage = usage
        choices = chunk.choices or []
        self.hidden = self._hides and not choices and not is_null(chunk.usage)
        for choice in choices:
            index = choice.index or 0
            self._seen.add(index)
            if choice.finish_reason:
                self._finished.add(index)
                self.committed = True
            elif has_content(choice):
                self.committed = True
        if usage is None and len(choices) == 1 and not sse.event and _is_piece_of_text(choices[0]):
            self.learn(event)


def _is_piece_of_text(choice: Choice) -> bool:
    """Content that may be followed by any other text without a change of what the event means to us."""
    return not choice.finish_reason and has_content(choice)
