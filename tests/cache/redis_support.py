"""Answers on a real Redis for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import hiredis

from cache.answers import entry
from llm_gateway.cache.entry import Entry
from llm_gateway.cache.memory import Memory
from llm_gateway.cache.redis import RedisAnswers
from llm_gateway.config.schema.limits import Redis
from llm_gateway.config.values import Duration, Secret
from llm_gateway.core.clock import Clock, FakeClock
from servers import RedisServer

SECRET = b"s" * 32
KEY = bytes(range(24))


class Worker:
    """What one worker has: answers in memory, and the way to Redis. Its log is a list of events."""

    def __init__(self, url: str, clock: Clock, name: str, *, secret: bytes, timeout: float, beats: float) -> None:
        self.clock = clock
        self.memory = Memory(1 << 20)
        self.log: list[str] = []
        self.far = RedisAnswers(
            Redis(url=Secret(url), timeout=Duration(timeout)),
            secret,
            worker=name,
            forget=lambda model, before: self.memory.forget(model=model, before=before),
            clock=clock,
            draw=lambda: 0.5,
            log=lambda level, event, **fields: self.log.append(event),
        )
        self.far.link._beats = beats

    async def found(self, key: bytes = KEY, model: str = "m") -> Entry | None:
        return await self.far.get(key, model)

    def kept(self, body: bytes = b"{}", key: bytes = KEY, *, seconds: float = 100.0, **more: Any) -> Entry:
        """Made and put now, of use for so long."""
        now = self.clock.now()
        made = entry(body, at=now, until=now + seconds, **more)
        self.far.put(key, made)
        return made

    def counted(self) -> dict[str, int]:
        """Counters that are not 0."""
        names = ("hits", "misses", "failures", "damaged", "skipped", "dropped")
        return {name: count for name in names if (count := getattr(self.far, name))}


@asynccontextmanager
async def worker(
    url: str,
    name: str = "one",
    *,
    clock: Clock | None = None,
    secret: bytes = SECRET,
    timeout: float = 2.0,  # noqa: ASYNC109 - a setting
    beats: float = 5.0,
) -> AsyncIterator[Worker]:
    """One that is started, and closed in the end. Its clock stands still unless it is moved."""
    made = Worker(url, clock or FakeClock(), name, secret=secret, timeout=timeout, beats=beats)
    await made.far.start()
    try:
        yield made
    finally:
        await made.far.close()


Answer = Callable[[list[bytes]], bytes]
USUAL: Mapping[bytes, bytes] = MappingProxyType(
    {b"CLIENT": b":1\r\n", b"HGETALL": b"*0\r\n", b"INFO": b"$-1\r\n", b"EVAL": b":1\r\n"}
)
"""What something that takes itself for Redis answers until it is asked for an answer."""


class _Pretending(asyncio.Protocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._words = hiredis.Reader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._words.feed(data)
        while (command := self._words.gets()) is not False:
            self.transport.write(self._answer(command))


@asynccontextmanager
async def pretender(answer: Answer) -> AsyncIterator[str]:
    """Something that speaks Redis's protocol: `answer` says what it replies to a command, in bytes. Its URL."""
    server = await asyncio.get_running_loop().create_server(lambda: _Pretending(answer), "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class Proxy:
    """Between a worker and Redis. While it stalls, replies wait in it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = ""
        self.stalls = False
        self._held: list[Callable[[], None]] = []

    def pass_on(self, leg: _Leg, data: bytes) -> None:
        """From Redis to the worker."""
        if self.stalls:
            self._held.append(lambda: leg.transport.write(data))
        else:
            leg.transport.write(data)

    def go_on(self) -> None:
        """What waits is passed on, in order."""
        self.stalls = False
        for one in self._held:
            one()
        self._held.clear()


class _Leg(asyncio.Protocol):
    """One of a connection's two sides; `other` None: the worker's, which opens the one to Redis."""

    def __init__(self, proxy: Proxy, other: _Leg | None = None) -> None:
        self.proxy, self.other = proxy, other
        self.inner = other is not None
        self.opening: asyncio.Task[Any] | None = None
        self.early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        if self.inner:
            return
        loop = asyncio.get_running_loop()
        self.opening = loop.create_task(loop.create_connection(lambda: _Leg(self.proxy, self), "127.0.0.1", self.proxy.port))
        self.opening.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[Any]) -> None:
        self.other = task.result()[1]
        self.other.transport.write(self.early)

    def data_received(self, data: bytes) -> None:
        if self.inner and self.other is not None:
            self.proxy.pass_on(self.other, data)
        elif self.other is None:
            self.early += data
        else:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.transport.close()


@asynccontextmanager
async def proxy(redis: RedisServer) -> AsyncIterator[Proxy]:
    """A way to Redis that can stall."""
    made = Proxy(redis.port)
    server = await asyncio.get_running_loop().create_server(lambda: _Leg(made), "127.0.0.1", 0)
    made.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    async with server:
        yield made
