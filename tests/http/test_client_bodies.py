"""Bodies that the client is given: coded, large, paused, refused."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import brotli
import pytest

from http_support.clients import CHUNKED, HELLO, OK, QUICK, client_of, fails, get, whole
from llm_gateway.http.client import ClientLimits, Timeouts
from llm_gateway.http.errors import BadCoding, TooLarge
from scripted_upstream import ASK, CLOSE, Collector, Upstream

pytestmark = pytest.mark.anyio


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
