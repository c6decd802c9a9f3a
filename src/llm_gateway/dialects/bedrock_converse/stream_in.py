"""A provider's stream, bytes to events (API_runtime_ConverseStreamOutput).

The order is messageStart, blocks, messageStop, metadata. There is no terminal marker: an answer is complete when messageStop was
seen and the stream closed between two messages. Blocks of text and thinking begin with their first delta. A frame of type
exception ends the stream.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core import events
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import MalformedJson, decode_lenient, encode
from llm_gateway.dialects.bedrock_converse import wire
from llm_gateway.dialects.bedrock_converse.citations import parse_citation
from llm_gateway.dialects.bedrock_converse.errors import STATUSES, parse_fault
from llm_gateway.dialects.bedrock_converse.opaque import parse_blob
from llm_gateway.dialects.bedrock_converse.reply import SERVER_TOOL
from llm_gateway.dialects.bedrock_converse.stops import parse_stop, sequence_of
from llm_gateway.dialects.bedrock_converse.usage import parse_usage
from llm_gateway.dialects.received import NO_EVENT, expect
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.eventstream import EventStreamReader, Message

LIMIT_BYTES = 8 << 20
"""Of the blocks that go on whole, together."""
_OPEN_LIMIT = 1024


class _Block:
    """A block whose deltas need to know what it is. `call`: its place among the tool calls; `whole`: it goes on in one piece."""

    __slots__ = ("blob", "call", "input", "kind", "whole")

    def __init__(self, kind: str, call: int = -1, whole: dict[str, Any] | None = None) -> None:
        self.kind = kind
        self.call = call
        self.whole = whole
        self.input: list[str] = []
        self.blob: list[str] = []


class Reader:
    """One answer. Frames of unknown type are skipped."""

    def __init__(self) -> None:
        self._frames = EventStreamReader()
        self._open: dict[int, _Block] = {}
        self._calls = 0
        self._held = 0
        self._started = False
        self._finished = False
        self._over = False
        self._takers = {
            "messageStart": self._start,
            "contentBlockStart": self._block_start,
            "contentBlockDelta": self._block_delta,
            "contentBlockStop": self._block_stop,
            "messageStop": self._stop,
            "metadata": self._metadata,
        }

    def feed(self, data: bytes) -> list[events.Event]:
        if self._over:
            return []
        try:
            messages = self._frames.feed(data)
        except FramingError as error:
            raise UpstreamMalformed(f"The provider's stream is malformed: {error}") from None
        out: list[events.Event] = []
        for message in messages:
            if not self._take(message, out):
                break
        return out

    def end(self) -> list[events.Event]:
        if self._over:
            return []
        self._over = True
        try:
            self._frames.end()
        except FramingError as error:
            raise UpstreamMalformed(f"The provider's stream is malformed: {error}") from None
        return [events.Done()] if self._finished else []

    def _take(self, message: Message, out: list[events.Event]) -> bool:
        """Whether the stream goes on."""
        kind = message.headers.get(":message-type")
        if kind in {"exception", "error"}:
            self._over = True
            out.append(_failure(message))
            return False
        take = self._takers.get(str(message.headers.get(":event-type")))
        if take is not None:
            take(message.payload, out)
        return True

    def _start(self, payload: bytes, out: list[events.Event]) -> None:
        _decode(payload, dict[str, Raw])
        if not self._started:
            self._started = True
            out.append(events.Start("", ""))

    def _block_start(self, payload: bytes, out: list[events.Event]) -> None:
        event: wire.BlockStart = _decode(payload, wire.BlockStart)
        self._expect_content()
        self._close(event.content_block_index, out)
        kind, head = next(iter(event.start.items()), ("", None))
        if kind == "toolUse" and isinstance(head, dict) and head.get("type") != SERVER_TOOL:
            call = _convert(head, wire.ToolUse)
            self._keep(event.content_block_index, _Block(kind, self._calls))
            out.append(events.ToolCallStart(self._calls, call.tool_use_id, call.name))
            self._calls += 1
        elif kind:
            self._count(payload)
            self._keep(event.content_block_index, _Block(kind, whole=head if isinstance(head, dict) else {}))

    def _block_delta(self, payload: bytes, out: list[events.Event]) -> None:
        event: wire.BlockDelta = _decode(payload, wire.BlockDelta)
        self._expect_content()
        delta = event.delta
        block = self._open.get(event.content_block_index)
        if block is not None and block.whole is not None:
            self._grow(block, payload)
        elif delta.text is not None:
            out.append(events.TextDelta(delta.text))
        elif delta.tool_use is not None:
            if block is None or block.call < 0:
                raise UpstreamMalformed("The provider's stream has a tool's input outside of a call")
            if delta.tool_use.input:
                out.append(events.ToolCallDelta(block.call, delta.tool_use.input))
        elif delta.reasoning_content is not None:
            self._think(event.content_block_index, delta.reasoning_content, out)
        elif delta.citation is not None:
            out.append(events.CitationDelta(parse_citation(delta.citation)))
        else:
            whole = _Block(next(iter(_members(payload)), ""), whole={})
            if whole.kind:
                self._keep(event.content_block_index, whole)
                self._grow(whole, payload)

    def _think(self, index: int, delta: wire.ReasoningDelta, out: list[events.Event]) -> None:
        if delta.text:
            out.append(events.ReasoningDelta(delta.text))
        if delta.signature is not None:
            out.append(events.ReasoningSignature(delta.signature))
        if delta.redacted_content is not None:
            block = self._open.get(index)
            if block is None:
                block = self._keep(index, _Block("reasoningContent"))
            self._count(delta.redacted_content)
            block.blob.append(delta.redacted_content)

    def _block_stop(self, payload: bytes, out: list[events.Event]) -> None:
        self._close(_decode(payload, wire.BlockStop).content_block_index, out)

    def _stop(self, payload: bytes, out: list[events.Event]) -> None:
        event: wire.MessageStop = _decode(payload, wire.MessageStop)
        self._expect_content()
        for index in list(self._open):
            self._close(index, out)
        self._finished = True
        reason = parse_stop(event.stop_reason) or "error"
        out.append(events.Finish(reason, stop_sequence=sequence_of(event.additional_model_response_fields)))

    def _metadata(self, payload: bytes, out: list[events.Event]) -> None:
        usage = _decode(payload, wire.Metadata).usage
        if usage is not None:
            out.append(events.UsageUpdate(parse_usage(usage)))

    def _expect_content(self) -> None:
        if not self._started:
            raise UpstreamMalformed("The provider's stream has content before its message")
        if self._finished:
            raise UpstreamMalformed("The provider's stream has content after its end")

    def _keep(self, index: int, block: _Block) -> _Block:
        if len(self._open) >= _OPEN_LIMIT:
            raise UpstreamMalformed("The provider's stream has too many blocks open at once")
        self._open[index] = block
        return block

    def _count(self, piece: bytes | str) -> None:
        self._held += len(piece)
        if self._held > LIMIT_BYTES:
            raise UpstreamMalformed("The provider's answer holds blocks that are larger than this gateway accepts")

    def _grow(self, block: _Block, payload: bytes) -> None:
        """A delta of a block that goes on whole: strings and lists go on where they began, everything else takes its place."""
        self._count(payload)
        piece = _members(payload).get(block.kind)
        whole = block.whole
        if whole is None:
            return
        if isinstance(piece, list):  # of a tool's result
            whole["content"] = [*whole.get("content", ()), *piece]
        elif isinstance(piece, dict):
            for name, value in piece.items():
                if name == "input" and isinstance(value, str):
                    block.input.append(value)
                else:
                    before = whole.get(name)
                    joined = isinstance(value, str) and isinstance(before, str)
                    whole[name] = before + value if joined else value

    def _close(self, index: int, out: list[events.Event]) -> None:
        block = self._open.pop(index, None)
        if block is None:
            return
        if block.blob:
            out.append(events.RedactedReasoning(parse_blob(_joined(block.blob))))
        if block.whole is not None:
            if block.input:
                block.whole["input"] = _decode("".join(block.input).encode(), Any)
            out.append(events.OpaqueBlock(wire.NAME, block.kind, Raw(encode({block.kind: block.whole}))))


class _AnyDelta(msgspec.Struct, gc=False):
    delta: dict[str, Any] = {}


def _members(payload: bytes) -> dict[str, Any]:
    found: _AnyDelta = _decode(payload, _AnyDelta)
    return found.delta


def _joined(pieces: list[str]) -> str:
    """One blob of its pieces, each base64 of its own."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return b64encode(b"".join(b64decode(piece, validate=True) for piece in pieces)).decode("ascii")
    except (Error, ValueError):
        raise UpstreamMalformed("The provider's stream holds a block that cannot be read") from None


def _failure(message: Message) -> events.Failure:
    """An exception's payload is its JSON; an error of the framing has its code and text in headers."""
    headers = message.headers
    kind = str(headers.get(":exception-type") or headers.get(":error-code") or "")
    try:
        fault = parse_fault(decode_lenient(message.payload, Any))
    except (MalformedJson, msgspec.ValidationError):
        fault = parse_fault(None)
    said = fault.message or str(headers.get(":error-message") or "")
    kind = kind or fault.type
    return events.Failure(said, kind or None, fault.code or None, STATUSES.get(kind[:1].lower() + kind[1:]))


def _convert(head: dict[str, Any], type: Any) -> Any:  # noqa: A002 - as core.json.decode has it
    return _decode(encode(head), type)


def _decode(data: bytes, type: Any) -> Any:  # noqa: A002 - as core.json.decode has it
    return expect(data, type, NO_EVENT)
