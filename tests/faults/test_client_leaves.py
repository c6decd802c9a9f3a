"""The client goes away or does not read (C01-C04), and what a mixture of it all leaves behind (C35)."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.answers import well_ended
from faults.world import (
    FRONTS,
    LANES,
    Row,
    World,
    cpu_seconds,
    eventually,
    payload,
    peak_kb,
    question,
    request_bytes,
    running_world,
    slowest_neighbour,
)

ROWS = {
    "paced": Row("rechunk:mode=event,delay=0.003"),
    "waiting": Row("slow_headers:secs=20"),
    "quiet": Row("stall:after=1500,secs=20"),
    "unborn": Row("stall:after=0,secs=20"),
    "big": Row("flood:n=60000"),
    "cut": Row("reset_mid:after=1500"),
    "garbage": Row("malformed_json"),
    "busy": Row("503", then=True),
    "bad-chunk": Row("bad_chunk"),
}
lanes = pytest.mark.parametrize(("front", "back"), LANES)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    def with_one_slot(config: dict[str, Any], _simulator: object) -> None:
        config["server"] = {"timeouts": {"write": "10s"}}
        for back in FRONTS:
            config["providers"][f"{back}-one"] = {**config["providers"][back], "max_connections": 1}
            timeouts = config["models"][f"{back}-well"]["timeouts"]
            for name, fault in (("well", ""), ("long", "@@rechunk:mode=event,delay=0.02"), ("waiting", "@@slow_headers:secs=20")):
                config["models"][f"{back}-one-{name}"] = {
                    "deployments": [f"{back}-one/m{fault}"],
                    "retries": 0,
                    "timeouts": timeouts,
                }

    with running_world(tmp_path_factory.mktemp("leaves"), ROWS, with_one_slot) as made:
        yield made


def left(world: World, asked: str, begun: float) -> float:
    """Seconds from `begun` (time.monotonic) until the provider saw that its caller had gone."""
    (seen,) = world.seen(asked)
    assert eventually(lambda: seen.client_gone is not None, 15)
    assert seen.done is None
    return time.monotonic() - begun


@lanes
@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_c01_leaving_in_the_middle_of_a_stream(world: World, front: str, back: str, how: str, slack: float) -> None:
    """The provider's connection is closed within a second, its only slot is free, and nobody is called guilty."""
    asked = question()
    with world.raw() as sock:
        sock.sendall(request_bytes(front, payload(front, f"{back}-one-long", asked, stream=True, tokens=500)))
        said = b""
        while said.count(b"\n\n") < 5:
            said += sock.recv(65536)
        if how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        begun = time.monotonic()
        if how == "half":
            sock.shutdown(socket.SHUT_WR)
            assert left(world, asked, begun) < slack
    assert left(world, asked, begun) < slack
    again = question()
    got = world.ask(front, f"{back}-one-well", again, stream=True)
    well_ended(got)
    assert got.seconds < 8  # the stream that was left would go on for ten
    line = world.access(f"{back}-one-long")
    assert (line["outcome"], line.get("error")) == ("client_gone", None)


@lanes
@pytest.mark.parametrize("model", ["quiet", "unborn"])
def test_c01_leaving_a_stream_that_says_nothing(world: World, front: str, back: str, model: str, slack: float) -> None:
    """Noticed though nothing is being written, before the first token and after it."""
    asked = question()
    with world.raw() as sock:
        sock.sendall(request_bytes(front, payload(front, f"{back}-{model}", asked, stream=True, tokens=80)))
        if model == "quiet":
            sock.recv(100)
        assert eventually(lambda: bool(world.seen(asked)))
        time.sleep(0.05)
        begun = time.monotonic()
    assert left(world, asked, begun) < slack


@lanes
def test_c02_leaving_while_a_whole_answer_is_made(world: World, front: str, back: str, slack: float) -> None:
    """The provider is cancelled within a second; its slot is free; the record says client_gone, as 499."""
    asked = question()
    with world.raw() as sock:
        sock.sendall(request_bytes(front, payload(front, f"{back}-one-waiting", asked)))
        assert eventually(lambda: bool(world.seen(asked)))
        begun = time.monotonic()
    assert left(world, asked, begun) < slack
    assert world.ask(front, f"{back}-one-well").status == 200
    line = world.access(f"{back}-one-waiting")
    assert (line["outcome"], line["status"]) == ("client_gone", 499)


def test_c03_many_leave_together(world: World) -> None:
    """Thirty streams of megabytes, stopped by clients that do not read, dropped at once: readiness answers at once."""
    asked = [question() for _ in range(30)]
    with contextlib.ExitStack() as stack:
        for number, text in enumerate(asked):
            front, back = LANES[number % 4]
            sock = stack.enter_context(world.raw())
            sock.sendall(request_bytes(front, payload(front, f"{back}-big", text, stream=True)))
        assert eventually(lambda: all(world.seen(text) for text in asked))
        seen = [world.seen(text)[0] for text in asked]
        sent = -1
        while sent != (sent := sum(one.sent for one in seen)):  # until all of them stand still
            time.sleep(0.3)
        assert sum(one.done is None for one in seen) > 10
        spent = cpu_seconds(world)
        with slowest_neighbour(world, "/health/ready") as slowest:
            time.sleep(0.1)
            stack.close()
            assert eventually(lambda: all(one.client_gone or one.done for one in seen))
            time.sleep(0.1)
    assert cpu_seconds(world) - spent < 0.5  # all thirty together, with the neighbour's requests
    assert max(slowest) < 5.0  # it was answered meanwhile, on a machine that may have other work
    world.well("openai", "openai")


@lanes
def test_c04_a_slow_reader(world: World, front: str, back: str) -> None:
    """A client that reads a kilobyte at a time costs no memory, and nobody else any time."""
    before = peak_kb(world)
    with socket.socket() as sock, slowest_neighbour(world) as slowest:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", world.gateway.port))
        sock.sendall(request_bytes(front, payload(front, f"{back}-big", stream=True)))
        for _ in range(20):
            assert sock.recv(1024)
            time.sleep(0.03)
        world.well(front, back)
    assert peak_kb(world) - before < 16 * 1024
    assert max(slowest) < 5


def descriptors(world: World) -> int:
    return len(list(Path(f"/proc/{world.gateway.worker}/fd").iterdir()))


def test_c35_a_mixture_of_it_all_leaves_nothing_behind(world: World) -> None:
    """Rounds of cuts, garbage, failovers and clients that leave: no descriptor, no running request and no memory stays."""

    def one(number: int) -> None:
        front, back = LANES[number % 4]
        model = f"{back}-{('cut', 'garbage', 'busy', 'bad-chunk', 'paced', 'well')[number % 6]}"
        sent = request_bytes(front, payload(front, model, stream=bool(number % 5), tokens=30), "Connection: close")
        with contextlib.suppress(OSError), world.raw() as sock:
            sock.sendall(sent)
            if number % 7 == 0:
                sock.recv(500)
                return
            while sock.recv(65536):
                pass

    def round_of(count: int) -> None:
        threads = [threading.Thread(target=lambda own=own: [one(n) for n in range(own, count, 8)]) for own in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def quiet() -> bool:
        """Only connections that wait for the next request are left."""
        return world.simulator.stats()["running"] == 0

    world.simulator.reset()
    round_of(240)
    assert eventually(quiet)
    memory, files = world.gateway.rss_kb(), descriptors(world)
    round_of(480)
    assert eventually(quiet)
    assert eventually(lambda: descriptors(world) <= files + 10)
    assert world.gateway.rss_kb() - memory < 8 * 1024
    connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=5)
    connection.request("GET", "/health/ready")
    assert connection.getresponse().status == 200
    connection.close()
