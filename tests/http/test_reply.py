"""A connection that leaves HTTP: what the engine does for its taker, and what it goes on watching."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llm_gateway.http.request import Request
from llm_gateway.http.server import ServerLimits
from serving import LOOPS, connected, run, serving, until

both_loops = pytest.mark.parametrize("loop", sorted(LOOPS))
OPENING = (
    b"GET /s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Echo:
    """Takes a connection over, and repeats what it hears until "bye"."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply
        self.heard = b""
        self.paused = 0
        self.over = asyncio.get_running_loop().create_future()

    def feed(self, data: bytes) -> None:
        self.heard += data
        self.reply.raw(data)
        if data.endswith(b"bye"):
            self.over.set_result(None)

    def pause(self) -> None:
        self.paused += 1

    def resume(self) -> None: ...


def taking(takers: list[Echo], ends: list[str]) -> Any:
    async def handler(request: Request) -> None:
        taker = Echo(request.reply)
        takers.append(taker)
        request.reply.upgrade(b"Upgrade: websocket\r\nConnection: Upgrade\r\n", taker)
        try:
            await taker.over
        except asyncio.CancelledError as error:
            ends.append(str(error))
            request.reply.raw(b"last words")
        finally:
            request.reply.hang_up()

    return handler


@both_loops
def test_a_connection_is_handed_over(loop: str) -> None:
    """101, then bytes both ways, those that came behind the request first; at the end it is closed after the last byte."""

    async def main() -> None:
        takers: list[Echo] = []
        async with serving(taking(takers, [])) as server, connected(server.port) as raw:
            raw.send(OPENING + b"early")
            head = await raw.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
            assert b"Content-Length" not in head
            assert await raw.reader.readexactly(5) == b"early"
            raw.send(b"GET / HTTP/1.1\r\n\r\n")  # no request any more
            assert await raw.reader.readexactly(18) == b"GET / HTTP/1.1\r\n\r\n"
            assert server.active == server.connections == 1
            raw.send(b"bye")
            assert await raw.rest() == b"bye"
        assert takers[0].heard == b"earlyGET / HTTP/1.1\r\n\r\nbye"

    run(main, loop)


@both_loops
@pytest.mark.parametrize("how", ["eof", "abort"])
def test_a_client_that_leaves_cancels_the_handler(how: str, loop: str) -> None:
    """As it does for any request."""

    async def main() -> None:
        ends: list[str] = []
        async with serving(taking([], ends)) as server, connected(server.port) as raw:
            raw.send(OPENING)
            await raw.reader.readuntil(b"\r\n\r\n")
            raw.writer.write_eof() if how == "eof" else raw.writer.transport.abort()
            await until(lambda: ends == ["client gone"])
            await until(lambda: server.connections == 0)

    run(main, loop)


@both_loops
def test_the_drain_waits_and_then_cancels(loop: str) -> None:
    """The taker has its grace time, and a last word."""

    async def main() -> None:
        ends: list[str] = []
        async with serving(taking([], ends)) as server, connected(server.port) as raw:
            raw.send(OPENING)
            await raw.reader.readuntil(b"\r\n\r\n")
            drained = asyncio.create_task(server.drain(0.2))
            await asyncio.sleep(0.05)
            raw.send(b"still here")
            assert await raw.reader.readexactly(10) == b"still here"
            assert await raw.rest() == b"last words"
            await drained
            assert ends == ["drain"]

    run(main, loop)


@both_loops
def test_a_client_that_reads_nothing_is_cut(loop: str) -> None:
    """The taker is told to pause, and the write timeout holds."""

    async def main() -> None:
        takers: list[Echo] = []
        ends: list[str] = []
        limits = ServerLimits(write_timeout=0.1, write_high_water=1000)
        async with serving(taking(takers, ends), limits) as server, connected(server.port) as raw:
            raw.send(OPENING)
            await raw.reader.readuntil(b"\r\n\r\n")
            raw.writer.transport.pause_reading()
            takers[0].reply.raw(bytes(20_000_000))
            await until(lambda: ends == ["client gone"])
            assert takers[0].paused == 1

    run(main, loop)


def test_reading_can_wait() -> None:
    """`hold` and `go_on`: what the client sends meanwhile stays with it."""

    async def main() -> None:
        takers: list[Echo] = []
        async with serving(taking(takers, [])) as server, connected(server.port) as raw:
            raw.send(OPENING)
            await raw.reader.readuntil(b"\r\n\r\n")
            takers[0].reply.hold()
            raw.send(b"waits")
            await asyncio.sleep(0.05)
            assert takers[0].heard == b""
            takers[0].reply.go_on()
            assert await raw.reader.readexactly(5) == b"waits"

    run(main)


def test_a_client_that_never_closes_is_closed() -> None:
    """After `hang_up` what still comes is dropped, for the linger time at most."""

    async def main() -> None:
        takers: list[Echo] = []
        async with serving(taking(takers, []), ServerLimits(linger_timeout=0.1)) as server, connected(server.port) as raw:
            raw.send(OPENING)
            await raw.reader.readuntil(b"\r\n\r\n")
            raw.send(b"bye")
            assert await raw.reader.read(100) == b"bye"
            raw.send(b"more")
            assert server.connections == 1
            await until(lambda: server.connections == 0)
            assert takers[0].heard == b"bye"

    run(main)


def test_an_answer_instead_of_the_switch_is_the_last() -> None:
    """Whoever in front took the switch for granted cannot be led astray: nothing behind that request is read."""

    async def main() -> None:
        asked: list[bytes] = []

        async def handler(request: Request) -> None:
            asked.append(request.path)
            request.reply.whole(404, b"", b"")

        async with serving(handler) as server, connected(server.port) as raw:
            raw.send(OPENING + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = await raw.rest()
            assert answer.startswith(b"HTTP/1.1 404")
            assert b"Connection: close\r\n" in answer
            assert asked == [b"/s"]

    run(main)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"GET", b"POST"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"websocket", b"chat"),
        (b"websocket", b"websocket, h2c"),
        (b"Sec-WebSocket-Key", b"X-Key"),
        (b"Host: a", b"Host: a\r\nContent-Length: 3"),
        (b"Host: a", b"Host: a\r\nTransfer-Encoding: chunked"),
    ],
)
def test_every_other_switch_is_refused(old: bytes, new: bytes) -> None:
    """501 before any handler, as long as it is no WebSocket's opening."""

    async def main() -> None:
        async with serving() as server, connected(server.port) as raw:
            raw.send(OPENING.replace(old, new, 1))
            status, _, _ = await raw.reply()
            assert status == 501

    run(main)


def test_out_of_turn() -> None:
    """A request is answered once."""

    async def main() -> None:
        async def handler(request: Request) -> None:
            request.reply.whole(200, b"", b"")
            with pytest.raises(RuntimeError):
                request.reply.upgrade(b"", Echo(request.reply))

        async with serving(handler) as server, connected(server.port) as raw:
            raw.send(OPENING)
            assert (await raw.reply())[0] == 200

    run(main)
