"""Answers and errors to the caller."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import (
    Draining,
    GatewayError,
    InvalidRequest,
    MethodNotAllowed,
    RateLimited,
    Unauthenticated,
    UpstreamRejected,
)
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.edge.heartbeat import Heartbeat
from llm_gateway.edge.respond import Respond, error_lines
from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.reply import Reply
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import connected, run, until
from whole_gateway import CHAT, SSE_HEAD, chat, chunk, one_provider, piece, request, whole_gateway


class Wire:
    """A connection that keeps what it is given."""

    keep = True
    paused = False

    def __init__(self) -> None:
        self.lines = {status: b"HTTP/1.1 %d X\r\n" % status for status in range(200, 600)}
        self.data = b""

    def send(self, data: bytes) -> None:
        self.data += data

    def unsent(self) -> int:
        return 0

    def finish(self) -> None:
        pass

    def cut(self, *, reset: bool = False) -> None:
        self.data += b"CUT"


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.wire = Wire()
        self.reply = Reply(self.wire, b"POST", True)
        http = SimpleNamespace(path=b"/", headers={}, notes=None, body=b"", peer="", reply=self.reply)
        self.ex = Exchange("req_1", http, OPENAI_CHAT, self.clock.monotonic())
        self.edge = Respond(self.clock, Heartbeat(0))

    def tried(self, *providers: str) -> None:
        self.ex.attempts = [Attempt(provider, "m", 0.0) for provider in providers]


def test_a_refusal_before_anything_was_sent_is_a_status():
    """With the facts about the request: id, time, attempts, whom was asked last."""
    world = World()
    world.tried("a", "b")
    world.clock.advance(0.25)
    world.edge.refuse(world.ex, InvalidRequest("bad", param="n"))
    head, _, body = world.wire.data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    lines = head.split(b"\r\n")
    for line in (
        b"X-Request-ID: req_1",
        b"X-Latency-Ms: 250",
        b"X-Gateway-Retries: 1",
        b"X-Failover: true",
        b"X-Gateway-Provider: b",
        b"Cache-Control: no-store",
        b"Content-Type: application/json",
    ):
        assert lines.count(line) == 1
    assert body == OPENAI_CHAT.render_error(InvalidRequest("bad", param="n"), "req_1")
    assert (world.ex.status, world.ex.bytes_out, world.ex.outcome) == (400, len(body), "")


def test_repeating_at_one_provider_is_no_failover():
    """X-Failover says that another one answered."""
    world = World()
    world.tried("a", "a")
    world.edge.refuse(world.ex, GatewayError("x"))
    assert b"X-Gateway-Retries: 1\r\n" in world.wire.data
    assert b"X-Failover" not in world.wire.data


def test_a_refusal_inside_of_a_stream_is_its_last_event():
    """The status is out already: an error event, and the end of the message as HTTP has it."""
    world = World()
    world.reply.start(200, b"")
    world.reply.write(b"data: x\n\n")
    world.ex.status = 200
    world.edge.refuse(world.ex, GatewayError("broke"))
    assert world.wire.data.endswith(b"0\r\n\r\n")
    assert b"event: error\ndata: {" in world.wire.data
    assert (world.ex.status, world.ex.outcome) == (200, "cut")


@pytest.mark.parametrize("state", ["gone", "finished"])
def test_nobody_is_told_twice(state):
    """A caller who left, or has his whole answer, gets nothing more; the error is still on record."""
    world = World()
    if state == "gone":
        world.reply.gone = True
    else:
        world.reply.whole(200, b"", b"ok")
    before = world.wire.data
    error = GatewayError("x")
    world.edge.refuse(world.ex, error)
    assert world.wire.data == before
    assert world.ex.error is error


def test_abandoning_tells_who_is_still_there():
    """Cancelled by the drain the caller is told to ask again; cancelled because he left, nobody is."""
    world = World()
    world.edge.abandon(world.ex)
    assert world.wire.data.startswith(b"HTTP/1.1 503 ")
    assert isinstance(world.ex.error, Draining)
    left = World()
    left.reply.gone = True
    left.edge.abandon(left.ex)
    assert (left.wire.data, left.ex.error) == (b"", None)


@pytest.mark.parametrize(
    ("same", "body", "shown"), [(True, b'{"own":1}', True), (False, b'{"own":1}', False), (True, b"", False)]
)
def test_a_providers_own_error_is_for_who_speaks_its_dialect(same, body, shown):
    """Else, and when it cannot be shown, ours."""
    world = World()
    error = UpstreamRejected("bad")
    error.same_dialect, error.body, error.status = same, body, 422
    world.edge.refuse(world.ex, error)
    assert world.wire.data.startswith(b"HTTP/1.1 422 ")
    assert world.wire.data.endswith(b'{"own":1}') is shown


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (RateLimited("x", retry_after=0.0), b"Retry-After: 1\r\n"),
        (RateLimited("x", retry_after=1.0), b"Retry-After: 1\r\n"),
        (RateLimited("x", retry_after=1.01), b"Retry-After: 2\r\n"),
        (RateLimited("x", retry_after=30.0), b"Retry-After: 30\r\n"),
        (RateLimited("x"), b""),
        (Draining("x"), b"Retry-After: 1\r\n"),
        (Unauthenticated("x"), b'WWW-Authenticate: Bearer realm="llm-gateway"\r\n'),
        (MethodNotAllowed("x", details={"allow": "GET, OPTIONS"}), b"Allow: GET, OPTIONS\r\n"),
        (InvalidRequest("x", details={"value": 1}), b""),
        (InvalidRequest("x"), b""),
    ],
)
def test_the_lines_that_belong_to_a_status(error, lines):
    """Retry-After in whole seconds, rounded up, at least one; the scheme that a 401 asks for; the methods that a 405 allows."""
    assert error_lines(error) == lines


@pytest.mark.parametrize("name", ["a\r\nX-Injected: 1", "a\0b", "ключ", "\x7f\x1b[2J"])
def test_dropped_names_stay_in_their_line(name):
    """Also a refusal shows them; none may raise or split the head."""
    world = World()
    world.ex.dropped = ["top_k", name]
    world.edge.refuse(world.ex, GatewayError("x"))
    head = world.wire.data.partition(b"\r\n\r\n")[0]
    (line,) = [line for line in head.split(b"\r\n") if line.startswith(b"X-Gateway-Dropped: top_k, ")]
    assert b"\r\nX-Injected" not in head
    assert all(0x20 <= byte < 0x7F for byte in line)


def test_the_line_of_dropped_names_is_bounded():
    """Thousands of names would not fit into anybody's head."""
    world = World()
    world.ex.dropped = [f"messages[{n}].name" for n in range(10_000)]
    world.edge.refuse(world.ex, GatewayError("x"))
    assert len(world.wire.data) < 6000


def test_a_slow_reader_holds_the_provider_back():
    """C04, U33: what the client does not read is not read from the provider either; memory stays bounded and all arrives."""

    async def test() -> None:
        events = [piece("x" * 1000) for _ in range(64)]
        block = chunk(*events)
        count = 100
        script: list[Any] = [ASK, SSE_HEAD, *[block] * count, chunk(piece(finish="stop"), b"data: [DONE]\n\n"), b"0\r\n\r\n"]
        limits = ServerLimits(write_high_water=64 * 1024)
        async with (
            Server(script) as server,
            whole_gateway(one_provider(server.url), limits=limits) as gateway,
            connected(gateway.port) as raw,
        ):
            raw.send(request(CHAT, chat(stream=True)))
            await until(lambda: len(server.requests) == 1)
            (member,) = gateway.server._state.members
            await until(lambda: member.paused)
            await asyncio.sleep(0.05)
            assert member.unsent() < 2_000_000
            _, _, body = await raw.reply()
            assert body.count(b"x" * 1000) == 64 * count

    run(test)


def test_a_drain_message_is_never_a_clean_end():
    """C30: what the edge writes for a cancelled stream has no terminal marker."""
    world = World()
    world.reply.start(200, b"")
    world.reply.write(b"data: x\n\n")
    world.edge.abandon(world.ex)
    assert b"[DONE]" not in world.wire.data
    assert b"draining" in world.wire.data
