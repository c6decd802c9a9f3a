"""uvicorn on a socket that is bound already."""

from __future__ import annotations

import asyncio
import signal
import socket

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from llm_gateway.control.web import Listener
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
