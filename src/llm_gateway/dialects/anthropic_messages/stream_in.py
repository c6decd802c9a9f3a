"""A provider's stream, bytes to events."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core import events
from llm_gateway.core.chat import Refusal
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages.errors import parse_fault
from llm_gateway.dialects.anthropic_messages.reply import ReplyBlock, explained
from llm_gateway.dialects.anthropic_messages.stops import parse_stop
from llm_gateway.dialects.anthropic_messages.stream_wire import Delta, StreamEvent, is_error, read_event
from llm_gateway.dialects.anthropic_messages.usage import UsageWire, merge, parse_usage
from llm_gateway.dialects.anthropic_messages.wire import NAME
from llm_gateway.dialects.openai_chat.reply_in import call_id
from llm_gateway.dialects.reading import SseEvents
from llm_gateway.dialects.received import expect
from llm_gateway.dialects.template import beginning_of
from llm_gateway.http.framing.sse import SseEvent

_KNOWN = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})


class Block:
    """A block that is open: what its deltas need to know. `whole` collects a block that goes on in one piece."""

    __slots__ = ("call", "input", "kind", "whole")

    def __init__(self, kind: str, call: int, whole: dict[str, Any] | None) -> None:
        self.kind = kind
        self.call = call
        self.whole = whole
        self.input: list[str] = []

    def add(self, delta: Delta, document: dict[str, Any]) -> None:
        """A delta of a block that we do not know: its strings go on where they began, everything else takes its place."""
        if self.whole is None:
            return
        if delta.type == "input_json_delta":
            self.input.append(delta.partial_json)
            return
        for name, value in document.items():
            if name != "type":
                before = self.whole.get(name)
                joined = isinstance(value, str) and isinstance(before, str)
                self.whole[name] = before + value if joined else value


_TEXT, _ARGUMENTS, _THINKING = (beginning_of(name) for name in ("text", "partial_json", "thinking"))


class Reader(SseEvents):
    """One answer. Events of unknown type are skipped, as the API's versioning policy asks."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[int, Block] = {}
        self._calls = 0
        self._usage: UsageWire | None = None
        self._started = False
        self._content = False
        self._id = ""

    def _take(self, batch: list[SseEvent], raw: bytes) -> list[events.Event]:
        out: list[events.Event] = []
        for sse in batch:
            if self._over:
                break
            if sse.data == b"[DONE]":  # some servers end like OpenAI as well
                continue
            event = read_event(sse)
            if event is None:
                continue
            if is_error(sse, event):
                self._over = True
                out.append(_failure(sse.data))
            else:
                self._event(event, sse.data, raw, out)
        return out

    def _event(self, event: StreamEvent, data: bytes, raw: bytes, out: list[events.Event]) -> None:
        if event.type != "content_block_delta":
            self._pieces.forget()
        match event.type:
            case "message_start":
                self._start(event, out)
            case "content_block_start":
                self._block_start(event, out)
            case "content_block_delta":
                self._block_delta(event, data, raw, out)
            case "content_block_stop":
                self._block_stop(event.index, out)
            case "message_delta":
                self._message_delta(event, out)
            case "message_stop":
                self._over = True
                if self._content and not self._finished:  # the provider gave no reason: it is over, as a whole answer is
                    out.append(events.Finish("tool_calls" if self._calls else "stop"))
                out.append(events.Done())

    def _start(self, event: StreamEvent, out: list[events.Event]) -> None:
        message = event.message
        if message is None:
            raise UpstreamMalformed("The provider's stream begins without a message")
        if self._started:
            return
        self._started = True
        self._id = message.id
        usage = message.usage
        out.append(events.Start(message.id, message.model, service_tier=None if usage is None else usage.service_tier))
        self._tell_usage(usage, out)

    def _tell_usage(self, usage: UsageWire | None, out: list[events.Event]) -> None:
        if usage is not None:
            self._usage = merge(self._usage, usage)
            out.append(events.UsageUpdate(parse_usage(self._usage)))

    def _block_start(self, event: StreamEvent, out: list[events.Event]) -> None:
        if not self._started:
            raise UpstreamMalformed("The provider's stream has content before its message")
        block = _decode(bytes(event.content_block), ReplyBlock)
        self._content = True
        known = block.type in _KNOWN
        whole = None if known else _decode(bytes(event.content_block), dict[str, Any])
        self._open[event.index] = Block(block.type, self._calls, whole)
        if block.type == "text":
            if block.text:
                out.append(events.TextDelta(block.text))
            out += [events.CitationDelta(citation) for citation in block.citations or ()]
        elif block.type == "thinking":
            if block.thinking:
                out.append(events.ReasoningDelta(block.thinking))
            if block.signature:
                out.append(events.ReasoningSignature(block.signature))
        elif block.type == "redacted_thinking":
            out.append(events.RedactedReasoning(block.data))
        elif block.type == "tool_use":
            out.append(events.ToolCallStart(self._calls, call_id(block.id, self._id, self._calls), block.name))
            given = bytes(block.input)
            if given not in {b"{}", b"null"} and _decode(given, Any):
                out.append(events.ToolCallDelta(self._calls, given.decode()))
            self._calls += 1

    def _block_delta(self, event: StreamEvent, data: bytes, raw: bytes, out: list[events.Event]) -> None:
        block, delta = self._open.get(event.index), event.delta
        if block is None or delta is None:
            raise UpstreamMalformed("The provider's stream has content outside of a block")
        if block.whole is not None:
            block.add(delta, _decode(data, _Whole).delta)
            return
        match delta.type:
            case "text_delta":
                out.append(events.TextDelta(delta.text))
                self._pieces.learn(raw, _TEXT, delta.text, events.TextDelta)
            case "input_json_delta":
                if delta.partial_json:
                    out.append(events.ToolCallDelta(block.call, delta.partial_json))
                    self._pieces.learn(raw, _ARGUMENTS, delta.partial_json, partial(events.ToolCallDelta, block.call))
            case "thinking_delta":
                out.append(events.ReasoningDelta(delta.thinking))
                self._pieces.learn(raw, _THINKING, delta.thinking, events.ReasoningDelta)
            case "signature_delta":
                out.append(events.ReasoningSignature(delta.signature))
            case "citations_delta":
                out.append(events.CitationDelta(delta.citation))

    def _block_stop(self, index: int, out: list[events.Event]) -> None:
        block = self._open.pop(index, None)
        if block is None or block.whole is None:
            return
        if block.input:
            block.whole["input"] = _decode("".join(block.input).encode(), Any)
        out.append(events.OpaqueBlock(NAME, block.kind, Raw(encode(block.whole))))

    def _message_delta(self, event: StreamEvent, out: list[events.Event]) -> None:
        delta = event.delta or Delta()
        out += [events.RefusalDelta(part.text) for part in explained(delta.stop_details) if isinstance(part, Refusal)]
        self._tell_usage(event.usage, out)
        reason = parse_stop(delta.stop_reason)
        if reason is not None and not self._finished:
            self._finished = True
            out.append(events.Finish(reason, stop_sequence=delta.stop_sequence))


class _Whole(msgspec.Struct):
    delta: dict[str, Any]


def _decode(data: bytes, type: Any) -> Any:  # noqa: A002 - as core.json.decode has it
    return expect(data, type, "The provider's stream holds a block that cannot be read")


def _failure(data: bytes) -> events.Failure:
    fault = parse_fault(_decode(data, Any))
    return events.Failure(fault.message, fault.type or None, fault.code or None)
