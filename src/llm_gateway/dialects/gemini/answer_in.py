"""What the pieces of one answer say, as events: the same for a stream and for a whole answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core import events
from llm_gateway.core.chat import Opaque, Part, Reasoning, Text, ToolCall
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.gemini.logprobs import Result, parse_logprobs
from llm_gateway.dialects.gemini.parts_in import CallsIn, parse_said
from llm_gateway.dialects.gemini.parts_out import CANDIDATE
from llm_gateway.dialects.gemini.reply_wire import Candidate, Feedback, Piece, read_part
from llm_gateway.dialects.gemini.sources import Citations, Grounding, Told, parse_sources
from llm_gateway.dialects.gemini.stops import parse_stop
from llm_gateway.dialects.gemini.usage import read_usage
from llm_gateway.dialects.gemini.wire import NAME, NULL


class _Choice:
    """How far a candidate has come."""

    __slots__ = ("calls", "finished", "members", "told")

    def __init__(self, reply: str) -> None:
        self.calls = CallsIn(reply)
        self.told = Told()
        self.members: dict[str, bytes] = {}
        self.finished = False


class Answer:
    """One answer."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._started = False
        self._reply = ""
        self._usage: Usage | None = None

    @property
    def is_finished(self) -> bool:
        """Whether every candidate that was seen has its end."""
        return bool(self._choices) and all(choice.finished for choice in self._choices.values())

    def take(self, piece: Piece) -> list[events.Event]:
        """The events of one more piece. Raises UpstreamMalformed."""
        out: list[events.Event] = []
        usage, tier = read_usage(piece.usage_metadata)
        if not self._started:
            self._started = True
            self._reply = piece.response_id or ""
            out.append(events.Start(self._reply, piece.model_version or "", _seconds(piece.create_time), tier))
        for place, candidate in enumerate(piece.candidates or ()):
            self._candidate(candidate, place if candidate.index is None else candidate.index, out)
        if piece.blocked is not None:
            self._block(piece.blocked, out)
        if usage is not None and usage != self._usage:
            self._usage = usage
            out.append(events.UsageUpdate(usage))
        return out

    def _choice(self, index: int) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice(f"{self._reply}_{index}" if index else self._reply)
        return choice

    def _candidate(self, candidate: Candidate, index: int, out: list[events.Event]) -> None:
        choice = self._choice(index)
        if choice.finished:
            return
        logprobs = parse_logprobs(_lenient(candidate.logprobs_result, Result))
        for raw in candidate.content.parts or () if candidate.content is not None else ():
            for part in parse_said(read_part(raw), choice.calls) or ():
                if isinstance(part, Text):
                    if not part.text and logprobs is None:
                        continue
                    choice.told.add(part.text)
                    out.append(events.TextDelta(part.text, index, logprobs))
                    logprobs = None
                else:
                    out += _events(part, choice.calls.count - 1, index)
        if logprobs is not None:
            out.append(events.TextDelta("", index, logprobs))
        self._beside(candidate, choice, index, out)
        finish = parse_stop(candidate.finish_reason, calls=choice.calls.count > 0)
        if finish is not None:
            if finish == "content_filter" and candidate.finish_message:
                out.append(events.RefusalDelta(candidate.finish_message, index))
            choice.finished = True
            out.append(events.Finish(finish, index))

    def _beside(self, candidate: Candidate, choice: _Choice, index: int, out: list[events.Event]) -> None:
        """Sources and ratings, which providers repeat."""
        new = {name: value for name, value in candidate.members.items() if choice.members.get(name) != bytes(value)}
        if not new:
            return
        choice.members |= {name: bytes(value) for name, value in new.items()}
        grounding = _lenient(new.get("groundingMetadata", NULL), Grounding)
        cited = _lenient(new.get("citationMetadata", NULL), Citations)
        if grounding is not None or cited is not None:
            out += [events.CitationDelta(source, index) for source in parse_sources(grounding, cited, choice.told.text())]
        out.append(events.OpaqueBlock(NAME, CANDIDATE, Raw(encode(new)), index))

    def _block(self, feedback: Feedback, out: list[events.Event]) -> None:
        choice = self._choice(0)
        if not choice.finished:
            choice.finished = True
            if feedback.block_reason_message:
                out.append(events.RefusalDelta(feedback.block_reason_message))
            out.append(events.Finish("content_filter"))


def _events(part: Part, call: int, index: int) -> list[events.Event]:
    match part:
        case Reasoning(redacted=str(data)):
            return [events.RedactedReasoning(data, index)]
        case Reasoning():
            text: list[events.Event] = [events.ReasoningDelta(part.text, index)] if part.text else []
            return [*text, events.ReasoningSignature(part.signature, index)] if part.signature else text
        case ToolCall():
            return [events.ToolCallStart(call, part.id, part.name, index), events.ToolCallDelta(call, part.arguments, index)]
        case Opaque():
            return [events.OpaqueBlock(part.dialect, part.kind, part.raw, index)]
        case _:
            return []


def _lenient(raw: Raw, type: Any) -> Any:  # noqa: A002 - as core.json.decode has it
    """None where it is something else: what stands beside an answer must not lose it."""
    if raw == NULL:
        return None
    try:
        return msgspec.json.decode(raw, type=type)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _seconds(time: str | None) -> int | None:
    """CreateTime (RFC 3339) since the epoch."""
    try:
        return int(datetime.fromisoformat(time).timestamp()) if time else None
    except (ValueError, OverflowError):
        return None
