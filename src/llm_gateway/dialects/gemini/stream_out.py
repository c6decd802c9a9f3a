"""A caller's stream, events to bytes: pieces with what is new, then one with the reasons of the end and all that stands beside
the content. As SSE, or as one JSON array.

A function call is shown when it is whole, since Gemini has no pieces of it: at the end, in the order in which the calls began.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from llm_gateway.core import events as ev
from llm_gateway.core.chat import ChatRequest, Finish, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.errors import GatewayError, UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.gemini.errors import status_name
from llm_gateway.dialects.gemini.frames import ArrayFrames, SseFrames
from llm_gateway.dialects.gemini.logprobs import render_logprobs
from llm_gateway.dialects.gemini.parts_out import PartsOut, Rules
from llm_gateway.dialects.gemini.reply_out import join_members, render_time
from llm_gateway.dialects.gemini.signatures import untag
from llm_gateway.dialects.gemini.sources import Told
from llm_gateway.dialects.gemini.stops import render_stop
from llm_gateway.dialects.gemini.usage import render_usage
from llm_gateway.dialects.gemini.wire import NAME

LIMIT_CHARS = 8 << 20
"""Of the arguments of all calls."""
_RULES = Rules(reply=True)


class _Choice:
    """How far a choice has come. `new`: what is not yet written."""

    __slots__ = ("calls", "finish", "last", "logprobs", "members", "new", "refused", "sources", "told")

    def __init__(self) -> None:
        self.new: list[Part] = []
        self.last: list[Part] = []
        """The calls' own signatures, which go with them."""
        self.calls: dict[int, tuple[ev.ToolCallStart, list[str]]] = {}
        self.logprobs: list[Raw] = []
        self.members: list[Raw] = []
        self.sources: list[Any] = []
        self.told = Told()
        self.finish: Finish | None = None
        self.refused = False


class Writer:
    """One answer, all choices of it."""

    def __init__(self, request: ChatRequest, *, array: bool = False) -> None:
        self._frames = ArrayFrames() if array else SseFrames()
        self._start = ev.Start("", request.model)
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None
        self._chars = 0
        self._over = False

    def feed(self, events: list[ev.Event]) -> bytes:
        for event in events:
            match event:
                case _ if self._over:
                    break
                case ev.Start():
                    self._start = event
                case ev.UsageUpdate():
                    self._usage = event.usage
                case ev.Done():
                    return self._new() + self._end()
                case ev.Failure():
                    return self._new() + self._fail(event)
                case _:
                    self._content(event, self._choices.setdefault(event.choice, _Choice()))
        return self._new()

    def fail(self, error: GatewayError, request_id: str) -> bytes:
        if self._over:
            return b""
        self._over = True
        return self._frames.fail(error, request_id)

    def _content(self, event: ev.Event, choice: _Choice) -> None:
        match event:
            case ev.TextDelta():
                choice.told.add(event.text)
                if event.text:
                    choice.new.append(Text(event.text))
                if event.logprobs is not None:
                    choice.logprobs.append(event.logprobs)
            case ev.ReasoningDelta() | ev.ReasoningSignature() | ev.RedactedReasoning():
                _think(event, choice)
            case ev.RefusalDelta():
                choice.refused = True
                choice.new.append(Refusal(event.text))
            case ev.AudioDelta():
                _speak(event, choice)
            case ev.CitationDelta():
                choice.sources.append(event.citation)
            case ev.OpaqueBlock():
                choice.new.append(Opaque(event.dialect, event.kind, event.raw))
            case ev.Finish():
                choice.finish = choice.finish or event.reason
            case ev.ToolCallStart() | ev.ToolCallDelta():
                self._call(event, choice)

    def _call(self, event: ev.ToolCallStart | ev.ToolCallDelta, choice: _Choice) -> None:
        if isinstance(event, ev.ToolCallStart):
            choice.calls.setdefault(event.index, (event, []))
            return
        self._chars += len(event.arguments)
        if self._chars > LIMIT_CHARS:
            raise UpstreamMalformed("The provider's tool calls are larger than this gateway accepts")
        if event.index in choice.calls:
            choice.calls[event.index][1].append(event.arguments)

    def _new(self) -> bytes:
        """The piece with what came since the last one."""
        candidates = [
            candidate for index, choice in self._choices.items() if (candidate := self._candidate(index, choice)) is not None
        ]
        return self._piece(candidates) if candidates and not self._over else b""

    def _candidate(self, index: int, choice: _Choice) -> dict[str, Any] | None:
        parts = PartsOut(_RULES, [])
        for part in choice.new:
            parts.add(part, str)
        shown = parts.finish()
        choice.new = []
        choice.members += parts.members
        logprobs = render_logprobs(choice.logprobs)
        choice.logprobs = []
        if not shown and logprobs is None:
            return None
        candidate: dict[str, Any] = {"content": {"parts": shown, "role": "model"}, "index": index}
        if logprobs is not None:
            candidate["logprobsResult"] = logprobs
        return candidate

    def _end(self) -> bytes:
        last = [self._last(index, choice) for index, choice in sorted((self._choices or {0: _Choice()}).items())]
        self._over = True
        return self._piece(last) + self._frames.close()

    def _last(self, index: int, choice: _Choice) -> dict[str, Any]:
        parts = PartsOut(_RULES, [])
        for part in choice.last:
            parts.add(part, str)
        for number in sorted(choice.calls):
            call, pieces = choice.calls[number]
            parts.add(ToolCall(call.id, call.name, "".join(pieces), custom=call.custom), str)
        candidate: dict[str, Any] = {
            "content": {"parts": parts.finish(), "role": "model"},
            "finishReason": render_stop(choice.finish, refused=choice.refused),
            "index": index,
        }
        join_members(candidate, choice.members, choice.sources, choice.told.text())
        return candidate

    def _piece(self, candidates: list[dict[str, Any]]) -> bytes:
        piece: dict[str, Any] = {"candidates": candidates}
        if self._usage is not None:
            piece["usageMetadata"] = render_usage(self._usage)
        piece |= {"modelVersion": self._start.model, "responseId": self._start.id}
        if self._start.created is not None and (time := render_time(self._start.created)) is not None:
            piece["createTime"] = time
        return self._frames.piece(encode(piece))

    def _fail(self, failure: ev.Failure) -> bytes:
        self._over = True
        status = failure.status or 500
        error = {"code": status, "message": failure.message, "status": status_name(status)}
        return self._frames.piece(encode({"error": error})) + self._frames.close()


def _think(event: ev.ReasoningDelta | ev.ReasoningSignature | ev.RedactedReasoning, choice: _Choice) -> None:
    if isinstance(event, ev.ReasoningDelta):
        choice.new.append(Reasoning(event.text))
    elif isinstance(event, ev.RedactedReasoning):
        choice.new.append(Reasoning(redacted=event.data))
    else:
        signed = untag(event.signature)
        of_call = signed is not None and signed.place.startswith("c")
        (choice.last if of_call else choice.new).append(Reasoning("", event.signature))


def _speak(event: ev.AudioDelta, choice: _Choice) -> None:
    """OpenAI streams raw samples of 24 kHz."""
    if event.transcript:
        choice.new.append(Text(event.transcript))
    if event.data:
        blob = {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": event.data}
        choice.new.append(Opaque(NAME, "inlineData", Raw(encode({"inlineData": blob}))))
