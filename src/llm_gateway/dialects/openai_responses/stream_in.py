"""A provider's stream, bytes to events.

What a server leaves out as pieces and tells only whole (at the end of a text, of an item, of the response) is read there.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from llm_gateway.core import events as ev
from llm_gateway.core.chat import Opaque, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.dialects.openai_chat.reply_in import call_id, text_or_none
from llm_gateway.dialects.openai_responses.citations import parse_annotation
from llm_gateway.dialects.openai_responses.finish import parse_finish
from llm_gateway.dialects.openai_responses.logprobs import parse_logprobs
from llm_gateway.dialects.openai_responses.reply_in import created_of, parse_item
from llm_gateway.dialects.openai_responses.stream_wire import (
    FINAL,
    StreamEvent,
    fault_in,
    is_error,
    read_event,
    read_response,
)
from llm_gateway.dialects.openai_responses.usage import read_usage
from llm_gateway.dialects.reading import SseEvents
from llm_gateway.http.framing.sse import SseEvent

MAX_ITEMS = 10_000

_TEXTS = frozenset({"response.output_text", "response.refusal", "response.reasoning_summary_text", "response.reasoning_text"})
_ARGUMENTS = frozenset({"response.function_call_arguments", "response.custom_tool_call_input"})


class _Item:
    """An item of the output. `call`: its place among the calls, -1 for others. `told`: the pieces that came of each text."""

    __slots__ = ("call", "cited", "done", "told")

    def __init__(self) -> None:
        self.call = -1
        self.cited = False
        self.done = False
        self.told: set[tuple[str, int]] = set()


class Reader(SseEvents):
    """One answer. Only its last event says that a response is complete, so nothing is added at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[int, _Item] = {}
        self._calls = 0
        self._id = ""
        self._started = False

    def _take(self, batch: list[SseEvent], raw: bytes) -> list[ev.Event]:  # noqa: ARG002 - these are not learnt from
        out: list[ev.Event] = []
        for sse in batch:
            if self._over:
                break
            event = read_event(sse)
            if event is None:
                continue
            if is_error(sse, event):
                self._over = True
                fault = fault_in(sse, event)
                out.append(ev.Failure(fault.message, fault.type or None, fault.code or None))
            else:
                self._event(event, out)
        return out

    def _event(self, event: StreamEvent, out: list[ev.Event]) -> None:
        kind, _, step = event.type.rpartition(".")
        if kind in _TEXTS:
            self._text(event, kind, step, out)
        elif kind in _ARGUMENTS:
            self._arguments(event, step, out)
        elif event.type == "response.output_item.added":
            self._added(event, out)
        elif event.type == "response.output_item.done":
            self._done(event.output_index, event.item, out)
        elif event.type == "response.output_text.annotation.added":
            self._item(event).cited = True
            out.append(ev.CitationDelta(parse_annotation(event.annotation)))
        elif event.type in FINAL:
            self._final(event, out)
        elif event.type in {"response.created", "response.queued", "response.in_progress"} and not self._started:
            self._start(event, out)

    def _start(self, event: StreamEvent, out: list[ev.Event]) -> None:
        self._started = True
        reply = read_response(event)
        self._id = reply.id or ""
        tier = text_or_none(reply.service_tier)
        out.append(ev.Start(self._id, reply.model or "", created_of(reply.created_at), tier))

    def _item(self, event: StreamEvent) -> _Item:
        """The item that `event` belongs to. Not all servers announce them."""
        item = self._items.get(event.output_index)
        if item is None:
            if len(self._items) >= MAX_ITEMS:
                raise UpstreamMalformed("The provider's answer has more items than this gateway accepts")
            item = self._items[event.output_index] = _Item()
        return item

    def _text(self, event: StreamEvent, kind: str, step: str, out: list[ev.Event]) -> None:
        item = self._item(event)
        place = (kind, event.summary_index if kind == "response.reasoning_summary_text" else event.content_index)
        text = _string(event.delta) if step == "delta" else (event.text or event.refusal or "")
        if step == "done" and place in item.told:
            return
        logprobs = parse_logprobs(event.logprobs)
        if kind.startswith("response.reasoning"):
            if text:
                between = "\n\n" if item.told and place not in item.told else ""
                out.append(ev.ReasoningDelta(between + text))
        elif kind == "response.refusal":
            out.append(ev.RefusalDelta(text))
        elif text or logprobs is not None:
            out.append(ev.TextDelta(text, logprobs=logprobs))
        if text:
            item.told.add(place)

    def _added(self, event: StreamEvent, out: list[ev.Event]) -> None:
        item = self._item(event)
        for part in parse_item(event.item):
            if isinstance(part, ToolCall):
                self._begin(item, part, out)
                if part.arguments:
                    self._tell(item, part.arguments, out)

    def _begin(self, item: _Item, call: ToolCall, out: list[ev.Event]) -> None:
        if item.call < 0:
            item.call = self._calls
            self._calls += 1
            ident = call_id(call.id, self._id, item.call)
            out.append(ev.ToolCallStart(item.call, ident, call.name, custom=call.custom))

    def _tell(self, item: _Item, arguments: str, out: list[ev.Event]) -> None:
        item.told.add(("arguments", 0))
        out.append(ev.ToolCallDelta(item.call, arguments))

    def _arguments(self, event: StreamEvent, step: str, out: list[ev.Event]) -> None:
        item = self._item(event)
        if item.call < 0:
            return  # a call that was not announced comes whole at its end
        text = _string(event.delta) if step == "delta" else (event.arguments or event.input or "")
        if text and (step == "delta" or not item.told):
            self._tell(item, text, out)

    def _done(self, index: int, raw: Raw, out: list[ev.Event]) -> None:
        """What of the whole item has not been told."""
        item = self._item(StreamEvent(output_index=index))
        if item.done:
            return
        item.done = True
        for part in parse_item(raw):
            match part:
                case ToolCall():
                    self._begin(item, part, out)
                    if part.arguments and not item.told:
                        self._tell(item, part.arguments, out)
                case Reasoning():
                    if part.text and not item.told:
                        out.append(ev.ReasoningDelta(part.text))
                    if part.signature is not None:
                        out.append(ev.ReasoningSignature(part.signature))
                case Text():
                    self._whole_text(item, part, out)
                case Refusal(text=text) if not item.told:
                    out.append(ev.RefusalDelta(text))
                case Opaque():
                    out.append(ev.OpaqueBlock(part.dialect, part.kind, part.raw))

    def _whole_text(self, item: _Item, part: Text, out: list[ev.Event]) -> None:
        if not item.told and part.text:
            out.append(ev.TextDelta(part.text))
        if not item.cited:
            out += [ev.CitationDelta(source) for source in part.citations]

    def _final(self, event: StreamEvent, out: list[ev.Event]) -> None:
        if not self._started:
            self._start(event, out)
        reply = read_response(event)
        for index, raw in enumerate(reply.output or ()):
            self._done(index, raw, out)
        usage = read_usage(reply.usage)
        if usage is not None:
            out.append(ev.UsageUpdate(usage))
        status = reply.status  # some servers say response.completed of any end
        if status in {None, "completed", "in_progress"}:
            status = event.type.removeprefix("response.")
        reason = None if reply.incomplete_details is None else reply.incomplete_details.reason
        out.append(ev.Finish(parse_finish(status, reason, calls=self._calls > 0)))
        out.append(ev.Done())
        self._over = True


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
