"""A whole answer, wire to neutral, and the look at one that passes through."""

from __future__ import annotations

import msgspec

from llm_gateway.core import events as ev
from llm_gateway.core.chat import ChatReply, Choice, Finish, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.gemini.answer_in import Answer
from llm_gateway.dialects.gemini.reply_wire import read_pieces
from llm_gateway.dialects.gemini.usage import read_usage


def check_reply(body: bytes) -> ReplyFacts:
    """Raises UpstreamMalformed for what is no answer."""
    last = read_pieces(body)[-1]
    return ReplyFacts(read_usage(last.usage_metadata)[0], last.model_version or "")


def parse_reply(body: bytes) -> ChatReply:
    """The fold of what a stream of it would say, so that both agree. Raises UpstreamMalformed."""
    answer, fold = Answer(), _Fold()
    for piece in read_pieces(body):
        for event in answer.take(piece):
            fold.take(event)
    return fold.reply()


class _Fold:
    def __init__(self) -> None:
        self._start = ev.Start("", "")
        self._parts: dict[int, list[Part]] = {}
        self._ends: dict[int, Finish] = {}
        self._logprobs: dict[int, msgspec.Raw] = {}
        self._usage: ev.UsageUpdate | None = None

    def take(self, event: ev.Event) -> None:
        match event:
            case ev.Start():
                self._start = event
            case ev.UsageUpdate():
                self._usage = event
            case ev.Finish():
                self._parts.setdefault(event.choice, [])
                self._ends[event.choice] = event.reason
            case ev.Failure() | ev.Done():
                pass
            case _:
                self._content(event, self._parts.setdefault(event.choice, []))

    def reply(self) -> ChatReply:
        choices = [
            Choice(index, tuple(parts), self._ends.get(index), logprobs=self._logprobs.get(index))
            for index, parts in sorted(self._parts.items())
        ]
        start, usage = self._start, self._usage
        return ChatReply(start.id, start.model, tuple(choices), usage.usage if usage else None, start.created, start.service_tier)

    def _content(self, event: ev.Event, parts: list[Part]) -> None:
        match event:
            case ev.TextDelta():
                if event.logprobs is not None:
                    self._logprobs[event.choice] = event.logprobs
                _say(parts, event.text)
            case ev.ToolCallStart():
                parts.append(ToolCall(event.id, event.name, ""))
            case ev.ToolCallDelta():
                call = parts[-1]
                if isinstance(call, ToolCall):
                    parts[-1] = msgspec.structs.replace(call, arguments=event.arguments)
            case ev.CitationDelta():
                _cite(parts, event)
            case ev.RefusalDelta():
                parts.append(Refusal(event.text))
            case ev.OpaqueBlock():
                parts.append(Opaque(event.dialect, event.kind, event.raw))
            case ev.ReasoningDelta() | ev.ReasoningSignature() | ev.RedactedReasoning():
                _think(parts, event)


def _say(parts: list[Part], text: str) -> None:
    last = parts[-1] if parts else None
    if isinstance(last, Text):
        parts[-1] = msgspec.structs.replace(last, text=last.text + text)
    elif text:
        parts.append(Text(text))


def _think(parts: list[Part], event: ev.ReasoningDelta | ev.ReasoningSignature | ev.RedactedReasoning) -> None:
    """A signature closes the thought that is open; there may be none."""
    if isinstance(event, ev.RedactedReasoning):
        parts.append(Reasoning(redacted=event.data))
        return
    last = parts[-1] if parts else None
    if isinstance(last, Reasoning) and last.signature is None and last.redacted is None:
        parts.pop()
    else:
        last = Reasoning()
    signed = event.signature if isinstance(event, ev.ReasoningSignature) else None
    parts.append(Reasoning(last.text + (event.text if isinstance(event, ev.ReasoningDelta) else ""), signed))


def _cite(parts: list[Part], event: ev.CitationDelta) -> None:
    """A source belongs to the last text before it."""
    for place in range(len(parts) - 1, -1, -1):
        part = parts[place]
        if isinstance(part, Text):
            parts[place] = msgspec.structs.replace(part, citations=(*part.citations, event.citation))
            return
