"""uvicorn on a socket that is bound already."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from llm_gateway.channel.messages import Web
from llm_gateway.control.web import Listener, ask
from serving import connected


def test_it_serves_and_ends_without_touching_signals():
    """What connected before it was there is answered; the process keeps its own signal handlers."""

    async def hello(_request):
        return PlainTextResponse("hello")

    async def main() -> None:
        before = signal.getsignal(signal.SIGTERM)
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        listener = Listener(Starlette(routes=[Route("/", hello)]), [sock])
        async with connected(sock.getsockname()[1]) as raw:
            raw.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            listener.start()
            status, headers, body = await raw.reply()
            assert (status, body) == (200, b"hello")
            assert b"server" not in headers
        assert signal.getsignal(signal.SIGTERM) is before
        await listener.close()
        sock.close()

    asyncio.run(main())


def test_a_forwarded_path_is_read_as_one_that_came_here():
    """Escapes in a path mean the same on the main port (`expose_admin`) as on the operators': who is blocked is blocked by name."""
    seen = []

    async def told(request):
        seen.append((request.path_params["user"], request.scope["raw_path"]))
        return PlainTextResponse("")

    app = Starlette(routes=[Route("/users/{user:path}", told)])
    asyncio.run(ask(app, Web("GET", b"/users/al%40x.com%C3%A9", b"", [], b"", "127.0.0.1")))
    assert seen == [("al@x.com\u00e9", b"/users/al%40x.com%C3%A9")]


def test_who_says_nothing_or_never_finishes_is_not_waited_for():
    """Silence, half a head, half a body, and half a second request each end the connection; a slow answer does not."""

    async def slow(request):
        await request.body()
        await asyncio.sleep(0.4)
        return PlainTextResponse("slow")

    head = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: "

    async def main() -> None:
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        listener = Listener(Starlette(routes=[Route("/", slow, methods=["POST"])]), [sock], request_seconds=0.2)
        listener.start()
        port = sock.getsockname()[1]
        for begun in (b"", b"GET / HTTP/1.1\r\nHos", head + b"5\r\n\r\nab"):
            async with connected(port) as raw:
                raw.send(begun)
                assert await raw.rest(20) == b""
        async with connected(port) as raw:
            raw.send(head + b"2\r\n\r\nab")
            assert (await raw.reply())[0] == 200
            raw.send(b"POST / HT")
            assert await raw.rest(20) == b""
        await listener.close()
        sock.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("sent", "more"),
    [
        (b"GET /", b"a"),
        (b"GET / HTTP/1.1\r\nHost: t\r\nX: ", b"a"),
        (b"GET / HTTP/1.1\r\nHost: t\r\n", b"X: y\r\n"),
        (b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2;", b"a"),
        (b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"a"),
    ],
    ids=["line", "field", "fields", "extension", "trailer"],
)
def test_a_head_without_an_end_is_refused(sent, more):
    """A line, a field, many fields, what stands beside a chunk or behind a body: at some 64 KiB the connection ends, with a 4xx."""

    async def told(request):
        await request.body()
        return PlainTextResponse(str(len(request.headers["x"])))

    async def main() -> None:
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        listener = Listener(Starlette(routes=[Route("/", told)]), [sock])
        listener.start()
        port = sock.getsockname()[1]
        async with connected(port) as raw:
            raw.send(b"GET / HTTP/1.1\r\nHost: t\r\nX: " + b"a" * 40_000 + b"\r\n\r\n")
            assert (await raw.reply())[2] == b"40000"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        taken = 0
        with contextlib.suppress(ConnectionError):
            while taken < 8 << 20 and not reader.at_eof():
                writer.write(more * (8192 // len(more)))
                await writer.drain()
                await asyncio.sleep(0)
                taken += 8192
        assert taken < 8 << 20
        with contextlib.suppress(ConnectionError):
            assert (await reader.read(12)) in {b"HTTP/1.1 431", b"HTTP/1.1 400", b""}
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await listener.close()
        sock.close()

    asyncio.run(main())
