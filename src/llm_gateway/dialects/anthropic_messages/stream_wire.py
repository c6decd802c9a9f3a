"""The events of a stream (https://docs.anthropic.com/en/api/messages-streaming), as far as we read them.

One struct for all of them: an event has few members, and those of the same name mean the same.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.dialects.anthropic_messages.reply import StopDetails
from llm_gateway.dialects.anthropic_messages.usage import UsageWire
from llm_gateway.dialects.anthropic_messages.wire import ABSENT
from llm_gateway.dialects.received import receive_event
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


def read_event(sse: SseEvent) -> StreamEvent | None:
    """None for an event of a kind that we do not know, whatever it holds. Raises UpstreamMalformed."""
    return receive_event(sse, StreamEvent, _KNOWN)


def is_error(sse: SseEvent, event: StreamEvent) -> bool:
    """Whether it is the provider's error, named as the API does or as other servers do."""
    return event.type == "error" or sse.event == b"error" or (not event.type and bool(event.error))
