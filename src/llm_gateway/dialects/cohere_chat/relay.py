"""What the events of a passing stream say about the stream itself."""

from __future__ import annotations

from llm_gateway.dialects.cohere_chat.stops import parse_stop
from llm_gateway.dialects.cohere_chat.stream_wire import DONE, fault_in, read_event
from llm_gateway.dialects.cohere_chat.usage import read_usage
from llm_gateway.dialects.cohere_chat.wire import Content, Delta, StreamEvent
from llm_gateway.dialects.relay import SseRelay
from llm_gateway.dialects.template import beginning_of
from llm_gateway.http.framing import sse as framing
from llm_gateway.http.framing.sse import SseEvent


class CohereRelay(SseRelay):
    """`committed` with the first piece of content, or with the reason why there is none; finished with that reason."""

    terminal = framing.DONE
    texts = tuple(beginning_of(name) for name in ("text", "thinking", "tool_plan", "arguments"))

    __slots__ = ("_finished",)

    def __init__(self) -> None:
        super().__init__()
        self._finished = False

    def is_finished(self) -> bool:
        return self._finished

    def take(self, sse: SseEvent, event: bytes) -> None:
        if sse.data == DONE:
            self.done = True
            return
        found = read_event(sse)
        if found is None:
            return
        self.failure = fault_in(sse, found)
        if self.failure is None and found.delta is not None:
            self._take(found, found.delta, event)

    def _take(self, found: StreamEvent, delta: Delta, event: bytes) -> None:
        if found.type == "message-end":
            self.usage = read_usage(delta.usage) or self.usage
            self._finished = parse_stop(delta.finish_reason, calls=False) is not None
            self.committed = self.committed or self._finished
        elif found.type != "message-start" and delta.message is not None:
            piece = delta.message
            content = piece.content if isinstance(piece.content, Content) else Content()
            if content.text or content.thinking or piece.tool_plan or piece.tool_calls or piece.citations:
                self.committed = True
                if found.type.endswith("-delta"):
                    self.learn(event)
