"""A provider's stream breaks, stalls, drips, repeats itself, or is written oddly (U05, U06, U09-U11, U27-U31, U33)."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from faults.answers import TERMINAL, Got, cut_short, well_ended
from faults.world import (
    FRONTS,
    LANES,
    Row,
    World,
    eventually,
    nothing_leaked,
    payload,
    peak_kb,
    question,
    refused,
    request_bytes,
    running_world,
    slowest_neighbour,
)

SEEDS = range(1, 51)
WRITTEN_ODDLY = ("crlf", "cr", "multi_data", "comments", "no_final_newline", "unknown_event")
ENDED_ODDLY = ("no_done", "dup_done", "trailing_garbage")
ROWS = {
    "reset-mid": Row("reset_mid:after=1500", then=True, retries=3),
    "close-mid": Row("close_mid:after=1500", then=True, retries=3),
    "mid-error": Row("mid_error+rechunk:mode=event,delay=0.004", then=True, retries=3),
    "early-error": Row("mid_error:after=1", then=True),
    "stall": Row("stall:after=1500,secs=60", hasty=True, then=True, retries=3, timeouts={"total": "20s"}),
    "silent": Row("stall:after=0,secs=60", hasty=True, timeouts={"total": "20s"}),
    "alive": Row("heartbeat:secs=0.2,n=5", hasty=True, timeouts={"first_token": "10s"}),
    "drip": Row("drip:bps=50", hasty=True, timeouts={"total": "900ms"}),
    "flood": Row("flood:n=500000"),
    "flood-read": Row("flood:n=50000"),
    **{fault.replace("_", "-"): Row(fault) for fault in (*WRITTEN_ODDLY, *ENDED_ODDLY)},
    **{f"cut-{mode}": Row(f"rechunk:mode={mode}") for mode in ("event", "byte", "whole", "line")},
    **{f"cut-random-{seed}": Row(f"rechunk:mode=random,seed={seed}") for seed in SEEDS},
}
WORDS = 'Grüße 🦊👩‍👩‍👧 "quoted" \\back {"a":[1]} data: x\n\nevent: y'
TOOLS = {
    "openai": {"tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]},
    "anthropic": {"tools": [{"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}]},
}  # fmt: skip
lanes = pytest.mark.parametrize(("front", "back"), LANES)
cuts = pytest.mark.parametrize("model", ["reset-mid", "close-mid"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    def with_one_slot(config: dict[str, Any], _simulator: object) -> None:
        for back in FRONTS:
            config["providers"][f"{back}-one"] = {**config["providers"][back], "max_connections": 1}
            for name, model in (("stall", "m@@stall:after=1500,secs=60"), ("well", "m")):
                timeouts = config["models"][f"{back}-stall" if name == "stall" else f"{back}-well"]["timeouts"]
                config["models"][f"{back}-one-{name}"] = {
                    "deployments": [f"{back}-one/{model}"],
                    "retries": 0,
                    "timeouts": timeouts,
                }

    with running_world(tmp_path_factory.mktemp("streams"), ROWS, with_one_slot, log_body_bytes=256) as made:
        yield made


@lanes
@cuts
def test_u05_u06_a_cut_after_content(world: World, front: str, back: str, model: str) -> None:
    """Reset or closed in the middle: an error event, no restart though another deployment stands ready, no text twice."""
    asked = question()
    whole = world.ask(front, f"{back}-well", asked, stream=True, tokens=80).text
    got = world.ask(front, f"{back}-{model}", asked, stream=True, tokens=80)
    cut_short(got)
    nothing_leaked(world, got)
    assert got.text
    assert whole.startswith(got.text)
    assert len(got.text) < len(whole)
    assert len(world.seen(asked)) == 2  # one for each of the two questions
    line = world.access(f"{back}-{model}")
    assert (line["outcome"], line["status"], len(line["attempts"])) == ("cut", 200, 1)
    world.well(front, back)


@lanes
@cuts
def test_u06_what_is_known_of_a_cut_stream_is_recorded(world: World, front: str, back: str, model: str) -> None:
    """The access record of a broken stream says how much was passed on, and the usage that the provider had told by then."""
    cut_short(world.ask(front, f"{back}-{model}", stream=True, tokens=80))
    line = world.access(f"{back}-{model}")
    assert line["bytes_out"] > 1000
    assert line["first_token_ms"] > 0
    if back == "anthropic":  # it counts the prompt at the beginning, OpenAI only at the end
        assert line["tokens"]["input"] > 0


@lanes
def test_u09_a_stall_after_content(world: World, front: str, back: str) -> None:
    """An error event when the idle time is over, not when the provider goes on; its connection is closed."""
    asked = question()
    got = world.ask(front, f"{back}-stall", asked, stream=True, tokens=80)
    cut_short(got)
    nothing_leaked(world, got)
    assert got.text
    assert 0.25 < got.seconds < 10
    (seen,) = world.seen(asked)
    assert eventually(lambda: seen.client_gone is not None)
    world.well(front, back)


@lanes
def test_u09_a_stall_gives_its_slot_back(world: World, front: str, back: str) -> None:
    """A provider with a single connection is free again after a stalled stream."""
    cut_short(world.ask(front, f"{back}-one-stall", stream=True, tokens=80))
    asked = question()
    got = world.ask(front, f"{back}-one-well", asked, stream=True)
    well_ended(got)
    assert asked in got.text
    assert got.seconds < 10


@lanes
def test_u09_silence_before_the_first_token(world: World, front: str, back: str) -> None:
    """A head and nothing more: 504 with a status, because nothing was sent to the caller yet."""
    got = world.ask(front, f"{back}-silent", stream=True)
    refused(world, got, 504)
    assert 0.25 < got.seconds < 10


@lanes
def test_u10_slow_but_alive(world: World, front: str, back: str) -> None:
    """Comments within the idle time keep a stream alive for longer than that."""
    asked = question()
    got = world.ask(front, f"{back}-alive", asked, stream=True)
    well_ended(got)
    assert asked in got.text
    assert got.seconds > 0.9


@lanes
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_u11_a_drip(world: World, front: str, back: str, stream: bool) -> None:
    """Each read makes progress, and still the deadline holds: the total of a whole answer, the first token of a stream."""
    asked = question()
    got = world.ask(front, f"{back}-drip", asked, stream=stream)
    refused(world, got, 504)
    assert (0.35 if stream else 0.85) < got.seconds < 4
    (seen,) = world.seen(asked)
    assert eventually(lambda: seen.client_gone is not None)
    world.well(front, back)


def bare(got: Got) -> bytes:
    """The stream without what is new in each request."""
    well_ended(got)
    return got.body


@lanes
@pytest.mark.parametrize("call", [False, True], ids=["text", "tools"])
def test_u27_chunk_boundaries(world: World, front: str, back: str, call: bool) -> None:
    """However the provider's bytes are cut, the caller gets the same bytes: by event, line, byte, at once, and at random."""
    said = f"{WORDS} call weather" if call else WORDS
    expected = bare(world.ask(front, f"{back}-cut-event", said, stream=True, more=TOOLS[front]))
    assert b"weather" in expected if call else "🦊".encode() in expected or b"ud83e" in expected
    models = ["well", "cut-byte", "cut-whole", "cut-line", *(f"cut-random-{seed}" for seed in SEEDS)]
    for model in models:
        got = bare(world.ask(front, f"{back}-{model}", said, stream=True, more=TOOLS[front]))
        assert same(got) == same(expected), model


def same(body: bytes) -> bytes:
    """Translated answers are dated by the gateway's clock, with whole seconds."""
    return re.sub(rb'"created":\d+', b'"created":0', body)


@lanes
@pytest.mark.parametrize("fault", WRITTEN_ODDLY)
def test_u28_u30_events_written_oddly(world: World, front: str, back: str, fault: str) -> None:
    """Other line ends, comments, data on two lines, no last newline, an event nobody knows: the same text, well ended."""
    expected = world.ask(front, f"{back}-well", WORDS, stream=True)
    got = world.ask(front, f"{back}-{fault.replace('_', '-')}", WORDS, stream=True)
    well_ended(got)
    assert got.text == expected.text
    if front != back:
        assert same(got.body) == same(expected.body)


@lanes
@pytest.mark.parametrize("fault", ENDED_ODDLY)
def test_u29_the_end_of_a_stream(world: World, front: str, back: str, fault: str) -> None:
    """Missing, doubled, or followed by rubbish: the caller gets one end, and nothing behind it."""
    asked = question()
    got = world.ask(front, f"{back}-{fault.replace('_', '-')}", asked, stream=True)
    well_ended(got)
    assert asked in got.text
    assert b"garbage" not in got.body
    assert b'"late"' not in got.body
    world.well(front, back)


@lanes
def test_u31_an_error_inside_a_stream(world: World, front: str, back: str) -> None:
    """Told in the caller's shape after the text that came before, recorded as a failure, never repeated elsewhere."""
    asked = question()
    got = world.ask(front, f"{back}-mid-error", asked, stream=True, tokens=80)
    cut_short(got)
    nothing_leaked(world, got)
    assert got.text
    assert len(world.seen(asked)) == 1
    line = world.access(f"{back}-mid-error")
    assert (line["outcome"], line["attempts"][0]["error"]) == ("cut", "in_band")


@lanes
def test_u31_an_error_before_content_fails_over(world: World, front: str, back: str) -> None:
    """A stream that begins with an error is a failed attempt: the next deployment answers, and the answer begins once."""
    asked = question()
    got = world.ask(front, f"{back}-early-error", asked, stream=True)
    well_ended(got)
    assert got.text.count(asked) == 1
    assert len(world.seen(asked)) == 2


@lanes
def test_u33_a_flood_and_a_client_that_does_not_read(world: World, front: str, back: str) -> None:
    """Tens of megabytes of events: the provider is not read further than the client reads; memory stays where it was."""
    before = peak_kb(world)
    asked = question()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", world.gateway.port))
        sock.sendall(request_bytes(front, payload(front, f"{back}-flood", asked, stream=True)))
        assert eventually(lambda: bool(world.seen(asked)))
        (seen,) = world.seen(asked)
        sent = -1
        while sent != seen.sent:  # until it stands still
            sent = seen.sent
            time.sleep(0.3)
        assert seen.done is None
        assert 0 < sent < 48 << 20  # the kernel's own buffers, of which the larger one can grow to 32 MiB
        assert peak_kb(world) - before < 16 * 1024
        world.well(front, back)
    assert eventually(lambda: seen.client_gone is not None)


@lanes
def test_u33_a_flood_and_a_client_that_reads(world: World, front: str, back: str) -> None:
    """All of it arrives, in memory that does not grow with it; other callers are served meanwhile."""
    before = peak_kb(world)
    with slowest_neighbour(world) as slowest:
        got = world.ask(front, f"{back}-flood-read", stream=True)
    assert got.complete
    assert got.body.count(b"\n\n") > 50_000
    assert got.body.rstrip().endswith(TERMINAL[front] if front == "openai" else b'"message_stop"}')
    assert peak_kb(world) - before < 16 * 1024
    assert max(slowest) < 5
