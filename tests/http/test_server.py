"""The server over real sockets: answers, streams, limits, timeouts, disconnects, drain."""

from __future__ import annotations

import asyncio
import gc
import re
import socket

import pytest

from http_support.servers import GET, POST, both_loops
from llm_gateway.http.headers import header
from llm_gateway.http.request import Request
from llm_gateway.http.server import Server, ServerLimits
from serving import ask, connected, echo, run, serving


@both_loops
def test_keep_alive_and_a_whole_answer(loop: str) -> None:
    """Several requests on one connection; each answer carries Date and Content-Length and nothing about the connection."""

    async def main() -> None:
        async with serving() as server, connected(server.port) as raw:
            for _ in range(3):
                raw.send(POST % (5, b"hello"))
                status, headers, body = await raw.reply()
                assert (status, body) == (200, b"POST /  hello")
                assert re.fullmatch(rb"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers[b"date"])
                assert headers.keys() == {b"date", b"content-length"}
            assert server.connections == 1

    run(main, loop)


@both_loops
def test_pipelined_requests_are_answered_in_order(loop: str) -> None:
    """A hundred requests in one write, the earlier ones slower than the later: order holds, one runs at a time."""

    async def main() -> None:
        running = 0

        async def slow(request: Request) -> None:
            nonlocal running
            running += 1
            assert running == 1
            await asyncio.sleep(0.02 if request.path == b"/0" else 0)
            request.reply.whole(200, b"", request.path)
            running -= 1

        async with serving(slow) as server, connected(server.port) as raw:
            raw.send(b"".join(GET % b"%d" % i for i in range(100)))
            assert [(await raw.reply())[2] for _ in range(100)] == [b"/%d" % i for i in range(100)]

    run(main, loop)


def test_reading_stops_for_a_client_that_sends_far_ahead() -> None:
    """A client that pipelines megabytes behind a slow request is held back by TCP, and all of it is answered later."""

    async def main() -> None:
        gate = asyncio.Event()

        async def handler(request: Request) -> None:
            await gate.wait()
            request.reply.whole(200, b"", b"%d" % len(request.body))

        async with serving(handler, ServerLimits(pipeline_bytes=1000)) as server, connected(server.port) as raw:
            raw.writer.transport.set_write_buffer_limits(0)
            for _ in range(40):
                raw.send(POST % (500_000, b"x" * 500_000))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(raw.writer.drain(), 0.2)
            assert server.buffered == 500_000
            gate.set()
            for _ in range(40):
                assert (await raw.reply())[2] == b"500000"

    run(main)


@both_loops
def test_a_stream(loop: str) -> None:
    """Head and first piece leave in one write, each piece is a chunk, the end is marked, the connection is kept."""

    async def main() -> None:
        async def handler(request: Request) -> None:
            reply = request.reply
            reply.start(200, header(b"Content-Type", b"text/event-stream"))
            assert reply.started
            assert not reply.committed
            reply.write(b"one")
            assert reply.committed
            await asyncio.sleep(0.01)
            reply.write(b"")
            reply.write(b"two")
            reply.end(b"three")
            assert reply.finished

        async with serving(handler) as server, connected(server.port) as raw:
            for _ in range(2):
                raw.send(GET % b"")
                first = await raw.reader.read(65536)
                assert first.endswith(b"\r\n\r\n3\r\none\r\n")
                assert b"Transfer-Encoding: chunked\r\n" in first
                assert await raw.reader.readuntil(b"0\r\n\r\n") == b"3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"

    run(main, loop)


def test_http_1_0_gets_a_close_delimited_stream() -> None:
    """No chunk framing for a client that does not know it: the end of the connection is the end of the body."""

    async def main() -> None:
        async def handler(request: Request) -> None:
            request.reply.start(200, b"")
            request.reply.write(b"one")
            request.reply.end(b"two")

        async with serving(handler) as server:
            answer = await ask(server.port, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert answer.endswith(b"\r\n\r\nonetwo")
            assert b"Connection: close" in answer
            assert b"chunked" not in answer

    run(main)


def test_http_1_0_keep_alive() -> None:
    """A client of HTTP/1.0 that asks for it keeps its connection, and is told so; one that does not ask is closed."""

    async def main() -> None:
        async with serving() as server:
            async with connected(server.port) as raw:
                for _ in range(2):
                    raw.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                    assert (await raw.reply())[1][b"connection"] == b"keep-alive"
            assert b"Connection: close" in await ask(server.port, b"GET / HTTP/1.0\r\n\r\n")

    run(main)


def test_connection_close_is_honoured() -> None:
    """The answer says so, and the connection ends after it; what was pipelined behind is not answered."""

    async def main() -> None:
        async with serving() as server:
            answer = await ask(server.port, b"GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET % b"2")
            assert answer.count(b"HTTP/1.1 200") == 1
            assert b"Connection: close\r\n" in answer

    run(main)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
def test_answers_without_a_body(method: bytes, status: int, stream: bool) -> None:
    """HEAD, 204 and 304 send no body byte, so that the next answer begins where the client looks for it."""

    async def main() -> None:
        async def handler(request: Request) -> None:
            if stream:
                request.reply.start(status, b"")
                request.reply.write(b"no")
                request.reply.end(b"body")
            else:
                request.reply.whole(status, b"", b"no body")

        async with serving(handler) as server, connected(server.port) as raw:
            for _ in range(2):
                raw.send(b"%b / HTTP/1.1\r\nHost: a\r\n\r\n" % method)
                head = await raw.reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 %d" % status)
                assert (b"Content-Length: 7" in head) is (method == b"HEAD" and not stream)
            raw.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert (await raw.rest()).startswith(b"HTTP/1.1 %d" % status)

    run(main)


def test_expect_100_continue() -> None:
    """100 comes when the head is acceptable and the body still out; a refused head gets its refusal and no 100."""

    async def main() -> None:
        head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        async with serving(limits=ServerLimits(body_bytes=10, linger_timeout=0.1)) as server:
            async with connected(server.port) as raw:
                raw.send(head % 5)
                assert await raw.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
                raw.send(b"hello")
                assert (await raw.reply())[0] == 200
                raw.send(head % 5 + b"hello" + b"GET")
                assert (await raw.reply())[0] == 200
                await asyncio.sleep(0.02)
                raw.send(b" / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert (await raw.reply())[0] == 200
            assert (await ask(server.port, head % 11)).startswith(b"HTTP/1.1 413")

    run(main)


@both_loops
def test_nagle_is_off_and_ports_can_be_shared(loop: str) -> None:
    """TCP_NODELAY on every connection; with reuse_port two servers listen on one port."""

    async def main() -> None:
        delays: list[int] = []

        async def handler(request: Request) -> None:
            peer = request.reply._wire._transport.get_extra_info("socket")
            delays.append(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            await echo(request)

        first, second = Server(handler, ServerLimits()), Server(handler, ServerLimits())
        await first.start("127.0.0.1", 0, reuse_port=True)
        await second.start("127.0.0.1", first.port, reuse_port=True)
        async with connected(first.port) as raw:
            raw.send(GET % b"")
            assert (await raw.reply())[0] == 200
        await first.drain(0)
        await second.drain(0)
        assert all(delays)
        assert delays

    run(main, loop)


def test_finished_requests_leave_no_reference_cycles() -> None:
    """A thousand requests with the collector off leave it almost nothing: a cycle would cost 10 us a request."""

    async def main() -> None:
        async with serving() as server, connected(server.port) as raw:
            raw.send(GET % b"")
            await raw.reply()
            gc.collect()
            gc.disable()
            try:
                for _ in range(20):
                    raw.send(POST % (5, b"hello") * 50)
                    for _ in range(50):
                        await raw.reply()
                left.append(gc.collect())
            finally:
                gc.enable()

    left: list[int] = []
    for _ in range(3):  # other threads of the process, of servers that tests share, leave something now and then
        run(main)
    assert min(left) < 100
