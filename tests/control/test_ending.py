"""How connections at the operators' port end: with the answer, and not never."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from llm_gateway.control.app import application, body_of
from llm_gateway.control.ending import Ending
from llm_gateway.control.web import Listener
from llm_gateway.core.ids import Ids
from serving import connected, run, until

MOST = 1000
HEAD = b"POST / HTTP/1.1\r\nHost: t\r\n"


class Door:
    """A listener with one route, what it was asked, and how many are connected."""

    def __init__(self, port: int, listener: Listener) -> None:
        self.port = port
        self.bodies: list[bytes] = []
        self.gets = 0
        self._listener = listener

    @property
    def connections(self) -> int:
        return len(self._listener._server.server_state.connections)


@asynccontextmanager
async def door(**bounds: float) -> AsyncIterator[Door]:
    """POST takes a thousand bytes, GET gives thirty million."""

    async def taken(request: Request) -> Response:
        made.bodies.append(await body_of(request, MOST))
        return PlainTextResponse("taken")

    async def given(_request: Request) -> Response:
        made.gets += 1
        return PlainTextResponse(b"x" * 30_000_000)

    def bug(error: BaseException) -> None:
        raise error

    routes = [Route("/", taken, methods=["POST"]), Route("/", given)]
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    listener = Listener(application(routes, Ids(lambda: 1.0), bug), [sock], **bounds)
    made = Door(sock.getsockname()[1], listener)
    listener.start()
    yield made
    await listener.close()
    sock.close()


@pytest.mark.parametrize(
    "begun",
    [
        HEAD + b"Content-Length: 1000000000\r\n\r\n",
        HEAD + b"Content-Length: 1000000000\r\n\r\n" + b"x" * 200_000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n30D40\r\n" + b"x" * 200_000,
    ],
    ids=["nothing yet", "some of it", "chunks"],
)
def test_who_sends_too_much_is_told_while_he_sends(begun: bytes) -> None:
    """413 in the envelope of this port and the end of the connection, at once; what is still sent then resets nothing."""

    async def main() -> None:
        async with door() as port, connected(port.port) as raw:
            raw.send(begun)
            status, headers, body = await raw.reply()
            assert (status, headers[b"connection"]) == (413, b"close")
            error = msgspec.json.decode(body)["error"]
            assert (error["code"], error["message"]) == ("body_too_large", "The body is larger than 1000 bytes.")
            assert await raw.reader.read() == b"", "and nothing else comes"
            for _ in range(64):
                raw.send(b"x" * 65536)
                await raw.writer.drain()
            assert port.connections == 1

    run(main, "asyncio")


def test_who_asks_first_need_not_send_it() -> None:
    """Expect: 100-continue with a length that is too large: 413, and no invitation before it."""

    async def main() -> None:
        async with door() as port, connected(port.port) as raw:
            raw.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
            assert (await raw.reply())[0] == 413
        async with door() as port, connected(port.port) as raw:
            raw.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            assert (await raw.reply())[0] == 100
            raw.send(b"ab")
            assert (await raw.reply())[0] == 200
            assert port.bodies == [b"ab"]

    run(main, "asyncio")


def test_the_rest_is_not_waited_for_without_an_end() -> None:
    """Whoever goes on sending is cut off after the bound; whoever has sent all of it is not kept until then."""

    async def main() -> None:
        async with door(linger_seconds=0.2) as port, connected(port.port) as raw:
            raw.send(HEAD + b"Content-Length: 1000000000\r\n\r\n")
            assert (await raw.reply())[0] == 413
            with suppress(ConnectionError):
                while port.connections:
                    raw.send(b"x" * 65536)
                    await raw.writer.drain()
                    await asyncio.sleep(0)
            await until(lambda: port.connections == 0)
        async with door(linger_seconds=1000.0) as port, connected(port.port) as raw:
            raw.send(HEAD + b"Content-Length: 200000\r\n\r\n")
            assert (await raw.reply())[0] == 413
            raw.send(b"x" * 200_000)
            await until(lambda: port.connections == 0)

    run(main, "asyncio")


def test_a_request_behind_one_that_ended_the_connection_is_not_served() -> None:
    """What follows a body that was refused may be part of what was meant as one: nothing of it is done."""

    async def main() -> None:
        async with door(linger_seconds=1000.0) as port, connected(port.port) as raw:
            raw.send(HEAD + b"Content-Length: 2000\r\n\r\n")
            assert (await raw.reply())[0] == 413
            raw.send(b"x" * 2000 + b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            await until(lambda: port.connections == 0)
            assert port.gets == 0

    run(main, "asyncio")


def test_a_connection_whose_requests_are_whole_is_kept() -> None:
    """Bodies that come in pieces end no connection, unless the caller wants it; the next request is served on the same one."""

    async def main() -> None:
        async with door() as port, connected(port.port) as raw:
            for _ in range(2):
                raw.send(HEAD + b"Content-Length: 4\r\n\r\nab")
                await until(lambda: port.connections == 1)
                raw.send(b"cd")
                status, headers, _ = await raw.reply()
                assert (status, b"connection" in headers) == (200, False)
            raw.send(HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nef")
            assert (await raw.reply())[1][b"connection"] == b"close"
            assert await raw.reader.read() == b""
            assert port.bodies == [b"abcd", b"abcd", b"ef"]

    run(main, "asyncio")


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"], ids=["kept", "closed"])
def test_who_does_not_read_is_not_kept(more: bytes) -> None:
    """An answer of which nothing is read for so long is given up with its connection: there are only so many."""

    async def main() -> None:
        async with door(stall_seconds=0.2) as port, connected(port.port) as raw:
            raw.send(b"GET / HTTP/1.1\r\nHost: t\r\n" + more + b"\r\n")
            await until(lambda: port.connections == 1)
            await until(lambda: port.connections == 0)

    run(main, "asyncio")


class Pipe:
    """A transport whose reader is slow, and a loop whose timers run when they are told to."""

    def __init__(self) -> None:
        self.unread = 0
        self.ended = ""
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def call_later(self, seconds: float, call: Callable[[], None]) -> Any:
        self.timers.append((seconds, call))
        return SimpleNamespace(cancel=self.timers.clear)  # there is one at a time

    def tick(self) -> float:
        """The next timer's time has come."""
        seconds, call = self.timers.pop(0)
        call()
        return seconds


def test_who_reads_slowly_is_waited_for() -> None:
    """As long as he reads anything at all; then his answer is given up."""
    pipe = Pipe()
    ending = Ending(pipe, pipe, lambda: False, linger=5.0, stall=15.0)  # type: ignore[arg-type]  # as far as they are used
    pipe.unread = 300
    ending.watch()
    for unread in (200, 199):
        pipe.unread = unread
        assert pipe.tick() == 15.0
        assert pipe.ended == ""
    ending.close()
    assert len(pipe.timers) == 1
    assert pipe.tick() == 15.0
    assert pipe.ended == "aborted"


def test_who_has_read_it_is_not_watched() -> None:
    """Nothing ends a connection that is open and waits for its next request; one that is closing still has to be read to its end."""
    pipe = Pipe()
    ending = Ending(pipe, pipe, lambda: False, linger=5.0, stall=15.0)  # type: ignore[arg-type]  # as above
    pipe.unread = 300
    ending.watch()
    pipe.unread = 10
    ending.read()
    assert pipe.timers == []
    ending.close()
    ending.read()
    assert [seconds for seconds, _ in pipe.timers] == [15.0]
    ending.lost()
    assert pipe.timers == []
