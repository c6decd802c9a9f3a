"""A stream that was kept, on its way to whom it is given again: as fast as he reads, and no more of it in memory than that.

Nobody has to be waited for but the caller. Without this, whoever asks again and again and does not read would hold a copy of the
answer for each time.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from llm_gateway.http.reply import Source

AT_ONCE = 64 << 10
"""Bytes of one write."""


class Reply(Protocol):
    """The caller's side: http.server's Reply."""

    source: Source | None

    @property
    def paused(self) -> bool: ...
    def write(self, data: bytes) -> None: ...
    def end(self, data: bytes = b"") -> None: ...


class Counted(Protocol):
    """What the request knows of what was written (core.exchange.Exchange)."""

    bytes_out: int


class Pace:
    """A Source: it is told when the caller is behind, and when he is not any more."""

    __slots__ = ("_ready",)

    def __init__(self) -> None:
        self._ready = asyncio.Event()

    def pause(self) -> None:
        self._ready.clear()

    def resume(self) -> None:
        self._ready.set()

    async def ready(self) -> None:
        await self._ready.wait()


async def replay(reply: Reply, body: bytes, counted: Counted) -> None:
    """All of `body` and the end, to a reply that was started. Whoever leaves meanwhile cancels it."""
    reply.source = pace = Pace()
    for at in range(0, len(body), AT_ONCE):
        while reply.paused:
            pace.pause()
            await pace.ready()
        piece = body[at : at + AT_ONCE]
        counted.bytes_out += len(piece)
        reply.write(piece)
    reply.end()
