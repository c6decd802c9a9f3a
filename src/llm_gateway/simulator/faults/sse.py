"""Faults of streams that are text: legal variations that readers trip over. They leave whole answers and frames alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.simulator.answer import Answer
from llm_gateway.simulator.faults.spec import Apply, FaultKind, Given
from llm_gateway.simulator.shapes import Shape

KEEPALIVE = b": keepalive\n\n"
HEARTBEAT: Mapping[Shape, bytes] = MappingProxyType(
    {Shape.SSE: b": heartbeat\n\n", Shape.NDJSON: b"\n", Shape.ARRAY: b" \n"}  # a comment, or white space
)
SSE = frozenset({Shape.SSE})
LINES = frozenset({Shape.SSE, Shape.NDJSON})
TEXT = frozenset({Shape.SSE, Shape.NDJSON, Shape.ARRAY})
_COMMA = re.compile(rb'(?m)^(data: \{"[^"]*":(?:"[^"\\]*"|\w+)),(.*)$')


def comments(answer: Answer, _given: Given) -> None:
    answer.each(lambda data: data + KEEPALIVE)


def multi_data(answer: Answer, _given: Given) -> None:
    answer.each(lambda data: _COMMA.sub(rb"\1,\ndata: \2", data))


def long_line(answer: Answer, given: Given) -> None:
    """A comment; where there are none, white space before the second element."""
    size = given.integer("kb", 1024, 65_536) * 1024
    line = b": " + b"x" * size + b"\n\n" if answer.shape is Shape.SSE else b" " * size
    answer.parts.insert(1, (0.0, line))


def heartbeat(answer: Answer, given: Given) -> None:
    """Comments before the second event, so that something has begun when the waiting starts."""
    beats = [(given.number("secs", 1.0), HEARTBEAT[answer.shape])] * given.integer("n", 3, 100_000)
    answer.parts[1:1] = beats


def no_final_newline(answer: Answer, _given: Given) -> None:
    pause, data = answer.parts[-1]
    answer.parts[-1] = (pause, data.rstrip())


def crlf(answer: Answer, _given: Given) -> None:
    answer.each(lambda data: data.replace(b"\n", b"\r\n"))


def cr(answer: Answer, _given: Given) -> None:
    answer.each(lambda data: data.replace(b"\n", b"\r"))


def _only(shapes: frozenset[Shape], apply: Apply) -> Apply:
    def guarded(answer: Answer, given: Given) -> None:
        if answer.shape in shapes and answer.parts:
            apply(answer, given)

    return guarded


def _kind(name: str, about: str, shapes: frozenset[Shape], apply: Apply, args: str = "") -> FaultKind:
    return FaultKind(name, about, _only(shapes, apply), args)


FAULTS = (
    _kind("long_line", "a very long line (a comment)", TEXT, long_line, "kb=1024"),
    _kind("multi_data", "each event's JSON on two data lines", SSE, multi_data),
    _kind("comments", "a comment after every event", SSE, comments),
    _kind("heartbeat", "comments, a while apart, before the second event", TEXT, heartbeat, "secs=1 n=3"),
    _kind("no_final_newline", "the last event is not ended by an empty line", LINES, no_final_newline),
    _kind("crlf", "lines end in CR LF", LINES, crlf),
    _kind("cr", "lines end in CR", SSE, cr),
)
