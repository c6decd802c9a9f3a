"""The worker's end: one connection to control, made again for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from llm_gateway.channel.address import connect
from llm_gateway.channel.peer import Handlers, Peer, Unanswered

VERSION = 1
"""Of what is said over the channel. Others are refused."""
LEAVING = "leaving"
"""What a worker says last, if it ends in order."""
HELLO_SECONDS = 5.0
_PAUSES = (0.02, 0.05, 0.1, 0.2)
"""To look whether somebody listens costs 50 us; control that comes back must not be waited for."""


class Hello(msgspec.Struct, frozen=True):
    """What a worker says first."""

    version: int
    slot: int
    pid: int
    run: str
    """Of this process, and no other ever."""
    number: int
    """Of the snapshot it acts on."""
    digests: dict[str, bytes]
    """Of the parts that it has."""


class Link:
    """`hello` is asked for whenever a connection is made; `up` is told when control has heard it."""

    def __init__(
        self,
        path: Path,
        handlers: Handlers,
        hello: Callable[[], Hello],
        up: Callable[[], None] = lambda: None,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._path = path
        self._handlers = replace(handlers, lost=self._lost)
        self._told_lost = handlers.lost
        self._hello = hello
        self._up = up
        self._sleep = sleep
        self._peer: Peer | None = None
        self._task: asyncio.Task[None] | None = None
        self.why = "it was never there"
        """Why there is no connection."""

    @property
    def connected(self) -> bool:
        return self._peer is not None

    def start(self) -> None:
        """Connect, in the background."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def ask(self, method: str, body: Any, seconds: float) -> Any:
        """Raises Unanswered: at once where control is away."""
        if self._peer is None:
            raise Unanswered(f"the control process is away: {self.why}")
        return await self._peer.ask(method, body, seconds)

    def tell(self, topic: str, body: Any) -> bool:
        """Whether it was sent."""
        return self._peer is not None and self._peer.tell(topic, body)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._peer is not None:
            peer = self._peer
            peer.tell(LEAVING, None)
            peer.close()
            await peer.gone.wait()

    async def _keep(self) -> None:
        failures = 0
        while True:
            peer: Peer | None = None
            try:
                peer = await Peer.over(connect(self._path), self._handlers)
                await peer.ask("hello", msgspec.to_builtins(self._hello(), builtin_types=(bytes,)), HELLO_SECONDS)
            except (OSError, Unanswered) as error:
                self.why = str(error)
                if peer is not None:
                    peer.abort()
                await self._sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
                continue
            except asyncio.CancelledError:
                if peer is not None:
                    peer.abort()
                raise
            failures = 0
            self._peer = peer
            self._up()
            await peer.gone.wait()
            self.why = "the connection ended"

    def _lost(self, peer: Peer) -> None:
        if peer is self._peer:
            self._peer = None
            self._told_lost(peer)
