"""What the events of a passing stream say about the stream itself."""

from __future__ import annotations

import re

from llm_gateway.dialects.openai_responses.stream_wire import (
    FINAL,
    StreamEvent,
    fault_in,
    is_error,
    read_event,
    read_response,
)
from llm_gateway.dialects.openai_responses.usage import read_usage
from llm_gateway.dialects.received import Typed, expect
from llm_gateway.dialects.relay import SseRelay
from llm_gateway.dialects.template import Template, beginning_of
from llm_gateway.http.framing.sse import SseEvent

_DELTAS = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
    }
)
_NOT_YET = frozenset({"", "message", "reasoning"})
"""Items that begin empty."""

_STRING = re.compile(rb'[^"\\\x00-\x1f]*+(?:\\[^\x00-\x1f][^"\\\x00-\x1f]*+)*+')
_NUMBER = re.compile(rb"[0-9]++")
_SEQUENCE = re.compile(rb'"sequence_number"\s*:\s*(?=[0-9])')
_NOISE = beginning_of("obfuscation")


class NumberedTemplate(Template):
    """Events that differ in their text, their obfuscation and their number: what lies between is equal to the byte."""

    __slots__ = ("_steps", "_tail_bytes")

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[tuple[bytes, int, re.Pattern[bytes]]] = []
        self._tail_bytes = b""

    def learn(self, event: bytes, texts: tuple[re.Pattern[bytes], ...]) -> None:
        self._steps = []
        found = [
            (match.end(), kind)
            for pattern, kind in ((texts[0], _STRING), (_NOISE, _STRING), (_SEQUENCE, _NUMBER))
            if (match := pattern.search(event)) is not None
        ]
        steps: list[tuple[bytes, int, re.Pattern[bytes]]] = []
        at = 0
        for start, kind in sorted(found, key=lambda one: one[0]):
            value = kind.match(event, start)
            if start < at or value is None:
                return  # the name stands inside of another one's text
            steps.append((event[at:start], start - at, kind))
            at = value.end()
        self._steps = steps
        self._tail_bytes = event[at:]

    def skip(self, block: bytes, at: int) -> int:
        steps, tail = self._steps, self._tail_bytes
        while steps:
            here = at
            for literal, length, kind in steps:
                if not block.startswith(literal, here):
                    return at
                value = kind.match(block, here + length)
                if value is None:
                    return at
                here = value.end()
            if not block.startswith(tail, here):
                return at
            at = here + len(tail)
        return at


class ResponsesRelay(SseRelay):
    """`committed` with the first piece of content, or with an item that has none. Only the last event says that a response is
    complete, so there is no other terminal marker to supply.
    """

    terminal = b""
    texts = (beginning_of("delta"),)

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self._template = NumberedTemplate()

    def is_finished(self) -> bool:
        return False

    def take(self, sse: SseEvent, event: bytes) -> None:
        found = read_event(sse)
        if found is None:
            return
        if is_error(sse, found):
            self.failure = fault_in(sse, found)
        elif found.type in _DELTAS:
            if isinstance(found.delta, str) and found.delta:
                self.committed = True
                if not found.logprobs:
                    self.learn(event)
        elif found.type in FINAL:
            self.usage = read_usage(read_response(found).usage)
            self.committed = self.done = True
        elif found.type == "response.output_item.added" and not self.committed:
            self.committed = _kind(found) not in _NOT_YET


def _kind(event: StreamEvent) -> str:
    return expect(bytes(event.item), Typed, "The provider's stream holds an item that cannot be read").type
