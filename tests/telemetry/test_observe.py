"""What is written about a request, and what counts for or against a provider."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import GatewayError, InvalidRequest
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.core.usage import Usage
from llm_gateway.telemetry import observe as module
from llm_gateway.telemetry.observe import Observe


class Statistics:
    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def record(self, *facts: Any) -> None:
        self.seen.append(facts)


class Lines:
    """Takes the place of a journal."""

    def __init__(self) -> None:
        self.writes: list[tuple[bytes, int]] = []

    def write(self, data: bytes, lines: int = 1) -> None:
        self.writes.append((data, lines))


class World:
    def __init__(self, form: str = "json") -> None:
        self.clock = FakeClock()
        self.statistics = Statistics()
        self.lines = Lines()
        self.observe = Observe(self.clock, self.statistics, self.lines, form)

    def exchange(self, *, gone: bool = False) -> Exchange:
        http = SimpleNamespace(path=b"/v1/x", headers={}, notes=None, body=b"", peer="10.0.0.1", reply=SimpleNamespace(gone=gone))
        return Exchange("req_1", http, None, self.clock.monotonic())

    def attempt(self, ex: Exchange, seconds: float = 1.0, status: int = 200, error: str | None = None) -> None:
        attempt = Attempt("openai", "gpt", self.clock.monotonic())
        self.clock.advance(seconds)
        attempt.ended, attempt.status, attempt.error = self.clock.monotonic(), status, error
        ex.attempts.append(attempt)

    def line(self) -> dict[str, Any]:
        self.observe.flush()
        ((data, count),) = self.lines.writes
        assert count == 1
        return msgspec.json.decode(data)


def ended(world: World, ex: Exchange, failure: BaseException | None = None) -> None:
    """Runs the block around `ex` to its end, in a loop as the timer needs one."""

    async def main() -> None:
        with pytest.raises(type(failure)) if failure is not None else nullcontext(), world.observe(ex):
            assert world.observe.active == 1
            if failure is not None:
                raise failure
        assert world.observe.active == 0

    asyncio.run(main())


def test_a_line_says_what_happened():
    """Who, what, where, how long and how much; never what was said, and nothing that is not known."""
    world = World()
    ex = world.exchange()
    world.attempt(ex, 0.25)
    ex.caller, ex.model, ex.stream = Caller("tests"), "fast", True
    ex.served_provider, ex.served_model = "openai", "gpt"
    ex.committed = world.clock.monotonic()
    world.clock.advance(0.5)
    ex.status, ex.usage, ex.bytes_out, ex.dropped = 200, Usage(3, cache_read=2, output=4), 99, ["top_k"]
    ended(world, ex)
    assert world.line() == {
        "timestamp": "2023-11-14T22:13:20.750Z",
        "level": "info",
        "target": "access",
        "request_id": "req_1",
        "message": "request completed",
        "path": "/v1/x",
        "status": 200,
        "outcome": "completed",
        "latency_ms": 750.0,
        "first_token_ms": 250.0,
        "key": "tests",
        "model": "fast",
        "provider": "openai",
        "served_model": "gpt",
        "stream": True,
        "tokens": {"input": 5, "output": 4, "cached": 2},
        "dropped": ["top_k"],
        "bytes_out": 99,
        "peer": "10.0.0.1",
    }
    assert world.statistics.seen == [("openai", "gpt", 0.25, True, None, world.clock.monotonic())]


@pytest.mark.parametrize(
    ("status", "error", "outcome", "level"),
    [
        (200, None, "completed", "info"),
        (400, InvalidRequest("x"), "failed", "warning"),
        (500, GatewayError("x"), "failed", "error"),
    ],
)
def test_the_level_follows_the_status(status, error, outcome, level):
    """The caller's mistake is a warning, ours an error."""
    world = World()
    ex = world.exchange()
    ex.status, ex.error = status, error
    ended(world, ex)
    line = world.line()
    assert (line["outcome"], line["level"], line.get("error")) == (outcome, level, error.code if error else None)


@pytest.mark.parametrize(("gone", "outcome"), [(True, "client_gone"), (False, "drained")])
def test_a_cancelled_request_was_left_or_drained(gone, outcome):
    """Which of the two shows in whether the caller is still there; without a status it is 499."""
    world = World()
    ex = world.exchange(gone=gone)
    ended(world, ex, asyncio.CancelledError())
    assert (world.line()["outcome"], world.line()["status"]) == (outcome, 499)


def test_what_the_edge_knows_better_stays():
    """A cut stream is "cut", whatever status it began with."""
    world = World()
    ex = world.exchange()
    ex.outcome, ex.status, ex.error = "cut", 200, GatewayError("x")
    ended(world, ex)
    assert (world.line()["outcome"], world.line()["level"]) == ("cut", "warning")


def test_every_attempt_counts_for_its_provider():
    """A failover is a failure of the first and a success of the second, and the line lists both."""
    world = World()
    ex = world.exchange()
    world.attempt(ex, 0.5, 503, "overloaded")
    world.attempt(ex, 1.0)
    ex.committed = world.clock.monotonic()
    ended(world, ex)
    assert [(facts[2], facts[3], facts[4]) for facts in world.statistics.seen] == [(0.5, False, "overloaded"), (1.0, True, None)]
    assert [(attempt["status"], attempt["error"], attempt["ms"]) for attempt in world.line()["attempts"]] == [
        (503, "overloaded", 500.0),
        (200, None, 1000.0),
    ]


@pytest.mark.parametrize("status", [0, 200])
def test_what_nobody_waited_for_tells_nothing(status):
    """A caller who left before the first content makes no success and no failure, but a failure before that still counts."""
    world = World()
    ex = world.exchange(gone=True)
    world.attempt(ex, 1.0, 0, "connect")
    world.attempt(ex, 20.0, status)
    ended(world, ex, asyncio.CancelledError())
    assert [facts[4] for facts in world.statistics.seen] == ["connect"]


def test_lines_are_collected(monkeypatch):
    """They are handed over in batches; a full batch does not wait for the timer, and the timer takes the rest."""
    monkeypatch.setattr(module, "BATCH", 3)
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.01)
    world = World()

    async def main() -> None:
        for _ in range(4):
            with world.observe(world.exchange()):
                pass
        assert [count for _, count in world.lines.writes] == [3]
        await asyncio.sleep(0.05)
        assert [count for _, count in world.lines.writes] == [3, 1]

    asyncio.run(main())
    assert world.observe.requests == 4


def test_without_a_journal_the_statistics_go_on():
    """The access log can be off."""
    statistics = Statistics()
    clock = FakeClock()
    world = World()
    ex = world.exchange()
    world.attempt(ex, 1.0, 503, "overloaded")
    with Observe(clock, statistics, None)(ex):
        pass
    assert len(statistics.seen) == 1


def test_text_is_one_line_for_people():
    """Time, status, names, milliseconds, tokens; a model's name cannot begin another line or move the cursor."""
    world = World("text")
    ex = world.exchange()
    world.attempt(ex, 1.0, 500, "server_error")
    world.attempt(ex, 1.0)
    ex.model, ex.status, ex.usage = "a\n\x1b[2J200 OK", 200, Usage(3, output=4)
    ex.served_provider, ex.served_model, ex.committed = "openai", "gpt", 1.0
    ended(world, ex)
    world.observe.flush()
    ((data, _),) = world.lines.writes
    assert data.decode() == "22:13:22 200 /v1/x a??[2J200 OK -> openai/gpt 2000 ms 3+4 tokens after 2 attempts req_1\n"


def test_records_are_counted_in_batches_without_a_journal():
    """Metrics need no access log; both get the same records."""
    folded: list[int] = []
    world = World()
    world.observe.metrics = SimpleNamespace(fold=lambda records: folded.append(len(records)))
    without = Observe(world.clock, world.statistics, None)
    without.metrics = world.observe.metrics

    async def main() -> None:
        for observe in (world.observe, without):
            for _ in range(3):
                with observe(world.exchange()):
                    pass
            observe.flush()

    asyncio.run(main())
    assert folded == [3, 3]
    assert [count for _, count in world.lines.writes] == [3]
