"""Faults of streams of any shape: things nobody expects, errors in the middle, wrong endings. Whole answers are left alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.simulator import frames
from llm_gateway.simulator.answer import Answer
from llm_gateway.simulator.faults.spec import Apply, FaultKind, Given
from llm_gateway.simulator.problems import Front, Problem
from llm_gateway.simulator.refusals import in_stream
from llm_gateway.simulator.shapes import Shape, is_terminal

UNKNOWN: Mapping[Shape, bytes] = MappingProxyType(
    {
        Shape.SSE: b'event: brand_new_event\nid: 7\nretry: 10\ndata: {"type":"brand_new_event","x":1}\n\n',
        Shape.NDJSON: b'{"brand_new_event":{"x":1}}\n',
        Shape.ARRAY: b',\n{"brandNewEvent":{"x":1}}\n',
        Shape.FRAMES: frames.event("brandNewEvent", b'{"x":1}'),
    }
)
GARBAGE: Mapping[Shape, bytes] = MappingProxyType(
    {
        Shape.SSE: b'data: {"late":true}\n\ngarbage without a colon\n\n',
        Shape.NDJSON: b'{"late":true}\ngarbage that is no JSON\n',
        Shape.ARRAY: b',\n{"late":true}\ngarbage that is no JSON\n',
        Shape.FRAMES: frames.event("lateEvent", b'{"late":true}') + b"garbage that is no frame",
    }
)
BATCH = 65_536


def no_done(answer: Answer, _given: Given) -> None:
    answer.parts = [part for part in answer.parts if not is_terminal(part[1], answer.shape)]


def dup_done(answer: Answer, _given: Given) -> None:
    answer.parts += [(0.0, data) for _, data in answer.parts if is_terminal(data, answer.shape)]


def trailing_garbage(answer: Answer, _given: Given) -> None:
    answer.parts.append((0.0, GARBAGE[answer.shape]))


def unknown_event(answer: Answer, _given: Given) -> None:
    answer.parts.insert(1, (0.0, UNKNOWN[answer.shape]))


def flood(answer: Answer, given: Given) -> None:
    """The event in the middle, many times over, in writes of some 64 KiB."""
    middle = len(answer.parts) // 2
    event = answer.parts[middle][1]
    count = given.integer("n", 50_000, 5_000_000)
    block = max(1, BATCH // max(1, len(event)))
    full, rest = divmod(count, block)
    batch = event * block  # one object however often it is sent
    answer.parts[middle + 1 : middle + 1] = [(0.0, batch)] * full + [(0.0, event * rest)] * bool(rest)


def mid_error(answer: Answer, given: Given) -> None:
    """Half of the events, then an error in the provider's shape, then the end without the terminal event."""
    code = given.integer("code", 529 if answer.front is Front.ANTHROPIC else 500, 599)
    after = given.integer("after", len(answer.parts) // 2)
    problem = Problem(code, f"simulated error {code}")
    answer.parts[after:] = [(0.0, in_stream(problem, answer.front, answer.shape, answer.request_id, after))]


def _streams_only(apply: Apply) -> Apply:
    def guarded(answer: Answer, given: Given) -> None:
        if answer.stream and answer.parts:
            apply(answer, given)

    return guarded


def _kind(name: str, about: str, apply: Apply, args: str = "") -> FaultKind:
    return FaultKind(name, about, _streams_only(apply), args)


FAULTS = (
    _kind("mid_error", "an error event instead of the second half", mid_error, "code=N after=EVENTS"),
    _kind("flood", "one event many times", flood, "n=50000"),
    _kind("unknown_event", "an event of a type nobody knows", unknown_event),
    _kind("no_done", "the terminal event is missing", no_done),
    _kind("dup_done", "the terminal event twice", dup_done),
    _kind("trailing_garbage", "something after the terminal event", trailing_garbage),
)
