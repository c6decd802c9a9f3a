"""A stream, events to wire: one id, created and model for all chunks; the role first, an empty delta with the finish reason last,
then the usage chunk if the caller asked for it, then [DONE].

A reasoning block streams as `reasoning_content`; at its end, if it was signed, its entry of `reasoning_details` follows whole
(reasoning.py), for clients that send it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from llm_gateway.core.chat import Opaque, Reasoning
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.events import (
    AudioDelta,
    CitationDelta,
    Done,
    Event,
    Finish,
    OpaqueBlock,
    ReasoningDelta,
    ReasoningSignature,
    RedactedReasoning,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageUpdate,
)
from llm_gateway.core.json import decode, encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_chat.citations import annotations_of, is_annotation
from llm_gateway.dialects.openai_chat.errors import frame_error
from llm_gateway.dialects.openai_chat.reasoning import is_entry, render_entry
from llm_gateway.dialects.openai_chat.reply_out import add_finish, render_block, service_tier
from llm_gateway.dialects.openai_chat.usage import render_usage
from llm_gateway.http.framing.sse import DONE


class _Choice:
    """How far a choice has come."""

    __slots__ = ("blocks", "cited", "custom", "details", "length", "spoken", "thought")

    def __init__(self) -> None:
        self.thought: list[str] = []  # of the reasoning block that is open
        self.details = 0
        self.blocks = 0
        self.length = 0  # characters of text
        self.spoken = 0  # characters of text that have their sources
        self.cited = False  # sources came after the last text
        self.custom: set[int] = set()


class OpenAIWriter:
    """`created` (seconds since the epoch) stands in where the provider does not say. Failure writes nothing: see `fail`."""

    def __init__(self, *, include_usage: bool, created: int) -> None:
        self._include_usage = include_usage
        self._created = created
        self._head = b""
        self._usage: Usage | None = None
        self._choices: dict[int, _Choice] = {}
        self._start([], Start("", ""))

    def feed(self, events: list[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            write = self._WRITERS.get(type(event))
            if write is not None:
                write(self, out, event)
        return b"".join(out)

    def fail(self, error: GatewayError, request_id: str) -> bytes:
        return frame_error(error, request_id)

    def _text(self, out: list[bytes], event: TextDelta) -> None:
        choice = self._choice(event.choice, out)
        if choice.cited:
            choice.spoken, choice.cited = choice.length, False
        choice.length += len(event.text)
        self._delta(out, event.choice, {"content": event.text}, event.logprobs)

    def _refusal(self, out: list[bytes], event: RefusalDelta) -> None:
        self._delta(out, event.choice, {"refusal": event.text})

    def _use(self, out: list[bytes], event: UsageUpdate) -> None:  # noqa: ARG002 - all writers have one shape
        self._usage = event.usage

    def _start(self, out: list[bytes], event: Start) -> None:  # noqa: ARG002 - as above
        head: dict[str, Any] = {
            "id": event.id,
            "object": "chat.completion.chunk",
            "created": self._created if event.created is None else event.created,
            "model": event.model,
        }
        tier = service_tier(event.service_tier)
        if tier is not None:
            head["service_tier"] = tier
        if event.fingerprint is not None:
            head["system_fingerprint"] = event.fingerprint
        self._head = b"data: " + encode(head)[:-1] + b',"choices":'

    def _choice(self, index: int, out: list[bytes]) -> _Choice:
        """The choice `index`; its role goes out when it is new."""
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
            self._write(
                out, {"index": index, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
            )
        return choice

    def _delta(self, out: list[bytes], index: int, delta: dict[str, Any], logprobs: Any = None) -> None:
        self._choice(index, out)
        self._write(out, {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None})

    def _write(self, out: list[bytes], choice: dict[str, Any]) -> None:
        data = encode(choice)
        if b"\n" in data or b"\r" in data:  # a provider's logprobs or block, as it wrote them: a line would end in their middle
            data = b" ".join(data.splitlines())
        out.append(b"%b[%b]}\n\n" % (self._head, data))

    def _finish(self, out: list[bytes], event: Finish) -> None:
        self._choice(event.choice, out)
        last: dict[str, Any] = {"index": event.choice, "delta": {}, "logprobs": None}
        add_finish(last, event.reason, event.stop_sequence)
        self._write(out, last)

    def _done(self, out: list[bytes], event: Done) -> None:  # noqa: ARG002 - as above
        if self._include_usage and self._usage is not None:
            out.append(b'%b[],"usage":%b}\n\n' % (self._head, encode(render_usage(self._usage))))
        out.append(DONE)

    def _reasoning(self, out: list[bytes], event: ReasoningDelta | ReasoningSignature | RedactedReasoning) -> None:
        choice = self._choice(event.choice, out)
        if isinstance(event, ReasoningDelta):
            choice.thought.append(event.text)
            self._delta(out, event.choice, {"reasoning_content": event.text})
            return
        if isinstance(event, ReasoningSignature):
            block = Reasoning("".join(choice.thought), event.signature)
            choice.thought = []
        else:
            block = Reasoning(redacted=event.data)
        self._delta(out, event.choice, {"reasoning_details": [render_entry(block, choice.details)]})
        choice.details += 1

    def _call(self, out: list[bytes], event: ToolCallStart | ToolCallDelta) -> None:
        choice = self._choice(event.choice, out)
        call: dict[str, Any] = {"index": event.index}
        if isinstance(event, ToolCallStart):
            call |= {"id": event.id, "type": "custom" if event.custom else "function"}
            if event.custom:
                choice.custom.add(event.index)
                call["custom"] = {"name": event.name, "input": ""}
            else:
                call["function"] = {"name": event.name, "arguments": ""}
        elif event.index in choice.custom:
            call["custom"] = {"input": event.arguments}
        else:
            call["function"] = {"arguments": event.arguments}
        self._delta(out, event.choice, {"tool_calls": [call]})

    def _cite(self, out: list[bytes], event: CitationDelta) -> None:
        choice = self._choice(event.choice, out)
        choice.cited = True
        delta: dict[str, Any] = {}
        shown = annotations_of([event.citation], choice.spoken, choice.length)
        if shown:
            delta["annotations"] = shown
        if not is_annotation(event.citation):
            delta["citations"] = [event.citation]
        self._delta(out, event.choice, delta)

    def _audio(self, out: list[bytes], event: AudioDelta) -> None:
        said = {"id": event.id, "data": event.data, "transcript": event.transcript, "expires_at": event.expires_at}
        self._delta(out, event.choice, {"audio": {name: value for name, value in said.items() if value}})

    def _block(self, out: list[bytes], event: OpaqueBlock) -> None:
        choice = self._choice(event.choice, out)
        block = Opaque(event.dialect, event.kind, event.raw)
        if is_entry(block):
            self._delta(out, event.choice, {"reasoning_details": [decode(bytes(event.raw), dict[str, Any])]})
        else:
            self._delta(out, event.choice, {"opaque_blocks": [render_block(block, choice.blocks)]})
            choice.blocks += 1

    _WRITERS: ClassVar[Mapping[type, Callable[[OpenAIWriter, list[bytes], Any], None]]] = MappingProxyType(
        {
            TextDelta: _text,
            ReasoningDelta: _reasoning,
            ToolCallDelta: _call,
            ToolCallStart: _call,
            Start: _start,
            UsageUpdate: _use,
            Finish: _finish,
            Done: _done,
            ReasoningSignature: _reasoning,
            RedactedReasoning: _reasoning,
            RefusalDelta: _refusal,
            CitationDelta: _cite,
            AudioDelta: _audio,
            OpaqueBlock: _block,
        }
    )
