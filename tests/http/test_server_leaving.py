"""Clients that leave, stall or never read, and streams that are given up."""

from __future__ import annotations

import asyncio
import socket

import pytest

from http_support.servers import GET, POST, both_loops
from llm_gateway.http.request import Request
from llm_gateway.http.server import ServerLimits
from serving import connected, run, serving, until


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
