"""The connection to Redis: order, deadlines, and coming back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from limits.redis_support import until
from llm_gateway.redis import link as redis_link
from llm_gateway.redis.address import parse_address
from llm_gateway.redis.link import Link, ReplyError
from llm_gateway.redis.owner import Asker, Away
from llm_gateway.redis.words import frame
from servers import RedisServer


class Owner:
    def __init__(self) -> None:
        self.events: list[str] = []

    async def greet(self, ask: Asker) -> None:
        assert await ask("PING") == b"PONG"

    async def beat(self, ask: Asker) -> None:
        await ask("PING")

    def came_up(self) -> None:
        self.events.append("up")

    def went_down(self, why: str) -> None:
        self.events.append(why)


class Asked:
    def __init__(self, log: list[tuple[int, Any]], number: int) -> None:
        self.log, self.number = log, number

    def replied(self, reply: Any) -> None:
        self.log.append((self.number, reply))

    def late(self) -> None:
        self.log.append((self.number, "late"))

    def lost(self) -> None:
        self.log.append((self.number, "lost"))


async def _linked(server: RedisServer, **more: Any) -> tuple[Link, Owner]:
    owner = Owner()
    link = Link(parse_address(server.url), owner, timeout=more.pop("timeout", 2.0), name="test", draw=lambda: 0.5, **more)
    link.start()
    await link.tried.wait()
    return link, owner


def test_replies_in_order(redis_server: RedisServer) -> None:
    """Many commands of one turn each get their own reply, errors too."""
    log: list[tuple[int, Any]] = []

    async def story() -> None:
        link, _ = await _linked(redis_server, timeout=2.0)
        for number in range(500):
            link.send((frame(("ECHO", number) if number % 10 else ("NO-SUCH",)),), Asked(log, number))
        await until(lambda: len(log) == 500)
        await link.close()

    asyncio.run(story())
    assert [number for number, _ in log] == list(range(500))
    assert all(isinstance(reply, ReplyError) if number % 10 == 0 else reply == b"%d" % number for number, reply in log)


def test_late_and_then_lost(redis_server: RedisServer) -> None:
    """Who waits too long is told so once, and what became of it later; the link comes back by itself."""
    log: list[tuple[int, Any]] = []

    async def story() -> None:
        link, owner = await _linked(redis_server, timeout=0.3)
        redis_server.pause()
        link.send((frame(("ECHO", 1)),), Asked(log, 1))
        await until(lambda: log == [(1, "late")])
        assert not link.up
        await until(lambda: log[1:] == [(1, "lost")])
        redis_server.go_on()
        await until(lambda: link.up)
        link.send((frame(("ECHO", 2)),), Asked(log, 2))
        await until(lambda: log[2:] == [(2, b"2")])
        await link.close()
        assert owner.events[:2] == ["up", "it takes too long to answer"]

    asyncio.run(story())


def test_bounded(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than so many commands wait."""
    monkeypatch.setattr(redis_link, "MOST_PENDING", 5)

    async def story() -> None:
        link, _ = await _linked(redis_server)
        for number in range(5):
            link.send((frame(("PING",)),), Asked([], number))
        with pytest.raises(Away, match="too many"):
            link.send((frame(("PING",)),), Asked([], 6))
        await link.close()

    asyncio.run(story())


def test_idle_connection_that_dies_is_noticed(redis_server: RedisServer) -> None:
    """Also where nobody asks anything, a sign of life is asked for."""

    async def story() -> None:
        link, _ = await _linked(redis_server, beats=0.05, timeout=0.3)
        redis_server.pause()
        await until(lambda: not link.up)
        redis_server.go_on()
        await until(lambda: link.up)
        await link.close()

    asyncio.run(story())


def test_what_is_not_redis() -> None:
    """Something else on that port is told from Redis, and tried again for ever."""

    async def story() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await reader.read()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            link = Link(parse_address(f"redis://127.0.0.1:{port}"), Owner(), timeout=0.1, name="test", draw=lambda: 0.5)
            link.start()
            await link.tried.wait()
            assert not link.up
            assert link.why
            await link.close()

    asyncio.run(story())


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_reply_that_is_too_large(redis_server: RedisServer, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Where a bound is given, what is below it is read however many there are, and what is above it ends the connection."""
    log: list[tuple[int, Any]] = []

    async def story() -> None:
        redis_server.command("SET", "small", "x" * 60_000)
        redis_server.command("SET", "large", "x" * 3_000_000)
        link, owner = await _linked(redis_server, most=500_000)
        for number in range(100):
            link.send((frame(("GET", "small")),), Asked(log, number))
        await until(lambda: len(log) == 100)
        assert {len(reply) for _, reply in log} == {60_000}
        link.send((frame(("GET", "large")),), Asked(log, 100))
        await until(lambda: log[100:] == [(100, "lost")])
        assert owner.events == ["up", "its answer is too large"]
        link.most = 4_000_000
        await until(lambda: link.up)
        link.send((frame(("GET", "large")),), Asked(log, 101))
        await until(lambda: len(log) == 102)
        assert len(log[101][1]) == 3_000_000
        await link.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(story())


@pytest.mark.parametrize("reply", [b"*4000000000\r\n", b"%1\r\n*1\r\n:1\r\n:2\r\n"], ids=["nothing could hold it", "no map"])
def test_what_cannot_be_read(reply: bytes) -> None:
    """A reply that the reader cannot make anything of ends the connection, as what is no reply does."""

    class Server(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport: Any = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(reply)

    async def story() -> None:
        bugs: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: bugs.append(context))
        async with await loop.create_server(Server, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            link = Link(parse_address(f"redis://127.0.0.1:{port}"), Owner(), timeout=5.0, name="test", draw=lambda: 0.5)
            link.start()
            await link.tried.wait()
            assert not link.up
            assert bugs == []
            await link.close()

    asyncio.run(story())
