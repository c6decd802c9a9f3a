"""The connection to Redis: order, deadlines, and coming back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from limits.redis_support import until
from llm_gateway.limits import redis_link
from llm_gateway.limits.meter import StoreDown
from llm_gateway.limits.redis_address import parse_address
from llm_gateway.limits.redis_link import Asker, Link, ReplyError
from llm_gateway.limits.redis_words import frame
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
        with pytest.raises(StoreDown, match="too many"):
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
