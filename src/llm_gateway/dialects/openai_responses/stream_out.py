"""A caller's stream, events to bytes.

The API's grammar: response.created and response.in_progress, then items, each with its beginning, pieces and end
(stream_items.py), then the whole response as response.completed, .incomplete or .failed, which ends the stream. Events are
numbered from 0.
"""

from __future__ import annotations

from typing import Any

from llm_gateway.core import events as ev
from llm_gateway.core.chat import Finish, Opaque, Reasoning, ToolCall
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_chat.reply_in import call_id
from llm_gateway.dialects.openai_responses.errors import frame_error, frame_fault
from llm_gateway.dialects.openai_responses.finish import render_finish
from llm_gateway.dialects.openai_responses.logprobs import render_logprobs
from llm_gateway.dialects.openai_responses.reply_items import Names
from llm_gateway.dialects.openai_responses.reply_out import ReplyRenderer
from llm_gateway.dialects.openai_responses.stream_items import Frames, Items
from llm_gateway.dialects.openai_responses.usage import render_usage
from llm_gateway.dialects.openai_responses.wire import NAME


class Writer:
    """One answer; the first choice of it, since the API knows one only."""

    def __init__(self, renderer: ReplyRenderer, model: str) -> None:
        self._renderer = renderer
        self._frames = Frames()
        self._start = ev.Start("", model)
        self._head: dict[str, Any] | None = None
        self._items = Items(self._frames, Names(""))
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self._over = False

    @property
    def over(self) -> bool:
        """Whether the last event was written."""
        return self._over

    def feed(self, events: list[ev.Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if self._over:
                break
            if getattr(event, "choice", 0) == 0:
                self._event(event, out)
        return b"".join(out)

    def fail(self, error: GatewayError, request_id: str) -> bytes:
        """Nothing is closed before the error, so that nothing looks complete."""
        if self._over:
            return b""
        self._over = True
        return frame_error(error, request_id, self._frames.count)

    def _event(self, event: ev.Event, out: list[bytes]) -> None:
        match event:
            case ev.TextDelta(text=text):
                self._begin(out)
                logprobs = render_logprobs(event.logprobs)
                if text or logprobs:
                    out += self._items.text(text, logprobs)
            case ev.Start():
                self._start = event
                self._begin(out)
            case ev.UsageUpdate(usage=usage):
                self._usage = usage
            case ev.Finish(reason=reason):
                self._finish = self._finish or reason
            case ev.Done():
                self._begin(out)
                self._end(out)
            case ev.Failure():
                self._over = True
                shown = {"message": event.message, "type": event.type, "code": event.code, "param": None}
                out.append(frame_fault(shown, self._frames.count))
            case _:
                self._begin(out)
                out += self._content(event)

    def _content(self, event: ev.Event) -> list[bytes]:
        items = self._items
        match event:
            case ev.RefusalDelta(text=text) if text:
                return items.refuse(text)
            case ev.AudioDelta(transcript=text) if text:
                return items.text(text, [])
            case ev.CitationDelta(citation=citation):
                return items.cite(citation)
            case ev.ReasoningDelta(text=text) if text:
                return items.think(text)
            case ev.ReasoningSignature(signature=signature):
                return items.sign(signature)
            case ev.RedactedReasoning(data=data):
                return items.whole(Reasoning(redacted=data))
            case ev.OpaqueBlock(dialect=dialect, raw=raw) if dialect == NAME:
                return items.own(raw)
            case ev.OpaqueBlock():
                return items.whole(Opaque(event.dialect, event.kind, event.raw))
            case ev.ToolCallStart():
                ident = call_id(event.id, self._start.id, event.index)
                return items.call(event.index, ToolCall(ident, event.name, "", custom=event.custom))
            case ev.ToolCallDelta():
                return items.arguments(event.index, event.arguments)
        return []

    def _begin(self, out: list[bytes]) -> None:
        if self._head is not None:
            return
        start = self._start
        self._head = self._renderer.head(start.id, start.model, start.created, start.service_tier)
        self._items = Items(self._frames, Names(self._head["id"]))
        out.append(self._frames.make("response.created", response=self._head))
        out.append(self._frames.make("response.in_progress", response=self._head))

    def _end(self, out: list[bytes]) -> None:
        self._over = True
        ended = render_finish(self._finish, refused=self._items.refused)
        out += self._items.finish(ended["status"])
        whole = (self._head or {}) | ended | {"output": self._items.output, "usage": render_usage(self._usage)}
        out.append(self._frames.make(f"response.{ended['status']}", response=whole))
