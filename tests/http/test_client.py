"""client: whole exchanges over real sockets, with an upstream that plays byte scripts (faults.md U01-U38)."""

from __future__ import annotations

import asyncio
import gc
import gzip
import zlib
from contextlib import asynccontextmanager

import brotli
import pytest

from llm_gateway.http.client import Client, ClientLimits, Origin, Timeouts
from llm_gateway.http.errors import (
    BadCoding,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    DeadlineExceeded,
    HeadTimeout,
    HttpError,
    IdleTimeout,
    PoolExhausted,
    ProtocolViolation,
    TooLarge,
)
from llm_gateway.http.resolver import Resolver
from scripted_upstream import ASK, CLOSE, RESET, Collector, Upstream

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
QUICK = Timeouts(connect=1.0, head=0.15, idle=0.15, pool=0.15)
SHORT = 0.4  # upper bound for what a 0.15 s deadline may take on a busy machine


@asynccontextmanager
async def client_of(limits: ClientLimits | None = None, **options):
    client = Client(limits or ClientLimits(), **options)
    try:
        yield client
    finally:
        await client.close()


async def get(client: Client, upstream: Upstream, timeouts: Timeouts | None = None, body: bytes = b"{}", method: bytes = b"POST"):
    origin, _ = Origin.parse(upstream.url)
    return await client.send(origin, method, b"/v1/x", b"A: b\r\n", body, timeouts or Timeouts())


async def fails(error: type[HttpError], awaitable, within: float = SHORT) -> HttpError:
    """The error the awaitable ends with, which must come in time."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(error) as caught:
        await awaitable
    assert loop.time() - begun < within
    return caught.value


async def whole(client, upstream, timeouts=None) -> bytes:
    return await (await get(client, upstream, timeouts)).read()


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
        while not (client.stats() and next(iter(client.stats().values()))["idle"]):  # noqa: ASYNC110 - the exact tick
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


# ---- bodies


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
async def test_decoding(coding):
    """U22: coded bodies are decoded for a reader and for a sink."""
    text = b"some text " * 100
    coded = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[coding](text)
    answer = OK + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding.encode(), len(coded)) + coded
    async with Upstream([ASK, answer, ASK, answer]) as upstream, client_of() as client:
        assert await whole(client, upstream) == text
        response, sink = await get(client, upstream), Collector()
        response.stream(sink)
        await sink.over
        assert (sink.data, sink.ended) == (text, 1)


async def test_broken_coding():
    """U23: a body that is not what its label says is BadCoding, at once, in both ways of reading."""
    answer = OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"
    async with Upstream([ASK, answer, ASK, answer]) as upstream, client_of() as client:
        await fails(BadCoding, whole(client, upstream))
        response, sink = await get(client, upstream), Collector()
        response.stream(sink)
        await sink.over
        assert (type(sink.error), sink.pieces) == (BadCoding, [])


async def test_streamed_bomb():
    """U24: a streamed bomb ends at the cap in bounded pieces, whatever it would unpack to."""
    coder = zlib.compressobj(wbits=31)
    coded = b"".join(coder.compress(b"\0" * 10_000_000) for _ in range(10)) + coder.flush()
    answer = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded) + coded
    limits = ClientLimits(stream_bytes=5_000_000, read_high_water=200_000)
    async with Upstream([ASK, answer]) as upstream, client_of(limits) as client:
        response, sink = await get(client, upstream), Collector()
        response.stream(sink)
        await sink.over
        assert isinstance(sink.error, TooLarge)
        assert len(sink.data) <= 5_000_000
        assert max(map(len, sink.pieces)) <= 200_000


async def test_pausing_a_coded_stream_holds_what_is_not_yet_unpacked():
    """Back-pressure also stops the decoder: one piece per resume, the end only after the last."""
    text = b"\0" * 1_000_000
    coded = gzip.compress(text)
    answer = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded) + coded
    async with Upstream([ASK, answer]) as upstream, client_of(ClientLimits(read_high_water=300_000)) as client:
        response, sink = await get(client, upstream), Collector()
        feed, sink.feed = sink.feed, lambda data: (feed(data), response.pause())
        response.stream(sink)
        for count in (1, 2, 3):
            assert (len(sink.pieces), sink.ended) == (count, 0)
            response.resume()
        response.resume()
        assert (sink.data, sink.ended) == (text, 1)


async def test_pausing_stops_reading_and_the_idle_deadline():
    """U33: while paused nothing is read, memory does not grow, and the idle deadline stands still."""
    async with Upstream([ASK, OK + b"Content-Length: 60000000\r\n\r\n" + b"x" * 60_000_000]) as upstream, client_of() as client:
        response, sink = await get(client, upstream, QUICK), Collector()
        response.pause()
        response.stream(sink)
        await asyncio.sleep(0.3)
        assert sink.error is None
        assert len(sink.data) < 2_000_000
        response.resume()
        await sink.over
        assert (len(sink.data), sink.ended) == (60_000_000, 1)


async def test_one_feed_per_read():
    """The chunks of one read reach the sink in one feed."""
    async with (
        Upstream([ASK, CHUNKED, 0.03, b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n", 0.03, b"0\r\n\r\n"]) as upstream,
        client_of() as client,
    ):
        response, sink = await get(client, upstream), Collector()
        response.stream(sink)
        await sink.over
        assert sink.pieces == [b"abc"]


async def test_body_over_the_cap():
    """U25: a whole body over the cap is TooLarge, announced or not."""
    for head in (OK + b"Content-Length: 3000\r\n\r\n", OK + b"\r\n"):
        async with Upstream([ASK, head + b"x" * 3000, CLOSE]) as upstream, client_of(ClientLimits(body_bytes=2000)) as client:
            await fails(TooLarge, whole(client, upstream))


async def test_early_answer_while_uploading():
    """U38: the peer answers 413 and reads no further; the answer is delivered, the connection closed."""
    answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
    async with Upstream([0.02, answer]) as upstream, client_of() as client:
        response = await get(client, upstream, Timeouts(head=2.0), body=b"x" * 20_000_000)
        assert (response.status, await response.read()) == (413, b"no")
        assert next(iter(client.stats().values()))["idle"] == 0


async def test_a_refused_upload_ends_its_connection():
    """U38: even when all of a large body has left us, a refusal may have come before it was read."""
    answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
    async with Upstream([ASK, answer, ASK, HELLO]) as upstream, client_of() as client:
        assert (await get(client, upstream, body=b"x" * 100_000)).status == 413
        await upstream.until_left(1)
        assert (await get(client, upstream)).status == 413
        assert upstream.connections == 2


# ---- the pool


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
        await fails(PoolExhausted, get(client, upstream), within=0.05)
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
