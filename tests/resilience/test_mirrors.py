"""Mirrors: beside the request, bounded, seen in the log, and never in anybody's way."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from dispatching import Asked, Parts, exchange
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Operation
from llm_gateway.providers.answer import WholeAnswer
from llm_gateway.resilience import mirrors as module
from llm_gateway.resilience.attempts import Attempts
from llm_gateway.resilience.mirrors import Mirrors
from routed import failed


class World:
    """Mirrors of real attempts; `seen` are the requests that were observed to their end."""

    def __init__(self) -> None:
        self.parts = Parts()
        self.seen: list[Exchange] = []
        self.bugs: list[Exception] = []
        attempts = Attempts(self.parts.feedback, self.parts.bulkhead, self.parts.clock)
        self.mirrors = Mirrors(attempts, self.observe, lambda _ex, bug: self.bugs.append(bug))
        self.candidate = self.parts.candidate("m")
        self.front = SimpleNamespace(operation=Operation.CHAT, name="openai_chat")
        self.ex = exchange(self.parts.clock, self.front)

    @contextmanager
    def observe(self, ex: Exchange) -> Any:
        try:
            yield
        finally:
            self.seen.append(ex)

    def sent(self, ask: Any, *, seconds: float = 5.0, times: int = 1) -> None:
        async def main() -> None:
            for _ in range(times):
                self.mirrors.send(self.ex, self.candidate, ask, seconds)
            await asyncio.wait(self.mirrors._tasks) if self.mirrors._tasks else None

        asyncio.run(main())


def whole() -> WholeAnswer:
    return WholeAnswer(b"{}", Usage(input=3, output=4), None, None)  # type: ignore[arg-type] - nobody looks


def test_its_cost_is_seen_and_the_request_is_left_alone():
    """A line of its own with what it used; the mirrored request has no attempt, no usage and no answer of it."""
    world = World()
    world.sent(Asked(whole()))
    (mine,) = world.seen
    assert (mine.outcome, mine.status, mine.usage, mine.served_provider) == ("mirrored", 200, Usage(input=3, output=4), "m")
    assert mine.id == f"{world.ex.id}.mirror"
    assert world.ex.attempts == []
    assert world.ex.usage is None
    assert world.candidate.standing.running == world.candidate.standing.places == 0


def test_its_failure_is_nobodys():
    """It is told in its own line; the deployment's standing learns from it."""
    world = World()
    world.sent(Asked(failed(reason="server_error")))
    assert (world.seen[0].outcome, world.seen[0].status) == ("mirrored", 503)
    assert world.candidate.standing.failures == 1


def test_its_bug_is_reported():
    """What should not happen is reported, and ends there."""
    world = World()
    world.sent(Asked(ValueError("bug")))
    assert [str(bug) for bug in world.bugs] == ["bug"]


def test_it_has_a_time():
    """One that takes too long is given up, and its place is free again."""
    world = World()

    async def slow(*_: Any) -> Any:
        await asyncio.sleep(60)

    world.sent(slow, seconds=0.02)
    assert world.seen[0].outcome == "mirrored"
    assert world.candidate.standing.running == 0


def test_there_are_never_many(monkeypatch):
    """Beyond a number at once they are left out, and counted."""
    monkeypatch.setattr(module, "MOST", 2)
    world = World()
    world.sent(Asked(whole(), whole()), times=5)
    assert (len(world.seen), world.mirrors.left_out) == (2, 3)


def test_what_keeps_state_is_not_mirrored():
    """Responses, which the gateway keeps, and operations of other kinds."""
    for front in (
        SimpleNamespace(operation=Operation.CHAT, name="openai_responses"),
        SimpleNamespace(operation=Operation.BATCHES, name="batches"),
    ):
        world = World()
        world.ex.front = front
        world.sent(Asked())
        assert world.seen == []


def test_a_stream_is_read_to_its_end():
    """Its usage is known only then; it holds its place until it is over."""
    from llm_gateway.providers.answer import StreamAnswer

    world = World()

    class Stream(StreamAnswer):
        __slots__ = ()
        usage = Usage(output=7)  # type: ignore[assignment]

    async def ask(*_: Any) -> Any:
        loop = asyncio.get_running_loop()
        answer = Stream(lambda _: None, None, None, loop)  # type: ignore[arg-type,return-value]
        loop.call_later(0.02, answer._finish, None)
        return answer

    world.sent(ask)
    assert (world.seen[0].usage, world.seen[0].error) == (Usage(output=7), None)
    assert world.candidate.standing.running == world.candidate.standing.places == 0
    assert world.candidate.standing.samples == 1
