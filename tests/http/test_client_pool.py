"""Connections that requests share and wait for."""

from __future__ import annotations

import asyncio
import gc

import pytest

from http_support.clients import CHUNKED, HELLO, QUICK, client_of, fails, get, whole
from llm_gateway.http.client import ClientLimits, Origin
from llm_gateway.http.errors import ConnectFailed, ConnectionLost, PoolExhausted
from scripted_upstream import ASK, CLOSE, Collector, Upstream

pytestmark = pytest.mark.anyio


async def test_the_queue_is_first_in_first_out_and_bounded():
    """At the cap requests wait in order; beyond the queue's length they are refused at once."""
    limits = ClientLimits(connections_per_origin=1, waiting_per_origin=2)
    async with Upstream([ASK, 0.05, HELLO, ASK, HELLO, ASK, HELLO]) as upstream, client_of(limits) as client:
        order: list[int] = []

        async def one(number: int) -> None:
            await (await get(client, upstream)).read()
            order.append(number)

        tasks = [asyncio.ensure_future(one(number)) for number in range(3)]
        await asyncio.sleep(0.02)
        await fails(PoolExhausted, get(client, upstream))  # whoever waits is served
        await asyncio.gather(*tasks)
        assert order == [0, 1, 2]
        assert upstream.connections == 1


async def test_waiting_for_a_connection_is_bounded_in_time():
    """Timeouts.pool ends the wait; nothing was sent."""
    async with Upstream([ASK]) as upstream, client_of(ClientLimits(connections_per_origin=1)) as client:
        busy = asyncio.ensure_future(get(client, upstream))
        await asyncio.sleep(0.02)
        error = await fails(PoolExhausted, get(client, upstream, QUICK))
        assert (error.sent, next(iter(client.stats().values()))["waiting"]) == (False, 0)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)


async def test_a_closed_connection_frees_its_slot_for_a_waiter():
    """The slot of a connection that is gone goes to whoever waits longest."""
    limits = ClientLimits(connections_per_origin=1)
    async with Upstream([ASK, 0.05, CLOSE], [ASK, HELLO]) as upstream, client_of(limits) as client:
        first = asyncio.ensure_future(get(client, upstream))
        await asyncio.sleep(0.02)
        assert await whole(client, upstream) == b"hello"
        await fails(ConnectionLost, first)


async def test_a_waiter_that_is_cancelled_gives_its_connection_on():
    """Cancelled at the very moment it was served, a waiter passes the connection to the next."""
    limits = ClientLimits(connections_per_origin=1)
    script = [ASK, CHUNKED, 0.05, b"0\r\n\r\n", ASK, HELLO]
    async with Upstream(script) as upstream, client_of(limits) as client:
        response, sink = await get(client, upstream), Collector()
        response.stream(sink)
        second = asyncio.ensure_future(get(client, upstream))
        third = asyncio.ensure_future(whole(client, upstream))
        sink.end = second.cancel  # called in the same step in which the second was given the connection
        assert await third == b"hello"
        assert second.cancelled()
        assert (len(upstream.requests), upstream.connections) == (2, 1)


async def test_no_more_idle_connections_than_allowed():
    """Connections beyond idle_per_origin are closed when they come back."""
    limits = ClientLimits(idle_per_origin=2)
    async with Upstream([ASK, 0.03, HELLO]) as upstream, client_of(limits) as client:
        await asyncio.gather(*[whole(client, upstream) for _ in range(5)])
        assert next(iter(client.stats().values()))["idle"] == 2
        await upstream.until_left(3)


async def test_pools_of_origins_no_longer_used_are_forgotten():
    """The number of remembered origins is bounded by those in use."""
    async with client_of(ClientLimits(origins=3)) as client:
        for port in range(1, 9):
            with pytest.raises(ConnectFailed):
                await client.send(Origin("http", "127.0.0.1", port), b"GET", b"/", b"")
        assert len(client.stats()) <= 3


async def test_a_thousand_requests_leave_nothing_for_the_collector():
    """pipeline.md 3.1: no reference cycle on the request path."""
    async with Upstream([ASK, HELLO] * 300) as upstream, client_of() as client:
        await whole(client, upstream)
        gc.collect()
        gc.disable()
        try:
            for _ in range(200):
                await whole(client, upstream)
            assert gc.collect() < 50
        finally:
            gc.enable()
