"""Faults of the connection: refused, reset, closed, silent, slow. Counts of bytes are bytes of the body as sent."""

from __future__ import annotations

from llm_gateway.simulator.answer import Answer, Ending, Framing
from llm_gateway.simulator.faults.spec import FaultKind, Given


def refuse(answer: Answer, given: Given) -> None:
    answer.silent, answer.ending = True, Ending.RESET
    answer.listener_down = given.number("secs", 1.0)


def reset_pre(answer: Answer, _given: Given) -> None:
    answer.silent, answer.ending = True, Ending.RESET


def close_pre(answer: Answer, _given: Given) -> None:
    answer.silent, answer.ending = True, Ending.CUT


def slow_headers(answer: Answer, given: Given) -> None:
    answer.wait += given.number("secs", 5.0)


def drip_headers(answer: Answer, given: Given) -> None:
    answer.head_pace = given.number("secs", 0.05)


def drip(answer: Answer, given: Given) -> None:
    """`bps` bytes a second, ten times a second; slower than that, byte by byte."""
    rate = max(1, given.integer("bps", 100))
    size, pause = max(1, rate // 10), max(0.1, 1 / rate)
    body = answer.body
    answer.parts = [(pause if at else 0.0, body[at : at + size]) for at in range(0, len(body), size)]


def stall(answer: Answer, given: Given) -> None:
    at = answer.split_at(given.integer("after", 100))
    if at == len(answer.parts):
        answer.parts.append((0.0, b""))
    pause, data = answer.parts[at]
    answer.parts[at] = (pause + given.number("secs", 30.0), data)


def close_mid(answer: Answer, given: Given) -> None:
    answer.cut(given.integer("after", 100), Ending.CUT)


def reset_mid(answer: Answer, given: Given) -> None:
    answer.cut(given.integer("after", 100), Ending.RESET)


def no_read(answer: Answer, given: Given) -> None:
    answer.silent, answer.ending = True, Ending.RESET
    answer.wait += given.number("secs", 30.0)


def early_response(answer: Answer, _given: Given) -> None:
    """The answer comes before the request's body has been read; the rest is read and thrown away."""
    if answer.framing is not Framing.CLOSE:
        answer.ending = Ending.CLOSE


FAULTS = (
    FaultKind("drip", "the body in small bits", drip, "bps=100"),
    FaultKind("stall", "nothing more for a while, then the rest", stall, "after=100 secs=30"),
    FaultKind("close_mid", "closed in the middle of the body", close_mid, "after=100"),
    FaultKind("reset_mid", "reset in the middle of the body", reset_mid, "after=100"),
    FaultKind("slow_headers", "the head comes late", slow_headers, "secs=5"),
    FaultKind("drip_headers", "the head byte by byte", drip_headers, "secs=0.05"),
    FaultKind("early_response", "answers before the body is read (413 unless a status is given)", early_response, early=True),
    FaultKind("no_read", "never reads the body, then resets", no_read, "secs=30", early=True),
    FaultKind("close_pre", "closed without a byte", close_pre),
    FaultKind("reset_pre", "reset without a byte", reset_pre),
    FaultKind("refuse", "reset, and new connections are refused for a while", refuse, "secs=1"),
)
