"""Draining: what is let finish, what is told, and what is ended."""

from __future__ import annotations

import asyncio

import pytest

from http_support.servers import GET, POST, both_loops
from llm_gateway.http.request import Request
from serving import connected, run, serving, until


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


def test_before_a_drain_callers_are_sent_elsewhere() -> None:
    """After `leave` connections are still taken and requests answered, each with Connection: close; who is idle is left alone."""

    async def main() -> None:
        async with serving() as server, connected(server.port) as kept:
            server.leave()
            async with connected(server.port) as new:
                for raw in (new, kept):
                    raw.send(GET % b"")
                    status, headers, _ = await raw.reply()
                    assert (status, headers[b"connection"]) == (200, b"close")
                    assert await raw.rest() == b""

    run(main)


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
