"""One request, against the simulator with faults: what counts as an answer, and what an error is called."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from llm_gateway.http.client import Client, Origin, Timeouts
from llm_gateway.loadtest.asking import Ask
from llm_gateway.loadtest.exchange import StreamSink, Target, error_code, exchange
from llm_gateway.loadtest.histogram import Histogram
from llm_gateway.loadtest.measured import Outcome
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator

TIMEOUTS = Timeouts(connect=2, head=0.5, idle=0.5, total=2)


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions(tokens=20)) as running:
        yield running


def asked(simulator: RunningSimulator, fault: str = "", *, stream: bool = False) -> tuple[Outcome, Histogram]:
    """One request to the simulator."""
    body = b'{"model":"m","messages":[{"role":"user","content":"hello"}]%b}'
    more = b',"stream":true,"stream_options":{"include_usage":true}' if stream else b""
    outcome, gaps = Outcome(time.monotonic()), Histogram()

    async def run() -> None:
        client = Client()
        path = f"/f/{fault}/v1/chat/completions" if fault else "/v1/chat/completions"
        origin = Origin.parse(simulator.url)[0]
        target = Target(origin, path.encode(), b"Content-Type: application/json\r\n", TIMEOUTS)
        try:
            await exchange(client, target, Ask(body % more, stream), outcome, time.monotonic, gaps)
        finally:
            await client.close()

    asyncio.run(run())
    return outcome, gaps


def test_a_whole_answer(simulator):
    """Its times are in order, and its tokens are those that it tells."""
    outcome, gaps = asked(simulator)
    assert outcome.error == ""
    assert outcome.due <= outcome.sent < outcome.end
    assert outcome.first is None
    assert outcome.output_tokens == 20
    assert outcome.prompt_tokens
    assert outcome.bytes_sent < outcome.bytes_received
    assert gaps.count == 0


def test_a_stream(simulator):
    """The first token has a time, and each further one a gap: the opening event, the end and the usage are no tokens."""
    outcome, gaps = asked(simulator, stream=True)
    assert outcome.error == ""
    assert outcome.sent < outcome.first <= outcome.end
    assert outcome.output_tokens == 20
    assert gaps.count == 19


@pytest.mark.parametrize(
    ("fault", "stream", "kind"),
    [
        ("429", False, "429 rate_limit_exceeded"),
        ("503", True, "503"),
        ("malformed_json", False, "200, but no chat completion"),
        ("no_choices", False, "200, but no choices"),
        ("html_200", False, "200, but no chat completion"),
        ("close_pre", False, "connection lost"),
        ("close_mid", True, "connection lost in the middle of an answer"),
        ("slow_headers:secs=1", False, "timed out"),
        ("stall:after=300,secs=1", True, "timed out in the middle of an answer"),
        ("no_done", True, "stream: ended without [DONE]"),
        ("mid_error", True, "stream: error"),
        ("bad_chunk", True, "not HTTP in the middle of an answer"),
    ],
)
def test_what_is_no_answer_is_an_error(simulator, fault, stream, kind):
    """Status 200 is not enough."""
    outcome, _ = asked(simulator, fault, stream=stream)
    assert outcome.error.startswith(kind), outcome.error
    assert outcome.end > outcome.sent


def test_nobody_listens():
    """That is an error of the request, not of the run."""
    outcome = Outcome(0.0)

    async def run() -> None:
        client = Client()
        target = Target(Origin("http", "127.0.0.1", 1), b"/v1/chat/completions", b"", TIMEOUTS)
        await exchange(client, target, Ask(b"{}", stream=False), outcome, time.monotonic, Histogram())
        await client.close()

    asyncio.run(run())
    assert outcome.error == "no connection"


def test_events_of_one_read_are_no_time_apart():
    """The gap is what the caller waited: nothing within a read, the whole pause between two reads."""
    now = 10.0
    event = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'

    async def run() -> tuple[Outcome, Histogram]:
        outcome, gaps = Outcome(9.0), Histogram()
        sink = StreamSink(outcome, lambda: now, gaps, asyncio.get_running_loop().create_future())
        nonlocal_time = [10.0, 10.25, 10.5]
        for at, data in zip(nonlocal_time, (event, event * 3, b": heartbeat\n\ndata: [DONE]\n\n"), strict=True):
            move(at)
            sink.feed(data)
        sink.end()
        await sink.over
        return outcome, gaps

    def move(at: float) -> None:
        nonlocal now
        now = at

    outcome, gaps = asyncio.run(run())
    assert outcome.first == 10.0
    assert outcome.error == ""
    assert gaps.count == 3
    assert gaps.spread().max == 250
    assert gaps.quantile(0.5) == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"error":{"code":"rate_limit_exceeded","message":"x"}}', "rate_limit_exceeded"),
        (b'{"error":{"type":"server_error","code":null}}', "server_error"),
        (b'{"error":{"code":"sk-secret and more"}}', ""),
        (b'{"error":"text"}', ""),
        (b"<html>", ""),
        (b"[]", ""),
    ],
)
def test_the_code_of_an_error(body, code):
    """A short word, or nothing: whatever else a server writes is not repeated."""
    assert error_code(body) == code


def test_a_target_does_not_show_its_key():
    """Not even in a traceback."""
    assert "sk-" not in repr(Target(Origin("http", "a", 1), b"/", b"Authorization: Bearer sk-1\r\n", TIMEOUTS))
