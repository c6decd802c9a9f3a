"""Bedrock's InvokeModelWithResponseStream as the Server-Sent Events that the model's own API would have sent.

Each message of the AWS event stream is `{"bytes": "base64 of an event's JSON"}` under the event type `chunk`; errors are messages
of their own, named in a header (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html).
"""

from __future__ import annotations

import re

import msgspec

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.core.splice import remove_top_level
from llm_gateway.dialects.bedrock_converse.errors import parse_error
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.eventstream import EventStreamReader, Message
from llm_gateway.http.framing.sse import frame

_METRICS = "amazon-bedrock-invocationMetrics"
_TYPED = re.compile(rb'\{"type":"([a-z_]{1,64})"')
_NAME = re.compile(r"[a-z_]{1,64}")
_NOT_ONE = "The provider's stream holds something that is not an event of an answer"


class _Chunk(msgspec.Struct, gc=False):
    data: bytes = msgspec.field(name="bytes")


class _Event(msgspec.Struct, gc=False):
    type: str = ""


_read_chunk = msgspec.json.Decoder(_Chunk).decode
_read_event = msgspec.json.Decoder(_Event).decode


class EventStreamSse:
    """An Unframe (providers/base.py). What is not complete at the end is left out: the answer is then seen to be cut."""

    __slots__ = ("_messages",)

    def __init__(self) -> None:
        self._messages = EventStreamReader()

    def feed(self, data: bytes) -> bytes:
        try:
            return b"".join(map(_event, self._messages.feed(data)))
        except FramingError as error:
            raise UpstreamMalformed(f"The provider's stream is malformed: {error}") from None

    def end(self) -> bytes:
        return b""


def _event(message: Message) -> bytes:
    if message.headers.get(":message-type") != "event":
        return _failure(message)
    if message.headers.get(":event-type") != "chunk":
        return b""  # of a kind that is newer than this
    try:
        event = _read_chunk(message.payload).data
        kind = _kind_of(event)
    except msgspec.MsgspecError:
        raise UpstreamMalformed(_NOT_ONE) from None
    if event.find(_METRICS.encode()) >= 0:
        event = remove_top_level(event, _METRICS)
    return frame(event, kind)


def _kind_of(event: bytes) -> bytes:
    """An event names itself first, almost always; b"" for what is no name. Raises MsgspecError for what is no JSON object."""
    found = _TYPED.match(event)
    if found:
        return found[1]
    told = _read_event(event).type
    return told.encode() if _NAME.fullmatch(told) else b""


def _failure(message: Message) -> bytes:
    """An exception has a JSON body; what Smithy calls an error has two headers and none."""
    headers = message.headers
    fault = parse_error(0, message.payload)
    kind = headers.get(":exception-type") or headers.get(":error-code") or fault.type
    said = fault.message or headers.get(":error-message") or ""
    return frame(encode({"type": "error", "error": {"type": str(kind), "message": str(said)}}), b"error")
