"""Reads the events of a stream."""

from __future__ import annotations

import msgspec

from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.cohere_chat.stops import parse_stop
from llm_gateway.dialects.cohere_chat.wire import Delta, StreamEvent
from llm_gateway.dialects.openai_chat.errors import fault_of
from llm_gateway.dialects.received import receive_event
from llm_gateway.http.framing.sse import SseEvent

DONE = b"[DONE]"

KNOWN = frozenset(
    {
        "message-start",
        "content-start",
        "content-delta",
        "content-end",
        "tool-plan-delta",
        "tool-call-start",
        "tool-call-delta",
        "tool-call-end",
        "citation-start",
        "citation-end",
        "message-end",
    }
)

_decode = msgspec.json.Decoder(StreamEvent).decode


def read_event(sse: SseEvent) -> StreamEvent | None:
    """None for an event of a kind that we do not know, whatever it holds. Raises UpstreamMalformed."""
    try:
        if not sse.data.isascii():
            sse.data.decode()
        return _decode(sse.data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        pass  # repaired where it can be, refused where not
    return receive_event(sse, StreamEvent, {*KNOWN, "error"})


def fault_in(sse: SseEvent, event: StreamEvent) -> ProviderFault | None:
    """The provider's error: a body like those of error answers, or an end that says ERROR or TIMEOUT and perhaps why."""
    if sse.event == b"error" or event.type == "error" or (not event.type and (event.message or event.error)):
        return fault_of({"error": event.error} if event.error else {"message": event.message})
    delta = event.delta
    if event.type != "message-end" or delta is None or parse_stop(delta.finish_reason, calls=False) != "error":
        return None
    return _ended(delta)


def _ended(delta: Delta) -> ProviderFault:
    return ProviderFault(
        (delta.error or "The provider ended its answer with an error")[:4000],
        (delta.error_type or delta.finish_reason or "")[:100],
    )
