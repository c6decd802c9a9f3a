"""Faults of event streams: legal variations that readers trip over, and wrong endings. They leave whole answers alone."""

from __future__ import annotations

import re

from llm_gateway.simulator.answer import Answer
from llm_gateway.simulator.faults.spec import Apply, FaultKind, Given
from llm_gateway.simulator.problems import Front, Problem, body

KEEPALIVE = b": keepalive\n\n"
UNKNOWN = b'event: brand_new_event\nid: 7\nretry: 10\ndata: {"type":"brand_new_event","x":1}\n\n'
GARBAGE = b'data: {"late":true}\n\ngarbage without a colon\n\n'
_TERMINAL = re.compile(rb"data: \[DONE\]|event: message_stop\n")
_COMMA = re.compile(rb'(?m)^(data: \{"[^"]*":(?:"[^"\\]*"|\w+)),(.*)$')


def no_done(answer: Answer, _given: Given) -> None:
    answer.parts = [part for part in answer.parts if not _TERMINAL.match(part[1])]


def dup_done(answer: Answer, _given: Given) -> None:
    answer.parts += [(0.0, data) for _, data in answer.parts if _TERMINAL.match(data)]


def trailing_garbage(answer: Answer, _given: Given) -> None:
    answer.parts.append((0.0, GARBAGE))


def comments(answer: Answer, _given: Given) -> None:
    answer.each(lambda data: data + KEEPALIVE)


def unknown_event(answer: Answer, _given: Given) -> None:
    answer.parts.insert(1, (0.0, UNKNOWN))


def multi_data(answer: Answer, _given: Given) -> None:
    answer.each(lambda data: _COMMA.sub(rb"\1,\ndata: \2", data))


def long_line(answer: Answer, given: Given) -> None:
    filler = b"x" * (given.integer("kb", 1024, 65_536) * 1024)
    answer.parts.insert(1, (0.0, b": " + filler + b"\n\n"))


def flood(answer: Answer, given: Given) -> None:
    """The event in the middle, many times over, in writes of some 64 KiB."""
    middle = len(answer.parts) // 2
    event = answer.parts[middle][1]
    count = given.integer("n", 50_000, 5_000_000)
    block = max(1, 65_536 // max(1, len(event)))
    full, rest = divmod(count, block)
    batch = event * block  # one object however often it is sent
    answer.parts[middle + 1 : middle + 1] = [(0.0, batch)] * full + [(0.0, event * rest)] * bool(rest)


def heartbeat(answer: Answer, given: Given) -> None:
    """Comments before the second event, so that something has begun when the waiting starts."""
    beats = [(given.number("secs", 1.0), b": heartbeat\n\n")] * given.integer("n", 3, 100_000)
    answer.parts[1:1] = beats


def mid_error(answer: Answer, given: Given) -> None:
    """Half of the events, then an error in the provider's shape, then the end without the terminal event."""
    code = given.integer("code", 529 if answer.front is Front.ANTHROPIC else 500, 599)
    error = b"data: " + body(Problem(code, f"simulated error {code}"), answer.front, answer.request_id) + b"\n\n"
    if answer.front is Front.ANTHROPIC:
        error = b"event: error\n" + error
    answer.parts[given.integer("after", len(answer.parts) // 2) :] = [(0.0, error)]


def no_final_newline(answer: Answer, _given: Given) -> None:
    pause, data = answer.parts[-1]
    answer.parts[-1] = (pause, data.rstrip())


def crlf(answer: Answer, _given: Given) -> None:
    answer.each(lambda data: data.replace(b"\n", b"\r\n"))


def cr(answer: Answer, _given: Given) -> None:
    answer.each(lambda data: data.replace(b"\n", b"\r"))


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
    _kind("long_line", "a very long line (a comment)", long_line, "kb=1024"),
    _kind("no_done", "the terminal event is missing", no_done),
    _kind("dup_done", "the terminal event twice", dup_done),
    _kind("trailing_garbage", "something after the terminal event", trailing_garbage),
    _kind("multi_data", "each event's JSON on two data lines", multi_data),
    _kind("comments", "a comment after every event", comments),
    _kind("heartbeat", "comments, a while apart, before the second event", heartbeat, "secs=1 n=3"),
    _kind("no_final_newline", "the last event is not ended by an empty line", no_final_newline),
    _kind("crlf", "lines end in CR LF", crlf),
    _kind("cr", "lines end in CR", cr),
)
