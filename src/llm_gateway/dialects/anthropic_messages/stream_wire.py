"""The events of a stream (https://docs.anthropic.com/en/api/messages-streaming), as far as we read them.

One struct for all of them: an event has few members, and those of the same name mean the same.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.dialects.anthropic_messages.reply import StopDetails
from llm_gateway.dialects.anthropic_messages.usage import UsageWire
from llm_gateway.dialects.anthropic_messages.wire import ABSENT
from llm_gateway.http.framing.sse import SseEvent


class StartedMessage(msgspec.Struct, gc=False):
    id: str = ""
    model: str = ""
    usage: UsageWire | None = None


class Delta(msgspec.Struct, gc=False):
    """Of a block (type and one more) and of the message (no type)."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    citation: Any = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


class StreamEvent(msgspec.Struct, gc=False):
    type: str = ""
    index: int = 0
    message: StartedMessage | None = None
    content_block: Raw = ABSENT
    delta: Delta | None = None
    usage: UsageWire | None = None
    error: Any = None


_KNOWN = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
        "ping",
    }
)


class _Typed(msgspec.Struct, gc=False):
    type: str = ""


def read_event(sse: SseEvent) -> StreamEvent | None:
    """None for an event of a kind that we do not know, whatever it holds. Raises UpstreamMalformed."""
    try:
        return decode_lenient(sse.data, StreamEvent)
    except MalformedJson:
        if sse.event and sse.event.decode(errors="replace") not in _KNOWN:
            return None
    except msgspec.ValidationError:
        if _is_unknown(sse.data):
            return None
    raise UpstreamMalformed("The provider's stream holds something that is not an event of an answer")


def is_error(sse: SseEvent, event: StreamEvent) -> bool:
    """Whether it is the provider's error, named as the API does or as other servers do."""
    return event.type == "error" or sse.event == b"error" or (not event.type and bool(event.error))


def _is_unknown(data: bytes) -> bool:
    try:
        kind = decode_lenient(data, _Typed).type
    except (MalformedJson, msgspec.ValidationError):  # the wrong type may stand before what is no JSON
        return False
    return bool(kind) and kind not in _KNOWN
