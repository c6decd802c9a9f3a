"""How the parts of an answer follow each other, and how its last part is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Shape(Enum):
    """The framing inside of a body. In a stream each part is one element of it, its separator included."""

    WHOLE = "one document"
    SSE = "server-sent events (WHATWG HTML, section 9.2)"
    NDJSON = "a JSON document on each line"
    ARRAY = "one JSON array, written an element at a time"
    BYTES = "anything else, in pieces"
    FRAMES = "messages of an AWS event stream"


CONTENT_TYPES: Mapping[Shape, bytes] = MappingProxyType(
    {
        Shape.WHOLE: b"application/json",
        Shape.SSE: b"text/event-stream; charset=utf-8",
        Shape.NDJSON: b"application/x-ndjson",
        Shape.ARRAY: b"application/json; charset=UTF-8",
        Shape.BYTES: b"application/octet-stream",
        Shape.FRAMES: b"application/vnd.amazon.eventstream",
    }
)

_EVENTS = rb"message_stop|message-end|response\.(?:completed|incomplete|failed)"
_GEMINI = rb'"finishReason":"'  # in a text that is quoted its quotes are escaped
_TERMINAL: Mapping[Shape, re.Pattern[bytes]] = MappingProxyType(
    {
        Shape.SSE: re.compile(rb"\Adata: \[DONE\]|\Aevent: (?:" + _EVENTS + rb")\n|" + _GEMINI),
        Shape.NDJSON: re.compile(rb'"done":true'),
        Shape.ARRAY: re.compile(rb"\A\]|" + _GEMINI),
        Shape.FRAMES: re.compile(rb":event-type\x07\x00(?:\x0bmessageStop|\x08metadata)"),
    }
)


def is_terminal(data: bytes, shape: Shape) -> bool:
    """Whether an element tells the end of the stream; some providers say so in two of them."""
    return shape in _TERMINAL and _TERMINAL[shape].search(data) is not None
