"""A real server on a free port and a client that speaks raw bytes to it: what tests of the HTTP engine share."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvloop

from llm_gateway.http.request import Request
from llm_gateway.http.server import Server, ServerLimits

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


def run(main: Callable[[], Coroutine[Any, Any, None]], loop: str = "uvloop") -> None:
    """Run `main()` to its end on a fresh loop of that kind; a test hangs for 20 seconds at most."""

    async def bounded() -> None:
        await asyncio.wait_for(main(), 20)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(bounded())


async def echo(request: Request) -> None:
    """Answers with what it was asked: method, path, query and body."""
    request.reply.whole(200, b"", b" ".join((request.method, request.path, request.query, request.body)))


@asynccontextmanager
async def serving(handler: Any = echo, limits: ServerLimits | None = None, **options: Any) -> AsyncIterator[Server]:
    """A server on 127.0.0.1; whatever is still open at the end is cut. Errors of handlers fail the test unless on_error is given."""
    errors: list[BaseException] = []
    options.setdefault("on_error", errors.append)
    server = Server(handler, limits or ServerLimits(), **options)
    await server.start("127.0.0.1", 0)
    try:
        yield server
    finally:
        await server.drain(0)
    assert not errors, errors
    assert server.active == 0
    assert server.connections == 0
    assert server.buffered == 0


class Raw:
    """One TCP (or TLS) connection, bytes in and bytes out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """The next complete response: status, headers, body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        status = int(head[9:12])
        headers = {name.lower(): value for name, value in re.findall(rb"([^:\r\n]+): ([^\r\n]*)\r\n", head)}
        if headers.get(b"transfer-encoding") == b"chunked":
            body = b""
            while size := int((await self.reader.readline()).split(b";")[0], 16):
                body += await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
            return status, headers, body
        return status, headers, await self.reader.readexactly(int(headers.get(b"content-length", b"0")))

    async def rest(self, seconds: float = 5) -> bytes:
        """Everything until the server closes; a reset counts as closing."""
        data = b""
        with suppress(ConnectionError):
            while more := await asyncio.wait_for(self.reader.read(65536), seconds):
                data += more
        return data

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


@asynccontextmanager
async def connected(port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[Raw]:
    """A connection to 127.0.0.1:port, closed at the end."""
    name = "localhost" if context else None
    raw = Raw(*await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name))
    try:
        yield raw
    finally:
        await raw.close()


async def ask(port: int, data: bytes, seconds: float = 5) -> bytes:
    """Send `data` on a fresh connection and read until the server closes it."""
    async with connected(port) as raw:
        raw.send(data)
        return await raw.rest(seconds)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something that happens in the loop's other tasks."""
    for _ in range(int(seconds / 0.005)):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen in time")
