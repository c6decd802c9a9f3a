"""The server over real sockets: answers, streams, limits, timeouts, disconnects, drain."""

from __future__ import annotations

import asyncio
import gc
import re
import socket

import pytest

from llm_gateway.http.headers import header
from llm_gateway.http.request import Request
from llm_gateway.http.server import Server, ServerLimits
from serving import LOOPS, ask, connected, echo, run, serving, until

GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b"
both_loops = pytest.mark.parametrize("loop", sorted(LOOPS))


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
def test_a_refusal_is_seen_by_a_client_that_goes_on_sending(loop: str) -> None:
    """413 on the announced length: the client that sends its megabytes regardless reads the answer, not a reset (C07)."""

    async def main() -> None:
        async with serving(limits=ServerLimits(body_bytes=1000)) as server, connected(server.port) as raw:
            raw.send(POST % (20_000_000, b""))
            for _ in range(200):
                raw.send(b"x" * 100_000)
                await raw.writer.drain()
            status, headers, body = await raw.reply()
            assert status == 413
            assert headers[b"connection"] == b"close"
            assert b'"code":"payload_too_large"' in body
            assert server.buffered == 0
            assert await raw.rest() == b""

    run(main, loop)


def test_chunked_bodies_are_refused_as_soon_as_they_are_too_large() -> None:
    """Without a length the limit still holds before the bytes are kept (C07)."""

    async def main() -> None:
        limits = ServerLimits(body_bytes=1000, linger_timeout=0.1)
        async with serving(limits=limits) as server, connected(server.port) as raw:
            raw.send(
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1F4\r\n" + b"x" * 500 + b"\r\n1F5\r\n"
            )
            assert (await raw.reply())[0] == 413

    run(main)


def test_refusals_are_rendered_by_the_hook() -> None:
    """The edge decides what an engine's refusal looks like, by status, code, message and path."""

    async def main() -> None:
        def render(status: int, code: str, message: str, path: bytes) -> tuple[bytes, bytes]:
            return b"X-Path: %b\r\n" % path, f"{status} {code}".encode()

        limits = ServerLimits(body_timeout=0.05, linger_timeout=0.1)
        async with serving(limits=limits, render_refusal=render) as server:
            answer = await ask(server.port, b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
            assert b"X-Path: /v1/messages\r\n" in answer
            assert answer.endswith(b"\r\n\r\n408 request_timeout")

    run(main)


def test_a_gzip_bomb_is_refused_unread() -> None:
    """415 and what would be accepted, without inflating anything (C08)."""

    async def main() -> None:
        async with serving(limits=ServerLimits(linger_timeout=0.1)) as server:
            answer = await ask(
                server.port, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n"
            )
            assert answer.startswith(b"HTTP/1.1 415")
            assert b"Accept-Encoding: identity\r\n" in answer

    run(main)


def test_bodies_beyond_the_servers_memory_are_put_off() -> None:
    """buffered_bytes counts all connections; over it 503 with Retry-After; after the first request is done there is room again."""

    async def main() -> None:
        gate = asyncio.Event()

        async def handler(request: Request) -> None:
            await gate.wait()
            request.reply.whole(200, b"", b"")

        limits = ServerLimits(buffered_bytes=1000, linger_timeout=0.1)
        async with serving(handler, limits) as server, connected(server.port) as raw:
            raw.send(POST % (800, b"x" * 800))
            await until(lambda: server.active == 1)
            assert server.buffered == 800
            answer = await ask(server.port, POST % (300, b""))
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"Retry-After: 1\r\n" in answer
            gate.set()
            assert (await raw.reply())[0] == 200
            await until(lambda: server.buffered == 0)

    run(main)


@both_loops
def test_slow_heads_and_bodies_get_408(loop: str) -> None:
    """The time runs from the first byte and is not moved by what trickles in (C05, C06); an idle connection is closed silently."""

    async def main() -> None:
        async def trickle(data: bytes) -> bytes:
            async with connected(server.port) as raw:
                answer = asyncio.ensure_future(raw.rest())
                for i in range(len(data)):
                    raw.send(data[i : i + 1])
                    await asyncio.wait([answer], timeout=0.02)
                    if answer.done():
                        break
                return await answer

        limits = ServerLimits(head_timeout=0.15, body_timeout=0.15, idle_timeout=0.3, linger_timeout=0.1)
        async with serving(limits=limits) as server:
            answers = await asyncio.gather(
                trickle(b"GET / HTTP/1.1\r\nHost: a\r\nX: yyyy\r\n\r\n"),
                trickle(b"POST / HTTP/1.1\r\n"),
                ask(server.port, POST % (50, b"x")),
                ask(server.port, b""),
            )
            assert [answer[:12] for answer in answers] == [b"HTTP/1.1 408"] * 3 + [b""]

    run(main, loop)


def test_a_large_body_buys_time_by_its_rate() -> None:
    """A body that is slow but faster than body_rate is not cut at body_timeout."""

    async def main() -> None:
        limits = ServerLimits(body_timeout=0.1, body_rate=10_000)
        async with serving(limits=limits) as server, connected(server.port) as raw:
            raw.send(POST % (6000, b""))
            for _ in range(6):
                await asyncio.sleep(0.04)
                raw.send(b"x" * 1000)
            assert (await raw.reply())[0] == 200

    run(main)


@both_loops
@pytest.mark.parametrize("leave", ["close", "half-close", "reset"])
def test_a_client_that_leaves_cancels_its_handler(leave: str, loop: str) -> None:
    """Closing, half-closing and resetting all count as leaving; gone is set, later writes are dropped, the reason is given (C01, C02)."""

    async def main() -> None:
        reasons: list[object] = []
        gone: list[bool] = []

        async def handler(request: Request) -> None:
            reply = request.reply
            reply.start(200, b"")
            reply.write(b"one")
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError as error:
                reasons.append(error.args[0])
                gone.append(reply.gone)
                reply.write(b"two")
                reply.end()
                raise

        async with serving(handler) as server:
            async with connected(server.port) as raw:
                raw.send(GET % b"")
                await raw.reader.readuntil(b"one")
                if leave == "reset":
                    peer = raw.writer.get_extra_info("socket")
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    raw.writer.transport.abort()
                elif leave == "close":
                    raw.writer.close()
                else:
                    raw.writer.write_eof()
                await until(lambda: bool(reasons))
            await until(lambda: server.active == 0)
        assert reasons == ["client gone"]
        assert gone == [True]

    run(main, loop)


def test_a_client_that_leaves_before_the_first_step_is_accounted_for() -> None:
    """Request and end in one read: the handler is cancelled or never runs, and nothing is left over."""

    async def main() -> None:
        async def handler(request: Request) -> None:
            await asyncio.sleep(5)

        async with serving(handler) as server:
            for _ in range(20):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(POST % (5, b"hello"))
                writer.write_eof()
                assert await reader.read() == b""
                writer.close()
            await until(lambda: server.active == 0 and server.buffered == 0)

    run(main)


def test_an_answered_request_is_not_cancelled_when_the_client_leaves() -> None:
    """What a handler does after its answer, settling for example, is done whether the client stays or not."""

    async def main() -> None:
        settled: list[bool] = []

        async def handler(request: Request) -> None:
            request.reply.whole(200, b"", b"")
            await asyncio.sleep(0.05)
            settled.append(True)

        async with serving(handler) as server:
            async with connected(server.port) as raw:
                raw.send(GET % b"")
                await raw.reply()
            await until(lambda: server.connections == 0)
            await until(lambda: bool(settled))

    run(main)


@both_loops
def test_a_reader_that_stalls_pauses_the_source_and_is_cut(loop: str) -> None:
    """Back-pressure: the source is paused above the high-water mark and resumed below; without progress the client is cut (C04)."""

    async def main() -> None:
        calls: list[str] = []
        cut: list[bool] = []

        class Tap:
            def pause(self) -> None:
                calls.append("pause")

            def resume(self) -> None:
                calls.append("resume")

        async def handler(request: Request) -> None:
            reply = request.reply
            reply.source = Tap()
            reply.start(200, b"")
            try:
                while True:
                    while not reply.paused and not reply.gone:
                        reply.write(b"x" * 100_000)
                    assert reply.buffered < 512 * 1024
                    await asyncio.sleep(0.01)
            finally:
                cut.append(reply.gone)

        async with serving(handler, ServerLimits(write_timeout=0.3)) as server, connected(server.port) as raw:
            raw.send(GET % b"")
            await until(lambda: calls == ["pause"])
            await raw.reader.readexactly(8_000_000)
            await until(lambda: "resume" in calls)
            assert calls[:3] == ["pause", "resume", "pause"]
            raw.writer.transport.pause_reading()
            await until(lambda: bool(cut), 4)
            assert cut == [True]
            raw.writer.transport.abort()

    run(main, loop)


def test_a_client_that_never_reads_a_whole_answer_is_cut() -> None:
    """The handler is done, the answer is in the buffer: write_timeout still holds, and no further request is taken."""

    async def main() -> None:
        handled: list[bytes] = []

        async def handler(request: Request) -> None:
            handled.append(request.path)
            request.reply.whole(200, b"", b"x" * 20_000_000)

        async with serving(handler, ServerLimits(write_timeout=0.2)) as server, connected(server.port) as raw:
            raw.writer.transport.pause_reading()
            raw.send(GET % b"1" + GET % b"2")
            await until(lambda: bool(handled) and server.connections == 0, 4)
            assert handled == [b"/1"]
            raw.writer.transport.abort()

    run(main)


@both_loops
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_an_aborted_stream_looks_incomplete(version: bytes, loop: str) -> None:
    """abort() leaves out the terminal chunk; without chunks (HTTP/1.0) the connection is reset, or its end would look like success."""

    async def main() -> None:
        async def handler(request: Request) -> None:
            request.reply.start(200, b"")
            request.reply.write(b"one")
            await asyncio.sleep(0.02)
            request.reply.abort()

        async with serving(handler) as server, connected(server.port) as raw:
            raw.send(b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
            first = await raw.reader.readuntil(b"one")
            assert first
            if version == b"1.0":
                with pytest.raises(ConnectionResetError):
                    await raw.reader.read()
            else:
                assert await raw.reader.read() == b"\r\n"

    run(main, loop)


def test_a_handler_that_fails_gives_a_bare_500() -> None:
    """Raising, or returning without an answer: 500 without a word of the error, on_error is told, the connection closes."""

    async def main() -> None:
        errors: list[BaseException] = []

        async def handler(request: Request) -> None:
            if request.path == b"/raise":
                raise ValueError("secret")
            if request.path == b"/begun":
                request.reply.start(200, b"")
                raise ValueError("secret")

        async with serving(handler, on_error=errors.append) as server:
            for path in (b"raise", b"nothing", b"begun"):
                answer = await ask(server.port, GET % path)
                assert answer.startswith(b"HTTP/1.1 500")
                assert b"Connection: close" in answer
                assert b"secret" not in answer
        assert [type(error) for error in errors] == [ValueError, RuntimeError, ValueError]

    run(main)


def test_a_refusal_that_cannot_be_rendered_is_still_one() -> None:
    """A bug in the renderer is reported, and the client gets the bare status instead of silence."""

    async def main() -> None:
        errors: list[BaseException] = []

        async def handler(request: Request) -> None:
            raise ValueError

        def render(*_: object) -> tuple[bytes, bytes]:
            raise TypeError

        async with serving(handler, on_error=errors.append, render_refusal=render) as server:
            answer = await ask(server.port, GET % b"")
            assert answer.startswith(b"HTTP/1.1 500 ")
            assert answer.endswith(b"\r\n\r\n")
            assert (await ask(server.port, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        assert {type(error) for error in errors} == {TypeError, ValueError}

    run(main)


def test_a_stream_that_fails_is_cut() -> None:
    """Once bytes have left there is no honest 500: the client sees a stream without an end."""

    async def main() -> None:
        errors: list[BaseException] = []

        async def handler(request: Request) -> None:
            request.reply.start(200, b"")
            request.reply.write(b"one")
            await asyncio.sleep(0.02)
            raise ValueError

        async with serving(handler, on_error=errors.append) as server:
            answer = await ask(server.port, GET % b"")
            assert answer.endswith(b"3\r\none\r\n")
        assert len(errors) == 1

    run(main)


def test_answering_twice_is_an_error_of_the_handler() -> None:
    """A second answer cannot reach the next request: it raises."""

    async def main() -> None:
        wrong: list[str] = []

        async def handler(request: Request) -> None:
            reply = request.reply
            for call in (lambda: reply.write(b"x"), reply.end):
                with pytest.raises(RuntimeError):
                    call()
            reply.whole(200, b"", b"ok")
            for call in (lambda: reply.whole(200, b"", b""), lambda: reply.start(200, b""), lambda: reply.write(b"x"), reply.end):
                try:
                    call()
                except RuntimeError:
                    continue
                wrong.append("no error")

        async with serving(handler) as server, connected(server.port) as raw:
            raw.send(GET % b"")
            assert (await raw.reply())[2] == b"ok"
        assert wrong == []

    run(main)


def test_connections_beyond_the_cap_get_503() -> None:
    """The cap is on connections; the one too many is told to come back, the others are not disturbed."""

    async def main() -> None:
        async with serving(limits=ServerLimits(connections=1)) as server, connected(server.port) as raw:
            raw.send(GET % b"")
            assert (await raw.reply())[0] == 200
            answer = await ask(server.port, b"")
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"Retry-After" in answer
            raw.send(GET % b"")
            assert (await raw.reply())[0] == 200

    run(main)


@both_loops
def test_drain_lets_running_requests_finish(loop: str) -> None:
    """Idle connections close at once, new ones are refused, the running stream ends whole, its connection closes (C30)."""

    async def main() -> None:
        async def handler(request: Request) -> None:
            request.reply.start(200, b"")
            request.reply.write(b"one")
            await asyncio.sleep(0.15)
            request.reply.end(b"two")

        async with serving(handler) as server, connected(server.port) as idle, connected(server.port) as busy:
            busy.send(GET % b"")
            await busy.reader.readuntil(b"one\r\n")
            drain = asyncio.get_running_loop().create_task(server.drain(5))
            assert await idle.rest() == b""
            assert server.draining
            with pytest.raises(OSError):
                await asyncio.open_connection("127.0.0.1", server.port)
            assert not drain.done()
            assert await busy.rest() == b"3\r\ntwo\r\n0\r\n\r\n"
            await drain

    run(main, loop)


def test_drain_closes_a_kept_connection_after_its_answer() -> None:
    """A request whose body is still coming when the drain begins is answered with Connection: close."""

    async def main() -> None:
        async with serving() as server, connected(server.port) as raw:
            raw.send((POST % (5, b"hello"))[:-2])
            await asyncio.sleep(0.02)
            drain = asyncio.get_running_loop().create_task(server.drain(5))
            await asyncio.sleep(0.02)
            raw.send(b"lo")
            status, headers, _ = await raw.reply()
            assert (status, headers[b"connection"]) == (200, b"close")
            await drain

    run(main)


@both_loops
def test_drain_cancels_what_is_over_its_grace(loop: str) -> None:
    """The handler hears "drain", its client is still there, and it can write its last event; one that has not begun gives 503."""

    async def main() -> None:
        heard: list[object] = []

        async def handler(request: Request) -> None:
            reply = request.reply
            if request.path == b"/stream":
                reply.start(200, b"")
                reply.write(b"one")
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError as error:
                heard.append((error.args[0], reply.gone))
                if request.path == b"/stream":
                    reply.end(b"sorry")
                    return
                raise

        async with serving(handler) as server, connected(server.port) as stream, connected(server.port) as whole:
            stream.send(GET % b"stream")
            whole.send(GET % b"whole")
            await until(lambda: server.active == 2)
            await server.drain(0.05)
            assert (await stream.rest()).endswith(b"3\r\none\r\n5\r\nsorry\r\n0\r\n\r\n")
            assert (await whole.rest()).startswith(b"HTTP/1.1 503")
        assert heard == [("drain", False)] * 2

    run(main, loop)


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
                found = gc.collect()
            finally:
                gc.enable()
        assert found < 100

    run(main)
