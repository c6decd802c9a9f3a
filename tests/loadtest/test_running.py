"""Whole runs against small servers: what is sent when, and that a slow service is not made to look fast."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest

from llm_gateway.config.values import Duration
from llm_gateway.http.client import Origin, Timeouts
from llm_gateway.loadtest.exchange import Target
from llm_gateway.loadtest.measured import Summary
from llm_gateway.loadtest.running import Run
from llm_gateway.loadtest.scenario import Scenario, Span, Stage
from llm_gateway.simulator import SimulatorOptions, running_simulator

ANSWER = b'{"choices":[{}],"usage":{"prompt_tokens":5,"completion_tokens":2}}'


def scenario(**said: Any) -> Scenario:
    stages = tuple(Stage(duration=Duration(seconds), **{kind: Span.parse(span)}) for seconds, kind, span in said.pop("stages"))
    times = {name: Duration(said.pop(name)) for name in ("warm_up", "think", "timeout") if name in said}
    return Scenario(stages=stages, models={"m": 1}, **times, **said)


def target(url: str) -> Target:
    timeouts = Timeouts(connect=5, head=10, idle=10, total=10, pool=10)
    return Target(Origin.parse(url)[0], b"/v1/chat/completions", b"Content-Type: application/json\r\n", timeouts)


def ran(load: Scenario, blocks: int = 0, delay: float = 0.0) -> tuple[Summary, list[float]]:
    """A run against a server that answers after `delay`, and stands still for half a second at request number `blocks`."""
    arrived: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
                arrived.append(time.monotonic())
                if len(arrived) == blocks:
                    time.sleep(0.5)  # noqa: ASYNC251 - nobody is served, and the generator stands still, too
                await asyncio.sleep(delay)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def run() -> Summary:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await Run(load, target(f"http://127.0.0.1:{port}"), time.monotonic).run()
        finally:
            server.close()

    return asyncio.run(run()), arrived


def test_requests_come_at_their_rate():
    """A hundred a second for half a second, evenly spaced, and nothing of the warm-up is counted."""
    summary, arrived = ran(scenario(stages=[(0.5, "rate", 100)], warm_up=0.1, arrivals="even"))
    assert summary.requests == 50
    assert len(arrived) == 60
    assert summary.errors.count == 0
    assert summary.per_second.offered == 100
    assert summary.volume.output_tokens == 100
    assert summary.latency_ms.count == summary.service_ms.count == 50
    assert summary.volume.connections_opened + summary.volume.connections_reused == 60


def test_a_service_that_stands_still_is_measured_as_callers_would_find_it():
    """All that are due while it blocks wait for it, and are counted with what they waited: half of them, not only the first."""
    load = scenario(stages=[(1.0, "rate", 40)], arrivals="even", max_in_flight=100)
    summary, _ = ran(load, blocks=10)
    assert summary.requests == 40
    assert summary.latency_ms.max >= 490
    assert summary.latency_ms.p90 > 250
    assert any("after they were due" in limit for limit in summary.generator.limits)


def test_what_could_not_be_sent_is_said():
    """Two at a time and half a second each: most of what was due is not sent, is an error, and makes the run worthless."""
    summary, arrived = ran(scenario(stages=[(0.5, "rate", 40)], arrivals="even", max_in_flight=2), delay=0.5)
    assert summary.requests == 20
    assert summary.generator.not_sent == 20 - len(arrived) > 10
    assert summary.errors.kinds["not sent by the load generator"] == summary.generator.not_sent
    assert any("not sent" in limit for limit in summary.generator.limits)


def test_users_wait_for_their_answers():
    """Three users with answers of 50 ms ask at most thirty times in half a second, never more than three at once."""
    summary, arrived = ran(scenario(stages=[(0.5, "users", 3)]), delay=0.05)
    assert 6 <= summary.requests == len(arrived) <= 33
    assert summary.errors.count == 0
    assert summary.volume.connections_opened <= 3
    assert summary.load["arrivals"] == "when an answer is there"


def test_so_many_requests_and_no_more():
    """A run that is limited by its number does not wait for its time."""
    began = time.monotonic()
    for kind, span in (("users", 2), ("rate", 500)):
        summary, arrived = ran(scenario(stages=[(600.0, kind, span)], requests=25))
        assert summary.requests == len(arrived) == 25
        assert summary.seconds < 30
        assert not summary.interrupted
    assert time.monotonic() - began < 40


def test_it_can_be_stopped():
    """What is there so far is told, and that it is not all."""
    load = scenario(stages=[(600.0, "rate", 100)])

    async def run(url: str) -> Summary:
        running = Run(load, target(url), time.monotonic)
        asyncio.get_running_loop().call_later(0.3, running.stop)
        return await running.run()

    with running_simulator() as simulator:
        summary = asyncio.run(run(simulator.url))
    assert summary.interrupted
    assert 0 < summary.requests < 200
    assert summary.seconds < 30


def test_the_same_seed_asks_the_same():
    """Bodies, and whether they are streams; `random` is nowhere else."""
    bodies = []
    for _ in range(2):
        with running_simulator(SimulatorOptions(tokens=3)) as simulator:
            load = scenario(stages=[(5.0, "rate", 200)], requests=20, stream=0.5, seed=4)
            summary = asyncio.run(Run(load, target(simulator.url), time.monotonic).run())
            bodies.append(sorted(seen.body for seen in simulator.requests))
        assert summary.errors.count == 0
        assert 0 < summary.streams < 20
    assert bodies[0] == bodies[1]


def test_a_summary_can_be_read_back():
    """--out of one run is --compare of another."""
    summary, _ = ran(scenario(stages=[(0.2, "rate", 50)]))
    assert msgspec.json.decode(msgspec.json.encode(summary), type=Summary) == summary


def test_without_a_model_nothing_runs():
    """Before any connection is made."""
    load = msgspec.structs.replace(scenario(stages=[(1.0, "rate", 1)]), models={})
    with pytest.raises(ValueError, match="no model"):
        Run(load, target("http://127.0.0.1:1"), time.monotonic)
