"""Which requests are recorded, and how they are handed over."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from llm_gateway.config.values import Duration
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import InvalidRequest, UpstreamError
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.telemetry.ended import hashing
from llm_gateway.telemetry.traces import MESSAGE, MINOR, MOST_HELD, Traces
from telemetry.traced import PARENT, SECRET, TRACE, Told, settings

WANTED, UNWANTED = (f"00-{TRACE}-{PARENT}-0{flag}".encode() for flag in "10")


class Chance(Random):
    """Says what it is told to."""

    said = 0.5
    drawn = 0

    def random(self) -> float:
        self.drawn += 1
        return self.said


class World:
    def __init__(self, **tracing: Any) -> None:
        self.clock = FakeClock()
        self.chance = Chance(5)
        self.bugs: list[Exception] = []
        self.traces = Traces(self.clock, self.chance, hashing(SECRET), lambda _ex, bug: self.bugs.append(bug))
        assert self.traces.configure(settings(**tracing)) is self.traces

    def request(self, traceparent: bytes | None = None, **changes: Any) -> Exchange:
        """One that has begun."""
        headers = {} if traceparent is None else {b"traceparent": traceparent}
        http = SimpleNamespace(path=b"/v1/x", headers=headers, notes=None, body=b"", peer="10.0.0.1", reply=None)
        ex = Exchange("req_1", http, OPENAI_CHAT, self.clock.monotonic())
        ex.attempts = [Attempt("a", "m", ex.received, ended=ex.received, status=200)]
        ex.outcome = "completed"
        for name, value in changes.items():
            setattr(ex, name, value)
        self.traces.begin(ex)
        return ex

    def ended(self, ex: Exchange) -> str | None:
        """Why it was recorded."""
        self.traces.ended(ex, self.clock.monotonic())
        facts = self.told().facts
        return facts[0].why if facts else None

    def told(self) -> Told:
        told = Told()
        self.traces.tell(told)
        return told


@pytest.mark.parametrize(
    ("given", "sample", "why"),
    [
        (None, 0.4, None),
        (None, 0.6, "ratio"),
        (WANTED, 0.0, "parent"),
        (UNWANTED, 0.4, None),
        (UNWANTED, 0.6, "ratio"),
        (b"nonsense", 0.4, None),
        (b"nonsense", 0.6, "ratio"),
    ],
)
def test_at_the_beginning(given: bytes | None, sample: float, why: str | None):
    """A caller that records is followed; otherwise the ratio's draw decides. What cannot be read is as if it were not there."""
    world = World(sample=sample)
    ex = world.request(given)
    followed = given in {WANTED, UNWANTED}
    assert (ex.trace is not None) is (followed or why is not None)
    assert world.ended(ex) == why
    if followed:
        assert ex.trace is not None
        assert (ex.trace.trace_id, ex.trace.parent_id) == (TRACE, PARENT)
    assert world.chance.drawn == (0 if why == "parent" else 1)


def test_callers_need_not_be_followed():
    """`parent: ignore`: a stranger neither decides what is recorded nor in which trace."""
    world = World(parent="ignore", sample=0.6)
    ex = world.request(WANTED)
    assert ex.trace is not None
    assert ex.trace.trace_id != TRACE
    assert world.request(UNWANTED).trace is not None


def broken(ex: Exchange) -> None:
    ex.error, ex.outcome, ex.status = UpstreamError("no"), "failed", 502


def cut(ex: Exchange) -> None:
    ex.error, ex.outcome, ex.status = UpstreamError("no"), "cut", 200


def drained(ex: Exchange) -> None:
    ex.outcome = "drained"


def refused(ex: Exchange) -> None:
    ex.error, ex.outcome, ex.status, ex.attempts = InvalidRequest("no"), "failed", 400, []


def failed_over(ex: Exchange) -> None:
    ex.attempts = [Attempt("b", "m", ex.received, ended=ex.received, error="reset"), *ex.attempts]


@pytest.mark.parametrize("how", [broken, cut, drained, refused, failed_over])
@pytest.mark.parametrize("given", [None, UNWANTED])
def test_failures_are_recorded_though_nobody_chose_them(how: Any, given: bytes | None):
    """Also at a ratio of 0; in the caller's trace, if it named one."""
    world = World()
    ex = world.request(given)
    how(ex)
    assert world.ended(ex) == "error"
    assert ex.trace is not None, "the access line names it"
    assert (ex.trace.trace_id == TRACE) is (given is not None)


def test_slow_ones_too():
    """From the threshold on; a session is long by nature."""
    world = World(slow=Duration(2))
    ex = world.request()
    world.clock.advance(1.9)
    assert world.ended(ex) is None
    world.clock.advance(0.1)
    assert world.ended(ex) == "slow"
    session = world.request(session={"ended": "caller"})
    world.clock.advance(100)
    assert world.ended(session) is None


def test_a_caller_who_leaves_is_no_failure():
    """It happens all day."""
    world = World()
    assert world.ended(world.request(outcome="client_gone")) is None


@pytest.mark.parametrize("given", [None, WANTED])
def test_a_flood_of_refusals_drowns_nothing(given: bytes | None):
    """Some of each second are recorded, whatever strangers say that they record; what failed on our side always is."""
    world = World()
    for _ in range(3 * MINOR):
        ex = world.request(given)
        refused(ex)
        world.traces.ended(ex, world.clock.monotonic())
    ex = world.request()
    broken(ex)
    world.traces.ended(ex, world.clock.monotonic())
    world.clock.advance(1.0)
    ex = world.request()
    refused(ex)
    world.traces.ended(ex, world.clock.monotonic())
    assert len(world.told().facts) == MINOR + 2


def test_what_waits_is_bounded():
    """While control is away, traces are kept up to a bound in bytes, then dropped and counted; nothing is lost twice."""
    world = World()
    away = Told()
    away.takes = False
    ended = 0
    while world.traces.dropped < 3:
        world.traces.ended(world.request(WANTED), world.clock.monotonic())
        ended += 1
        if ended % 1000 == 0:
            world.traces.tell(away)
    told = world.told()
    assert told.dropped == 3
    assert len(told.facts) == ended - 3
    sizes = [sum(map(len, facts)) for facts, _ in told.messages]
    assert max(sizes) <= MESSAGE
    assert MOST_HELD <= sum(sizes) < MOST_HELD + 4096
    assert world.told().messages == [], "all of it was told"


def test_it_can_be_turned_off_and_on():
    """What was held then is let go."""
    world = World(sample=1)
    world.traces.ended(world.request(), world.clock.monotonic())
    assert world.traces.configure(settings(enabled=False)) is None
    assert world.told().messages == []
    assert world.traces.configure(settings()) is world.traces


def test_a_bug_is_not_the_requests():
    """What cannot be told is dropped and reported; the request's end goes on."""
    world = World(sample=1)
    world.traces.ended(world.request(front=None), world.clock.monotonic())
    assert [type(bug) for bug in world.bugs] == [AttributeError]
    told = world.told()
    assert (told.facts, told.dropped) == ([], 1)
