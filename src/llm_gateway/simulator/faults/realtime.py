"""Faults of a realtime session, counted by the events that the simulator has sent. Before it opens all others apply."""

from __future__ import annotations

from collections.abc import Callable

from llm_gateway.simulator.answer import Answer, Trouble
from llm_gateway.simulator.faults.spec import FaultKind, Given


def _trouble(what: str) -> Callable[[Answer, Given], None]:
    def apply(answer: Answer, given: Given) -> None:
        code, reason = given.integer("code", 1011, 4999), given.text("reason", "simulated")
        answer.trouble = Trouble(what, given.integer("after", 1), code, reason, given.integer("bytes", 64 << 20))

    return apply


FAULTS = (
    FaultKind("ws_close", "the session is closed with a code", _trouble("close"), "after=1 code=1011 reason=TEXT"),
    FaultKind("ws_cut", "the connection is closed without a goodbye", _trouble("cut"), "after=1"),
    FaultKind("ws_reset", "the connection is reset", _trouble("reset"), "after=1"),
    FaultKind("ws_silent", "nothing is said or answered any more, not even pings", _trouble("silent"), "after=1"),
    FaultKind("ws_deaf", "nothing is read any more", _trouble("deaf"), "after=1"),
    FaultKind("ws_garbage", "bytes that are no frame", _trouble("garbage"), "after=1"),
    FaultKind("ws_utf8", "a text that is not UTF-8", _trouble("utf8"), "after=1"),
    FaultKind("ws_big", "a message of many bytes", _trouble("big"), "after=1 bytes=67108864"),
    FaultKind("ws_no_usage", "answers do not say what they used", _trouble("no_usage")),
)
