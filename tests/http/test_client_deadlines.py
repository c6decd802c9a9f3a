"""The client's deadlines, and exchanges that are cancelled or closed under way."""

from __future__ import annotations

import asyncio

import pytest

from http_support.clients import CHUNKED, HELLO, OK, QUICK, client_of, fails, get, whole
from llm_gateway.http.client import Client, ClientLimits, Origin, Timeouts
from llm_gateway.http.errors import (
    ConnectionLost,
    ConnectTimeout,
    DeadlineExceeded,
    HeadTimeout,
    IdleTimeout,
    PoolExhausted,
    ProtocolViolation,
)
from llm_gateway.http.resolver import Resolver
from scripted_upstream import ASK, Collector, Upstream

pytestmark = pytest.mark.anyio


# ---- deadlines (U08 - U11)


async def test_slow_head():
    """U08: no head within the limit is a HeadTimeout at that time, and the connection is closed."""
    async with Upstream([ASK, 5.0]) as upstream, client_of() as client:
        await fails(HeadTimeout, get(client, upstream, QUICK))
        assert next(iter(client.stats().values()))["active"] == 0


async def test_drip_fed_head():
    """U08: bytes of a head do not extend its deadline."""
    async with Upstream([ASK, *[b"H", 0.05] * 100]) as upstream, client_of() as client:
        with pytest.raises((HeadTimeout, ProtocolViolation)):
            await get(client, upstream, QUICK)
    async with Upstream([ASK, OK, *[b"A: b\r\n", 0.05] * 100]) as upstream, client_of() as client:
        await fails(HeadTimeout, get(client, upstream, QUICK))


async def test_stalled_body():
    """U09: a body that stalls is an IdleTimeout, for a reader and for a sink, and the connection is closed."""
    async with Upstream([ASK, CHUNKED + b"3\r\nabc\r\n"]) as upstream, client_of() as client:
        await fails(IdleTimeout, whole(client, upstream, QUICK))
        await upstream.until_left(1)
        response, sink = await get(client, upstream, QUICK), Collector()
        response.stream(sink)
        await sink.over
        assert (sink.data, type(sink.error)) == (b"abc", IdleTimeout)
        await upstream.until_left(2)


async def test_a_slow_but_living_body_is_fine():
    """U10: each piece of body starts the idle deadline anew."""
    script = [ASK, CHUNKED, *[b"2\r\n: \r\n", 0.06] * 6, b"0\r\n\r\n"]
    async with Upstream(script) as upstream, client_of() as client:
        assert await whole(client, upstream, QUICK) == b": " * 6


async def test_chunk_headers_alone_are_no_life():
    """U09: bytes that are framing only do not keep a stalled body alive."""
    script = [ASK, CHUNKED, b"3\r\nabc\r\n1;", *[b"x", 0.05] * 100]
    async with Upstream(script) as upstream, client_of() as client:
        await fails(IdleTimeout, whole(client, upstream, QUICK))


async def test_total_deadline_holds_against_a_drip():
    """U11: progress at every read does not extend the total."""
    script = [ASK, CHUNKED, *[b"1\r\n.\r\n", 0.03] * 100]
    async with Upstream(script) as upstream, client_of() as client:
        await fails(DeadlineExceeded, whole(client, upstream, Timeouts(total=0.15)))
        await upstream.until_left(1)


async def test_total_deadline_before_the_head():
    """The total also ends a wait for the head."""
    async with Upstream([ASK]) as upstream, client_of() as client:
        await fails(DeadlineExceeded, get(client, upstream, Timeouts(total=0.1)))


async def test_limit_is_set_and_removed():
    """Response.limit ends a stream with DeadlineExceeded; removed in time it does nothing."""
    script = [ASK, CHUNKED, *[b"1\r\n.\r\n", 0.03] * 8, b"0\r\n\r\n"]
    async with Upstream(script) as upstream, client_of() as client:
        now = asyncio.get_running_loop().time
        response, sink = await get(client, upstream), Collector()
        response.limit(now() + 0.1)
        response.stream(sink)
        await sink.over
        assert isinstance(sink.error, DeadlineExceeded)
        response, sink = await get(client, upstream), Collector()
        response.limit(now() + 0.1)
        response.stream(sink)
        response.limit(None)
        await sink.over
        assert (sink.error, sink.data) == (None, b"." * 8)


async def test_deadlines_of_one_exchange_do_not_reach_the_next():
    """The lazy timer of a connection is re-armed, not inherited: a long answer after a short limit is complete."""
    script = [ASK, HELLO, ASK, 0.3, HELLO]
    async with Upstream(script) as upstream, client_of() as client:
        await whole(client, upstream, Timeouts(head=0.1, total=0.15))
        assert await whole(client, upstream, Timeouts()) == b"hello"
        assert upstream.connections == 1


async def test_idle_connections_expire():
    """An idle connection is closed after idle_expiry."""
    async with Upstream([ASK, HELLO]) as upstream, client_of(ClientLimits(idle_expiry=0.1)) as client:
        await whole(client, upstream, QUICK)
        await upstream.until_left(1)
        assert next(iter(client.stats().values()))["idle"] == 0


# ---- cancelling


async def test_cancelling_before_the_head_closes_the_connection():
    """C01/C02 at this level: a cancelled send leaves nothing behind."""
    async with Upstream([ASK]) as upstream, client_of() as client:
        task = asyncio.ensure_future(get(client, upstream))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await upstream.until_left(1)
        assert next(iter(client.stats().values()))["active"] == 0


async def test_cancelling_a_read_closes_the_connection():
    """The same in the middle of a body."""
    async with Upstream([ASK, CHUNKED + b"1\r\na\r\n"]) as upstream, client_of() as client:
        response = await get(client, upstream)
        task = asyncio.ensure_future(response.read())
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await upstream.until_left(1)


async def test_cancelling_when_the_answer_is_already_in_leaves_the_next_user_alone():
    """The connection went back with the last byte; a late cancellation must not close it under someone else."""
    async with Upstream([ASK, HELLO] * 2) as upstream, client_of() as client:
        task = asyncio.ensure_future(get(client, upstream))
        while not (client.stats() and next(iter(client.stats().values()))["idle"]):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await whole(client, upstream) == b"hello"
        assert upstream.connections == 1


async def test_cancelling_while_connecting_frees_the_slot():
    """A cancelled dial gives its slot to the next one."""

    async def silent(host: str, port: int):
        await asyncio.sleep(60)

    async with client_of(ClientLimits(connections_per_origin=1), resolver=Resolver(lookup=silent)) as client:
        origin = Origin("http", "a.test", 80)
        first = asyncio.ensure_future(client.send(origin, b"GET", b"/", b""))
        second = asyncio.ensure_future(client.send(origin, b"GET", b"/", b"", timeouts=Timeouts(connect=0.05)))
        await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await fails(ConnectTimeout, second)


async def test_close_from_inside_feed():
    """A sink may give up in the middle of a feed; it then hears nothing more, and the connection is closed."""
    async with Upstream([ASK, CHUNKED + b"1\r\na\r\n", 0.02, b"1\r\nb\r\n0\r\n\r\n"]) as upstream, client_of() as client:
        response, sink = await get(client, upstream), Collector()
        feed, sink.feed = sink.feed, lambda data: (feed(data), response.close())
        response.stream(sink)
        await upstream.until_left(1)
        assert (sink.data, sink.ended, sink.error) == (b"a", 0, None)


async def test_closing_the_client_ends_what_is_under_way():
    """Client.close fails running exchanges and waiting ones, and leaves no connection."""
    async with Upstream([ASK]) as upstream:
        client = Client(ClientLimits(connections_per_origin=1))
        tasks = [asyncio.ensure_future(get(client, upstream)) for _ in range(2)]
        await asyncio.sleep(0.05)
        await client.close()
        errors = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(error) for error in errors] == [ConnectionLost, PoolExhausted]
        await upstream.until_left(1)
        await fails(PoolExhausted, get(client, upstream))
