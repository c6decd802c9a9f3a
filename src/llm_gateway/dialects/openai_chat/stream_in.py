"""A stream, wire to events.

Survived: first chunks without choices (Azure), finish reasons that come twice (OpenRouter), content as a list and tool calls
without index or type (Mistral), usage beside the choices, in a chunk of its own or in x_groq, missing ids, null deltas.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Opaque, Reasoning, Refusal, Text
from llm_gateway.core.events import (
    AudioDelta,
    CitationDelta,
    Done,
    Event,
    Failure,
    Finish,
    OpaqueBlock,
    ReasoningDelta,
    ReasoningSignature,
    RedactedReasoning,
    RefusalDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from llm_gateway.dialects.openai_chat import wire
from llm_gateway.dialects.openai_chat.calls_in import CallPiece, Calls, FunctionPiece
from llm_gateway.dialects.openai_chat.finish import parse_finish
from llm_gateway.dialects.openai_chat.reasoning import parse_entry
from llm_gateway.dialects.openai_chat.reply_in import BlockWire, content_parts, text_or_none
from llm_gateway.dialects.openai_chat.watch import AnyChoice, AnyChunk, fault_in, read_chunk, usage_in
from llm_gateway.dialects.reading import SseEvents
from llm_gateway.dialects.template import beginning_of
from llm_gateway.http.framing.sse import SseEvent


class DeltaWire(msgspec.Struct, gc=False):
    content: Any = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[dict[str, Any]] | None = None
    tool_calls: list[CallPiece] | None = None
    function_call: FunctionPiece | None = None
    annotations: list[Any] | None = None
    citations: list[Any] | None = None
    opaque_blocks: list[BlockWire] | None = None
    audio: dict[str, Any] | None = None


class ChoiceWire(AnyChoice, gc=False):
    delta: DeltaWire | None = None
    message: DeltaWire | None = None
    native_finish_reason: Any = None
    stop_reason: Any = None
    logprobs: Raw = wire.NULL


class ChunkWire(AnyChunk, gc=False):
    choices: list[ChoiceWire] | None = None
    id: str | None = None
    model: str | None = None
    created: Any = None
    service_tier: Any = None
    system_fingerprint: Any = None


_EMPTY = DeltaWire()
_CONTENT, _THOUGHT, _OTHER_THOUGHT = (beginning_of(name) for name in ("content", "reasoning_content", "reasoning"))


class OpenAIReader(SseEvents):
    def __init__(self) -> None:
        super().__init__()
        self._id = ""
        self._started = False
        self._seen: set[int] = set()
        self._ended: set[int] = set()
        self._told_plainly: set[int] = set()  # choices whose reasoning comes as plain text, so that its details repeat it
        self._calls: dict[int, Calls] = {}

    def _is_finished(self) -> bool:
        return bool(self._ended) and self._ended >= self._seen

    def _take(self, batch: list[SseEvent], raw: bytes) -> list[Event]:
        out: list[Event] = []
        for event in batch:
            if self._over:
                break
            if event.data == b"[DONE]":
                self._over = True
                # who ends a stream by the book and leaves the reason out means that it is whole (Snowflake)
                out += [Finish("tool_calls" if n in self._calls else "stop", n) for n in sorted(self._seen - self._ended)]
                out.append(Done())
            else:
                self._event(event, raw, out)
        return out

    def _event(self, event: SseEvent, raw: bytes, out: list[Event]) -> None:
        chunk = read_chunk(event, ChunkWire)
        fault = fault_in(event, chunk, chunk.choices if chunk else None)
        if fault is not None:
            self._over = True
            out.append(Failure(fault.message, fault.type or None, fault.code or None))
            return
        if chunk is None:
            return
        if not self._started and (chunk.id or chunk.choices):
            self._start(chunk, out)
        for choice in chunk.choices or ():
            self._choice(choice, out)
        usage = usage_in(chunk)
        if usage is not None:
            out.append(UsageUpdate(usage))
        elif not event.event and chunk.choices and len(chunk.choices) == 1:
            self._learn(chunk.choices[0], raw)

    def _learn(self, choice: ChoiceWire, raw: bytes) -> None:
        """From a chunk that is a piece of text and nothing else, of an answer that goes on."""
        delta, index = choice.delta, choice.index or 0
        if delta is None or choice != ChoiceWire(choice.index, delta=delta) or index in self._ended:
            return
        text = delta.content
        if text and isinstance(text, str) and delta == DeltaWire(content=text):
            self._pieces.learn(raw, _CONTENT, text, partial(TextDelta, choice=index))
            return
        thought, other = delta.reasoning_content, delta.reasoning
        if thought and delta == DeltaWire(reasoning_content=thought):
            self._pieces.learn(raw, _THOUGHT, thought, partial(ReasoningDelta, choice=index))
        elif other and delta == DeltaWire(reasoning=other):
            self._pieces.learn(raw, _OTHER_THOUGHT, other, partial(ReasoningDelta, choice=index))

    def _start(self, chunk: ChunkWire, out: list[Event]) -> None:
        self._started = True
        self._id = chunk.id or ""
        created = chunk.created
        out.append(
            Start(
                self._id,
                chunk.model or "",
                int(created) if isinstance(created, int | float) and created else None,
                text_or_none(chunk.service_tier),
                text_or_none(chunk.system_fingerprint),
            )
        )

    def _choice(self, choice: ChoiceWire, out: list[Event]) -> None:
        index = choice.index or 0
        self._seen.add(index)
        if index not in self._ended:
            self._delta(choice.delta or choice.message or _EMPTY, choice, index, out)
            finish = parse_finish(choice.finish_reason, choice.native_finish_reason, calls=index in self._calls)
            if finish is not None:
                self._ended.add(index)
                self._pieces.forget()
                out.append(Finish(finish, index, text_or_none(choice.stop_reason)))

    def _delta(self, delta: DeltaWire, choice: ChoiceWire, index: int, out: list[Event]) -> None:
        text = delta.reasoning_content or delta.reasoning
        if text:
            self._told_plainly.add(index)
            out.append(ReasoningDelta(text, index))
        for entry in delta.reasoning_details or ():
            self._detail(entry, index, out)
        out += [OpaqueBlock(block.dialect, block.kind, block.block, index) for block in delta.opaque_blocks or ()]
        logprobs = None if choice.logprobs == wire.NULL else choice.logprobs
        if delta.content or logprobs is not None:
            self._content(delta.content, logprobs, index, out)
        if delta.refusal:
            out.append(RefusalDelta(delta.refusal, index))
        out += [CitationDelta(source, index) for source in delta.citations or delta.annotations or ()]
        if delta.audio:
            out.append(_audio(delta.audio, index))
        if delta.tool_calls or delta.function_call:
            calls = self._calls.get(index)
            if calls is None:
                calls = self._calls[index] = Calls(self._id, index)
            out += calls.feed(delta.tool_calls or [CallPiece(index=0, function=delta.function_call)])

    def _detail(self, entry: dict[str, Any], index: int, out: list[Event]) -> None:
        part = parse_entry(entry)
        if isinstance(part, Opaque):
            out.append(OpaqueBlock(part.dialect, part.kind, part.raw, index))
        elif part is not None and part.redacted is not None:
            out.append(RedactedReasoning(part.redacted, index))
        else:
            text = part.text if part is not None else entry.get("text") or entry.get("summary") or ""
            if text and index not in self._told_plainly:
                out.append(ReasoningDelta(text, index))
            if part is not None and part.signature is not None:
                out.append(ReasoningSignature(part.signature, index))

    def _content(self, content: Any, logprobs: Raw | None, index: int, out: list[Event]) -> None:
        if isinstance(content, str) or content is None:
            out.append(TextDelta(content or "", index, logprobs))
            return
        for part in content_parts(content):
            match part:
                case Text():
                    out.append(TextDelta(part.text, index, logprobs))
                case Reasoning():
                    out.append(ReasoningDelta(part.text, index))
                case Refusal():
                    out.append(RefusalDelta(part.text, index))
                case Opaque():
                    out.append(OpaqueBlock(part.dialect, part.kind, part.raw, index))


def _audio(audio: dict[str, Any], index: int) -> AudioDelta:
    expires = audio.get("expires_at")
    return AudioDelta(
        audio.get("data") or "",
        audio.get("transcript") or "",
        text_or_none(audio.get("id")),
        expires if isinstance(expires, int) else None,
        index,
    )
