"""client: whole exchanges over real sockets, with an upstream that plays byte scripts (faults.md U01-U38)."""

from __future__ import annotations

import asyncio

import pytest

from http_support.clients import CHUNKED, HELLO, OK, client_of, fails, get, whole
from llm_gateway.http.client import ClientLimits, Origin, Timeouts
from llm_gateway.http.errors import ConnectFailed, ConnectionLost, ConnectTimeout, ProtocolViolation
from llm_gateway.http.resolver import Resolver
from scripted_upstream import ASK, CLOSE, RESET, Collector, Upstream

pytestmark = pytest.mark.anyio


# ---- the ordinary


async def test_the_request_on_the_wire():
    """Request line, Host, our length, the caller's lines, the body: exactly these bytes in this order."""
    async with Upstream([ASK, HELLO]) as upstream, client_of() as client:
        assert await whole(client, upstream) == b"hello"
        host = b"127.0.0.1:%d" % upstream.port
        assert upstream.requests == [(0, b"POST /v1/x HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: 2\r\nA: b\r\n\r\n{}")]


async def test_a_large_body_arrives_whole():
    """A body over the one-write size is sent after its head, unchanged."""
    body = bytes(range(256)) * 2000
    async with Upstream([ASK, HELLO]) as upstream, client_of() as client:
        response = await get(client, upstream, body=body)
        assert (response.status, response.complete) == (200, True)
        assert upstream.requests[0][1].endswith(b"\r\n\r\n" + body)


async def test_connections_are_reused_last_in_first_out():
    """One connection serves one exchange after the other."""
    async with Upstream([ASK, HELLO] * 5) as upstream, client_of() as client:
        for _ in range(5):
            response = await get(client, upstream)
            assert await response.read() == b"hello"
            response.close()
        assert upstream.connections == 1
        (stats,) = client.stats().values()
        assert stats == {"idle": 1, "active": 0, "waiting": 0, "opened": 1, "reused": 4}


async def test_head_has_no_body():
    """HEAD is answered by a head alone, whatever length it announces; the next request gets its own answer."""
    async with Upstream([ASK, OK + b"Content-Length: 5\r\n\r\n"], [ASK, HELLO]) as upstream, client_of() as client:
        response = await get(client, upstream, method=b"HEAD", body=b"")
        assert (response.complete, await response.read()) == (True, b"")
        assert await whole(client, upstream) == b"hello"


async def test_redirects_are_not_followed():
    """U36: a redirect is an answer like any other; nobody else is asked."""
    async with Upstream([]) as trap, client_of() as client:
        head = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % trap.url.encode()
        async with Upstream([ASK, head]) as upstream:
            assert (await get(client, upstream)).status == 307
        assert trap.connections == 0


# ---- connecting (U01, U02)


async def test_refused():
    """U01, U02: a refused connection fails at once, nothing was sent, and no address is named."""
    async with Upstream([]) as upstream:
        url = upstream.url
    async with client_of() as client:
        origin, _ = Origin.parse(url)
        error = await fails(ConnectFailed, client.send(origin, b"GET", b"/", b""))
        assert (error.sent, error.started) == (False, False)
        assert "127.0.0.1" not in str(error)
        assert str(origin.port) not in str(error)


async def test_connect_deadline_covers_the_name_lookup():
    """A name server that is silent is a ConnectTimeout, and the slot is free again."""

    async def silent(host: str, port: int):
        await asyncio.sleep(60)

    async with client_of(ClientLimits(connections_per_origin=1), resolver=Resolver(lookup=silent)) as client:
        for _ in range(2):
            await fails(
                ConnectTimeout, client.send(Origin("http", "a.test", 80), b"GET", b"/", b"", timeouts=Timeouts(connect=0.05))
            )


# ---- lost connections (U03 - U06)


async def test_a_stale_connection_is_replaced_once():
    """U04: the peer closed the idle connection just as we wrote; the request goes to a fresh one."""
    for how in (CLOSE, RESET):
        async with Upstream([ASK, HELLO, ASK, how], [ASK, HELLO]) as upstream, client_of() as client:
            await whole(client, upstream)
            assert await whole(client, upstream) == b"hello"
            assert [number for number, _ in upstream.requests] == [0, 0, 1]


async def test_a_fresh_connection_is_not_tried_again():
    """U03 at this level: lost without an answer on a new connection is the caller's to decide."""
    for how in (CLOSE, RESET):
        async with Upstream([ASK, how]) as upstream, client_of() as client:
            error = await fails(ConnectionLost, get(client, upstream))
            assert (error.sent, error.started, upstream.connections) == (True, False, 1)


async def test_stale_twice_is_an_error():
    """The retry is one; if the replacement is lost as well the caller hears of it."""
    async with Upstream([ASK, HELLO, ASK, CLOSE], [ASK, CLOSE]) as upstream, client_of() as client:
        await whole(client, upstream)
        await fails(ConnectionLost, get(client, upstream))
        assert upstream.connections == 2


async def test_a_begun_answer_is_never_asked_for_again():
    """Some bytes of an answer came on a reused connection: no second request behind the caller's back."""
    async with Upstream([ASK, HELLO, ASK, b"HTTP/1.1 2", CLOSE]) as upstream, client_of() as client:
        await whole(client, upstream)
        await fails(ConnectionLost, get(client, upstream))
        assert len(upstream.requests) == 2


async def test_cut_bodies():
    """U05, U06: a body that is cut is an error, for a reader and for a sink, after the bytes that came."""
    for how in (CLOSE, RESET):
        async with Upstream([ASK, CHUNKED + b"3\r\nabc\r\n", 0.05, how]) as upstream, client_of() as client:
            error = await fails(ConnectionLost, whole(client, upstream))
            assert error.started
            response, sink = await get(client, upstream), Collector()
            response.stream(sink)
            await sink.over
            assert (sink.data, type(sink.error), sink.ended) == (b"abc", ConnectionLost, 0)


async def test_an_idle_connection_the_peer_closed_is_not_taken():
    """A connection that was closed while idle leaves the pool by itself."""
    async with Upstream([ASK, HELLO, CLOSE], [ASK, HELLO]) as upstream, client_of() as client:
        await whole(client, upstream)
        await asyncio.sleep(0.05)
        assert next(iter(client.stats().values()))["idle"] == 0
        assert await whole(client, upstream) == b"hello"


async def test_unsolicited_bytes_on_an_idle_connection_close_it():
    """U34: what arrives while nobody waits is nobody's answer; the next request gets its own."""
    evil = OK + b"Content-Length: 4\r\n\r\nevil"
    async with Upstream([ASK, HELLO, 0.02, evil], [ASK, HELLO]) as upstream, client_of() as client:
        await whole(client, upstream)
        await upstream.until_left(1)
        assert await whole(client, upstream) == b"hello"


async def test_bad_framing_is_never_reused():
    """U34: after a violation the next request runs on another connection and gets its own answer."""
    async with (
        Upstream([ASK, OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"], [ASK, HELLO]) as upstream,
        client_of() as client,
    ):
        await fails(ProtocolViolation, get(client, upstream))
        assert await whole(client, upstream) == b"hello"
        assert upstream.connections == 2
