"""The events of a stream (https://platform.openai.com/docs/api-reference/responses-streaming), as far as we read them.

One struct for all of them: an event has few members, and those of the same name mean the same.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.openai_chat.errors import fault_of
from llm_gateway.dialects.openai_responses.reply_in import Reply
from llm_gateway.dialects.openai_responses.wire import NULL
from llm_gateway.dialects.received import expect, receive_event
from llm_gateway.http.framing.sse import SseEvent

FINAL = frozenset({"response.completed", "response.incomplete"})
FAILED = frozenset({"response.failed", "response.cancelled", "error"})
"""How a stream ends, well or not."""

_PREFIX = "response."


class StreamEvent(msgspec.Struct, gc=False):
    type: str = ""
    response: Raw = NULL
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    item: Raw = NULL
    delta: Any = None
    text: str | None = None
    arguments: str | None = None
    input: str | None = None
    refusal: str | None = None
    annotation: Any = None
    logprobs: list[Any] | None = None
    error: Any = None


_decode = msgspec.json.Decoder(StreamEvent).decode

READ = frozenset(
    {
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.output_text.annotation.added",
        "response.refusal.delta",
        "response.refusal.done",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.custom_tool_call_input.delta",
        "response.custom_tool_call_input.done",
        *FINAL,
        *FAILED,
    }
)
"""All others are passed over."""


def read_event(sse: SseEvent) -> StreamEvent | None:
    """None for an event that nothing is read from, whatever it holds. Raises UpstreamMalformed."""
    data = sse.data
    if data == b"[DONE]":  # some servers end like Chat as well
        return None
    try:
        if not data.isascii():
            data.decode()
        return _decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        pass
    return receive_event(sse, StreamEvent, READ)


def is_error(sse: SseEvent, event: StreamEvent) -> bool:
    """Whether it is the provider's error, named as the API does or as other servers do."""
    return event.type in FAILED or sse.event == b"error" or (not event.type.startswith(_PREFIX) and bool(event.error))


def fault_in(sse: SseEvent, event: StreamEvent) -> ProviderFault:
    """The error of an event that is one: in its response, at its top, or in its member `error`."""
    if bytes(event.response) != b"null":
        return fault_of({"error": _loose(bytes(event.response)).get("error")})
    fault = fault_of(_loose(sse.data))
    return fault if fault.type != "error" else ProviderFault(fault.message, "", fault.code, fault.param)


def read_response(event: StreamEvent) -> Reply:
    """Raises UpstreamMalformed."""
    return expect(bytes(event.response), Reply, "The provider's stream holds a response that cannot be read")


def _loose(data: bytes) -> dict[str, Any]:
    try:
        return decode_lenient(data, dict[str, Any])
    except (MalformedJson, msgspec.ValidationError):
        return {}
