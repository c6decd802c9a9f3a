"""Connections: keep-alive, pipelining, what is noticed when a client leaves, and what is refused."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import pytest

from llm_gateway.simulator import SimulatorOptions, running_simulator
from simulator.support import CHAT, chat, exchange, get, post


def connect(simulator):
    parts = urlsplit(simulator.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=3)


def eventually(check, seconds=2.0):
    """Wait until `check` is true; a bound, not a pause."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)


def test_pipelined_requests_are_answered_in_order(simulator):
    """A slow answer holds back the quick ones behind it, on one connection."""
    slow = post(f"/f/slow_headers:secs=0.1{CHAT}", chat("first"), close=False)
    quick = post(CHAT, chat("second"), close=False)
    data = exchange(simulator.url, slow + quick + post(CHAT, chat("third"))).data
    places = [data.index(b"You said: " + word) for word in (b"first", b"second", b"third")]
    assert places == sorted(places)
    assert {seen.connection for seen in simulator.requests} == {simulator.requests[0].connection}


def test_a_request_may_come_byte_by_byte(simulator):
    """Boundaries of reads mean nothing, chunked bodies are taken."""
    body = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    request = head + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    with connect(simulator) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            peer.sendall(bytes([byte]))
        assert peer.recv(4096).startswith(b"HTTP/1.1 200 OK")
    assert simulator.requests[0].body == body


def test_expect_continue(simulator):
    """The body is invited when the client waits for it."""
    with connect(simulator) as peer:
        peer.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n".encode())
        assert peer.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(b"{}")
        assert b" 400 " in peer.recv(4096)


def test_head_has_no_body(simulator):
    """HEAD is answered with the head alone."""
    answer = exchange(simulator.url, get("/v1/models").replace(b"GET", b"HEAD"))
    assert (answer.status, answer.payload) == (200, b"")
    assert int(answer.header("content-length")) > 0


def test_http10_clients_get_no_chunks(simulator):
    """To an HTTP/1.0 client a stream ends with the connection."""
    answer = exchange(simulator.url, post(CHAT, chat(stream=True)).replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert answer.header("transfer-encoding") is None
    assert answer.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_is_noticed(simulator, stream):
    """client_gone says when; the answer is not counted as done; the connection is let go."""
    with connect(simulator) as peer:
        peer.sendall(post(f"/f/stall:after=20,secs=30{CHAT}", chat(stream=stream), close=False))
        assert peer.recv(10)
    eventually(lambda: simulator.requests[0].client_gone is not None)
    entry = simulator.requests[0]
    assert entry.done is None
    assert 0 <= entry.client_gone < 1.5
    eventually(lambda: simulator.stats()["connections_open"] == 0)


def test_back_pressure():
    """A client that does not read stops the flood: what is not taken stays unsent."""
    with running_simulator() as simulator, connect(simulator) as peer:
        peer.sendall(post(f"/f/flood:n=200000{CHAT}", chat(stream=True), close=False))
        assert peer.recv(10)
        eventually(lambda: simulator.requests[0].sent > 100_000)
        time.sleep(0.1)
        assert simulator.requests[0].sent < 20_000_000
        assert simulator.requests[0].done is None


def test_pace_on_the_wire():
    """Tokens arrive at the pace of the options, the opening event at once."""
    with running_simulator(SimulatorOptions(tokens_per_second=200, first_token_delay=0.1, tokens=20)) as simulator:
        answer = exchange(simulator.url, post(CHAT, chat(stream=True)))
        assert answer.first < 0.08
        assert 0.19 <= answer.last < 0.6
        assert answer.reads >= 15


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 300_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n" + b"a" * 3000, 413),
    ],
)
def test_what_cannot_be_read_is_refused(request_bytes, status):
    """Garbage, huge heads and bodies over the cap are answered and the connection is closed."""
    with running_simulator(SimulatorOptions(body_bytes=2000)) as simulator:
        answer = exchange(simulator.url, request_bytes)
        assert (answer.status, answer.ending) == (status, "eof")
