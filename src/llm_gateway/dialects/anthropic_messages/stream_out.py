"""A caller's stream, events to bytes.

The API's grammar: message_start, then blocks one after another, each with content_block_start, its deltas and
content_block_stop, then message_delta (why it ended, all usage) and message_stop. OpenAI's events may interleave: tool calls
come in parallel, text between them. So one block is open and written as it comes, and what belongs to others waits in order
(blocks.py) until it is certain that the open one is complete.

OpenAI tells usage last; message_start has zeros then, and message_delta the numbers, which the SDKs take over.
"""

from __future__ import annotations

from typing import Any

from llm_gateway.core import events as ev
from llm_gateway.core.chat import ChatRequest, Finish
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages.blocks import Blocks
from llm_gateway.dialects.anthropic_messages.citations import shown
from llm_gateway.dialects.anthropic_messages.errors import TYPES, frame_error
from llm_gateway.dialects.anthropic_messages.reply import TIERS
from llm_gateway.dialects.anthropic_messages.stops import render_stop
from llm_gateway.dialects.anthropic_messages.usage import render_delta_usage, render_usage
from llm_gateway.dialects.anthropic_messages.wire import NAME
from llm_gateway.http.framing.sse import frame


class Writer:
    """One answer; the first choice of it, since the API knows one only."""

    def __init__(self, request: ChatRequest) -> None:
        self._blocks = Blocks()
        self._start = ev.Start("", request.model)
        self._started = False
        self._usage: Usage | None = None
        self._finish: Finish | None = None
        self._stop_sequence: str | None = None
        self._refused = False
        self._over = False

    def feed(self, events: list[ev.Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if self._over:
                break
            if type(event) is ev.TextDelta and self._started:  # nearly all are, and match tries one class after another
                if event.choice == 0:
                    out += self._blocks.text(event.text)
            elif getattr(event, "choice", 0) == 0:
                self._event(event, out)
        if events and not self._over:
            self._begin(out)
        return b"".join(out)

    def fail(self, error: GatewayError, request_id: str) -> bytes:
        """Nothing is closed before the error, so that nothing looks complete."""
        if self._over:
            return b""
        self._over = True
        return frame_error(error, request_id)

    def _event(self, event: ev.Event, out: list[bytes]) -> None:
        match event:
            case ev.Start():
                self._start = event
            case ev.UsageUpdate(usage=usage):
                self._usage = usage
            case ev.Finish(reason=reason, stop_sequence=stop_sequence):
                self._finish = self._finish or reason
                self._stop_sequence = stop_sequence
            case ev.Done():
                self._begin(out)
                self._end(out)
            case ev.Failure():
                self._begin(out)
                kind = event.type if event.type in TYPES else "api_error"
                out.append(_frame("error", {"error": {"type": kind, "message": event.message}}))
                self._over = True
            case _:
                self._begin(out)
                self._content(event, out)

    def _content(self, event: ev.Event, out: list[bytes]) -> None:
        blocks = self._blocks
        match event:
            case ev.TextDelta(text=text):
                out += blocks.text(text)
            case ev.RefusalDelta(text=text):
                self._refused = True
                out += blocks.text(text)
            case ev.AudioDelta(transcript=text):
                out += blocks.text(text)
            case ev.CitationDelta(citation=citation):
                for source in shown([citation]):
                    out += blocks.cite(source)
            case ev.ReasoningDelta(text=text):
                out += blocks.think(text)
            case ev.ReasoningSignature(signature=signature):
                out += blocks.sign(signature)
            case ev.RedactedReasoning(data=data):
                out += blocks.whole({"type": "redacted_thinking", "data": data})
            case ev.OpaqueBlock(dialect=dialect, raw=raw) if dialect == NAME:
                out += blocks.whole(raw)
            case ev.ToolCallStart():
                out += blocks.call(event.index, self._call_id(event), event.name)
            case ev.ToolCallDelta():
                out += blocks.arguments(event.index, event.arguments)

    def _call_id(self, event: ev.ToolCallStart) -> str:
        """Some servers give none, and a client needs one to answer with."""
        return event.id or f"toolu_{self._start.id}_{event.index}"

    def _begin(self, out: list[bytes]) -> None:
        """message_start: not with Start, so that usage which comes right behind it can go along."""
        if self._started:
            return
        self._started = True
        usage = render_usage(self._usage)
        tier = TIERS.get(self._start.service_tier or "")
        if tier is not None:
            usage["service_tier"] = tier
        message: dict[str, Any] = {
            "id": self._start.id,
            "type": "message",
            "role": "assistant",
            "model": self._start.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        out.append(_frame("message_start", {"message": message}))

    def _end(self, out: list[bytes]) -> None:
        self._over = True
        out += self._blocks.finish()
        if self._finish == "error":
            error = {"type": "api_error", "message": "The provider ended its answer with an error"}
            out.append(_frame("error", {"error": error}))
            return
        reason = render_stop(self._finish, self._stop_sequence, calls=self._blocks.calls > 0, refused=self._refused)
        delta = {"stop_reason": reason, "stop_sequence": self._stop_sequence}
        out.append(_frame("message_delta", {"delta": delta, "usage": render_delta_usage(self._usage)}))
        out.append(_frame("message_stop", {}))


def _frame(kind: str, members: dict[str, Any]) -> bytes:
    return frame(encode({"type": kind, **members}), kind.encode())
