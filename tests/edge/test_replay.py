"""Kept streams to callers who do not read: what they hold of the gateway's memory, and how they end."""

from __future__ import annotations

import asyncio
import socket

import pytest

from cache.cached_world import World, play
from llm_gateway.edge.replay import AT_ONCE, replay
from serving import run, until
from whole_gateway import CHAT, DONE, LAST, SSE_HEAD, chat, chunk, piece, request

BODY = chat(stream=True)
LARGE = 6_000_000
LONG = [SSE_HEAD, *[chunk(piece("x" * 50_000))] * (LARGE // 50_000), chunk(piece(finish="stop"), DONE) + LAST]
HELD = 512 << 10
"""Bytes that one connection may hold: the engine's high-water mark and what is written at once."""


class Reader:
    """A connection that reads when it is told to, with a small window."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self.port = port

    async def ask(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self.port))
        await loop.sock_sendall(self.socket, request(CHAT, BODY))

    async def all(self) -> bytes:
        loop, data = asyncio.get_running_loop(), bytearray()
        while not data.endswith(b"\r\n0\r\n\r\n"):
            more = await loop.sock_recv(self.socket, 1 << 20)
            assert more, "it was cut"
            data += more
        return bytes(data)


@pytest.mark.parametrize("count", [1, 20])
def test_who_does_not_read_holds_little(count):
    """However many there are: each holds a bounded piece of the long stream, and who reads at last gets all of it."""

    async def test(world: World) -> None:
        first = await world.post(BODY)
        assert first.short == (200, "MISS")
        assert len(first.body) > LARGE
        replies = []
        pipeline = world.gateway.app.world.pipeline
        respond = pipeline.edge.respond

        def noted(ex, answer):
            replies.append(ex.reply)
            return respond(ex, answer)

        pipeline.edge.respond = noted
        readers = [Reader(world.gateway.port) for _ in range(count)]
        for reader in readers:
            await reader.ask()
        await until(lambda: len(replies) == count and all(reply.paused for reply in replies))
        assert max(reply.buffered for reply in replies) <= HELD
        assert pipeline.observe.active == count
        assert (await world.post(chat(stream=True, user="another"))).status == 200
        text = await readers[0].all()
        assert text.count(b"x" * 1000) >= LARGE // 1100
        assert world.answers.results["hit"] == count
        for reader in readers:
            reader.socket.close()
        await until(lambda: pipeline.observe.active == 0)
        lines = [line for line in world.gateway.access() if line.get("cached")]
        assert sorted(line["outcome"] for line in lines) == ["client_gone"] * (count - 1) + ["completed"]
        assert max(line["bytes_out"] for line in lines) == len(first.body)
        assert all(line["bytes_out"] < len(first.body) for line in lines if line["outcome"] == "client_gone")

    play([LONG, LONG], test, {"entry": "32MB"})


def test_a_drain_does_not_wait_for_who_does_not_read():
    """When the grace is over it is cut like any stream: nothing that looks complete was sent."""

    async def test(world: World) -> None:
        assert (await world.post(BODY)).short == (200, "MISS")
        reader = Reader(world.gateway.port)
        await reader.ask()
        observe = world.gateway.app.world.pipeline.observe
        await until(lambda: observe.active == 1 and world.answers.results["hit"] == 1)
        await world.gateway.server.drain(0.05)
        assert observe.active == 0
        assert world.gateway.access()[-1]["outcome"] == "drained"
        reader.socket.close()

    play([LONG], test, {"entry": "32MB"})


class Slow:
    """A reply whose caller falls behind after every piece."""

    def __init__(self) -> None:
        self.source = None
        self.paused = False
        self.pieces: list[bytes] = []
        self.ended = False

    def write(self, data: bytes) -> None:
        assert not self.paused
        self.pieces.append(data)
        self.paused = True

    def end(self, data: bytes = b"") -> None:
        assert not data
        self.ended = True


class Count:
    bytes_out = 0


def test_it_goes_on_when_the_caller_does():
    """Piece by piece, none of them larger than what is written at once, and nothing between."""

    async def main() -> None:
        reply, count, body = Slow(), Count(), bytes(range(256)) * (3 * AT_ONCE // 256) + b"end"
        task = asyncio.create_task(replay(reply, body, count))
        for number in range(1, 5):
            for _ in range(3):
                await asyncio.sleep(0)
            assert (len(reply.pieces), reply.ended) == (number, number == 4)
            assert count.bytes_out == sum(map(len, reply.pieces))
            reply.paused = False
            reply.source.resume()
        await task
        assert b"".join(reply.pieces) == body
        assert max(map(len, reply.pieces)) == AT_ONCE

    run(main)
