"""What the events of a passing stream say about the stream itself."""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.dialects.anthropic_messages.errors import parse_fault
from llm_gateway.dialects.anthropic_messages.stops import parse_stop
from llm_gateway.dialects.anthropic_messages.stream_wire import Delta, StreamEvent, is_error, read_event
from llm_gateway.dialects.anthropic_messages.usage import UsageWire, merge, parse_usage
from llm_gateway.dialects.received import NO_EVENT, expect
from llm_gateway.dialects.relay import SseRelay
from llm_gateway.dialects.template import beginning_of
from llm_gateway.http.framing.sse import SseEvent, frame


class _Head(msgspec.Struct, gc=False):
    """What a block may hold at its beginning."""

    type: str = ""
    text: str = ""
    thinking: str = ""


class AnthropicRelay(SseRelay):
    """`committed` with the first piece of content, or with the reason why there is none; message_start and empty blocks are not
    content. An answer is finished when the reason of its end was seen.
    """

    terminal = frame(b'{"type":"message_stop"}', b"message_stop")
    texts = tuple(beginning_of(name) for name in ("text", "thinking", "partial_json"))

    __slots__ = ("_counts", "_finished")

    def __init__(self) -> None:
        super().__init__()
        self._counts: UsageWire | None = None
        self._finished = False

    def is_finished(self) -> bool:
        return self._finished

    def take(self, sse: SseEvent, event: bytes) -> None:
        found = read_event(sse) if sse.data != b"[DONE]" else None
        if found is None:
            return
        if is_error(sse, found):
            self.failure = parse_fault(_decode(sse.data, Any))
        elif found.type == "content_block_delta" and found.delta is not None:
            self._take_delta(found.delta, event)
        else:
            self._take_frame(found)

    def _take_delta(self, delta: Delta, event: bytes) -> None:
        if delta.text or delta.thinking or delta.partial_json:
            self.committed = True
            self.learn(event)
        elif delta.type not in {"text_delta", "thinking_delta"}:
            self.committed = True

    def _take_frame(self, event: StreamEvent) -> None:
        match event.type:
            case "message_start" if event.message is not None:
                self._count(event.message.usage)
            case "content_block_start" if not self.committed:
                head = _decode(bytes(event.content_block), _Head)
                self.committed = bool(head.type not in {"text", "thinking"} or head.text or head.thinking)
            case "message_delta":
                self._count(event.usage)
                if event.delta is not None and parse_stop(event.delta.stop_reason) is not None:
                    self._finished = self.committed = True
            case "message_stop":
                self.done = True

    def _count(self, usage: UsageWire | None) -> None:
        if usage is not None:
            self._counts = merge(self._counts, usage)
            self.usage = parse_usage(self._counts)


def _decode(data: bytes, type: Any) -> Any:  # noqa: A002 - as core.json.decode has it
    return expect(data, type, NO_EVENT)
