"""Frames of a Converse stream."""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.events import Event
from llm_gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from llm_gateway.http.framing.eventstream import encode


def event(kind: str, **members: Any) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return encode(headers, msgspec.json.encode({**members, "p": "abcd"}))


def exception(kind: str, message: str = "no") -> bytes:
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return encode(headers, msgspec.json.encode({"message": message}))


def delta(index: int = 0, **members: Any) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=index, delta=members)


def start(index: int, **members: Any) -> bytes:
    return event("contentBlockStart", contentBlockIndex=index, start=members)


def stop(index: int = 0) -> bytes:
    return event("contentBlockStop", contentBlockIndex=index)


START = event("messageStart", role="assistant")
END = event("messageStop", stopReason="end_turn")


def read(*reads: bytes) -> list[Event]:
    reader = BEDROCK_CONVERSE.stream_reader()
    return [event for data in reads for event in reader.feed(data)] + reader.end()
