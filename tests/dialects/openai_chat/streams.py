"""Chat streams, read and written, for the tests of either way."""

from __future__ import annotations

import msgspec

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.events import Event, Start
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

ASKED = ChatRequest(model="m", messages=(), stream=True, include_usage=True)
START = Start("c-1", "m", 1)


def sse(*documents: object) -> bytes:
    return b"".join(b"data: " + (d if isinstance(d, bytes) else msgspec.json.encode(d)) + b"\n\n" for d in documents)


def chunk(delta: object = None, finish: object = None, index: object = 0, **choice: object) -> dict:
    one = {"index": index, "delta": delta, "finish_reason": finish} | choice
    return {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [one]}


def read(*reads: bytes) -> list[Event]:
    reader = OPENAI_CHAT.stream_reader()
    return [event for data in reads for event in reader.feed(data)] + reader.end()


def write(*events: Event, asked: ChatRequest = ASKED) -> bytes:
    return OPENAI_CHAT.stream_writer(asked).feed(list(events))
