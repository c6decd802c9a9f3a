"""Streams as they are written, and what the SDK makes of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pydantic
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.events import Event
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.http.framing.sse import SseReader

NAME = "anthropic_messages"
ASKED = ChatRequest(model="asked", messages=(), stream=True)
SDK_EVENT = pydantic.TypeAdapter[Any](RawMessageStreamEvent)


def write(*events: Event) -> bytes:
    return ANTHROPIC_MESSAGES.stream_writer(ASKED).feed(list(events))


def singly(*events: Event) -> bytes:
    writer = ANTHROPIC_MESSAGES.stream_writer(ASKED)
    return b"".join([writer.feed([event]) for event in events])


def documents(data: bytes) -> list[dict[str, Any]]:
    """The events on the wire, each named as its document says."""
    events = SseReader().feed(data)
    assert b"".join(b"event: %b\ndata: %b\n\n" % (event.event, event.data) for event in events) == data
    shown = [msgspec.json.decode(event.data) for event in events]
    assert [document["type"].encode() for document in shown] == [event.event for event in events]
    return shown


def grammar(shown: list[dict[str, Any]]) -> None:
    """The API's rules for a complete stream."""
    kinds = [document["type"] for document in shown]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("message_start") == kinds.count("message_delta") == kinds.count("message_stop") == 1
    index, is_open = 0, False
    for document in shown[1:-2]:
        assert document["index"] == index
        if document["type"] == "content_block_start":
            assert not is_open
            is_open = True
        elif document["type"] == "content_block_delta":
            assert is_open
        else:
            assert document["type"] == "content_block_stop"
            is_open, index = False, index + 1
    assert not is_open


def accumulated(data: bytes) -> Message:
    """What the SDK's own accumulator makes of a complete stream."""
    shown = documents(data)
    grammar(shown)
    message: Any = None
    pieces: dict[int, bytes] = {}
    for document in shown:
        event = SDK_EVENT.validate_python(document)
        message = accumulate_event(event=event, current_snapshot=message, json_bufs=pieces)
    return Message.model_validate(message.to_dict())
