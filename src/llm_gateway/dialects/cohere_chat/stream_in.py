"""A provider's stream, bytes to events. message-end tells all; `[DONE]`, which may follow, only that it is over."""

from __future__ import annotations

from llm_gateway.core import events
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.dialects.cohere_chat.logprobs import parse_logprobs
from llm_gateway.dialects.cohere_chat.stops import parse_stop
from llm_gateway.dialects.cohere_chat.stream_wire import DONE, fault_in, read_event
from llm_gateway.dialects.cohere_chat.usage import read_usage
from llm_gateway.dialects.cohere_chat.wire import Call, Content, Delta, Function, Piece, StreamEvent
from llm_gateway.dialects.openai_chat.reply_in import call_id
from llm_gateway.dialects.reading import SseEvents
from llm_gateway.http.framing.sse import SseEvent

_NO_DELTA = Delta()
_NOTHING = Piece()


class Reader(SseEvents):
    """One answer. Events of unknown type are skipped."""

    def __init__(self) -> None:
        super().__init__()
        self._id = ""
        self._started = False
        self._calls: dict[int, int] = {}
        """Our number of a call, by the index that the provider gives it."""
        self._count = 0

    def _take(self, batch: list[SseEvent], raw: bytes) -> list[events.Event]:  # noqa: ARG002 - these are not learnt from
        out: list[events.Event] = []
        for sse in batch:
            if self._over:
                break
            if sse.data == DONE:
                self._over = True
                if self._finished:  # without a reason the answer was cut, whatever the marker says
                    out.append(events.Done())
                continue
            event = read_event(sse)
            fault = fault_in(sse, event) if event is not None else None
            if fault is not None:
                self._over = True
                out.append(events.Failure(fault.message, fault.type or None, fault.code or None))
            elif event is not None and not self._finished:
                self._event(event, out)
        return out

    def _event(self, event: StreamEvent, out: list[events.Event]) -> None:
        delta = event.delta or _NO_DELTA
        piece = delta.message or _NOTHING
        match event.type:
            case "message-start":
                self._start(event, out)
            case "content-start" | "content-delta":
                self._content(event, piece, out)
            case "tool-plan-delta" if piece.tool_plan:
                out.append(events.ReasoningDelta(piece.tool_plan))
            case "tool-call-start" | "tool-call-delta":
                self._call(event, piece, out)
            case "citation-start" if piece.citations:
                cited = piece.citations if isinstance(piece.citations, list) else [piece.citations]
                out += [events.CitationDelta(citation) for citation in cited]
            case "message-end":
                self._end(delta, out)

    def _start(self, event: StreamEvent, out: list[events.Event]) -> None:
        """The API does not say which model answers."""
        if not self._started:
            self._started = True
            self._id = event.id or ""
            out.append(events.Start(self._id, ""))

    def _content(self, event: StreamEvent, piece: Piece, out: list[events.Event]) -> None:
        content = piece.content if isinstance(piece.content, Content) else Content()
        logprobs = parse_logprobs(event.logprobs)
        if content.thinking:
            out.append(events.ReasoningDelta(content.thinking))
        if content.text or logprobs is not None:
            out.append(events.TextDelta(content.text or "", logprobs=logprobs))

    def _call(self, event: StreamEvent, piece: Piece, out: list[events.Event]) -> None:
        call = piece.tool_calls if isinstance(piece.tool_calls, Call) else Call()
        function = call.function or Function()
        index = event.index or 0
        if event.type == "tool-call-start":
            self._calls[index] = self._count
            out.append(events.ToolCallStart(self._count, call_id(call.id, self._id, self._count), function.name or ""))
            self._count += 1
        number = self._calls.get(index)
        if number is None:
            raise UpstreamMalformed("The provider's stream goes on with a tool call that never began")
        if function.arguments:
            out.append(events.ToolCallDelta(number, function.arguments))

    def _end(self, delta: Delta, out: list[events.Event]) -> None:
        usage = read_usage(delta.usage)
        if usage is not None:
            out.append(events.UsageUpdate(usage))
        reason = parse_stop(delta.finish_reason, calls=self._count > 0)
        if reason is not None:
            self._finished = True
            out.append(events.Finish(reason))
