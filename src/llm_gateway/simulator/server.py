"""A simulator on a port: `sim = await Simulator.start(options)`, `sim.url`, `sim.log`, `await sim.stop()`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Self

from llm_gateway.core.clock import Clock, SystemClock
from llm_gateway.simulator.app import App
from llm_gateway.simulator.log import Log, Seen
from llm_gateway.simulator.options import SimulatorOptions
from llm_gateway.simulator.wire import Connection

BACKLOG = 2048


class Simulator:
    """A running fake provider. Made by `start`, ended by `stop`; everything in between is in the options and requests."""

    def __init__(self, options: SimulatorOptions, clock: Clock) -> None:
        self.options = options
        self.log = Log(options.log_size)
        self.app = App(options, clock, self.log)
        self.connections: set[Connection] = set()
        self.host = ""
        self.port = 0
        self._gone = asyncio.Event()  # the last connection is over
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._reserved: socket.socket | None = None
        self._returning: asyncio.TimerHandle | None = None
        self._rebinding: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        options: SimulatorOptions | None = None,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        clock: Clock | None = None,
    ) -> Self:
        """Listen on `port` (0: any free one). Raises OSError when it is taken, FaultError for a bad fault spec."""
        simulator = cls(options or SimulatorOptions(), clock or SystemClock())
        simulator.host, simulator.port = host, port
        await simulator.accept()
        return simulator

    @property
    def url(self) -> str:
        """The base URL, without /v1 and without a slash at its end."""
        return f"http://{self.host}:{self.port}"

    @property
    def requests(self) -> Sequence[Seen]:
        """The requests in the log, oldest first."""
        return tuple(self.log.entries)

    def reset(self) -> None:
        """Forget the log and what the faults have counted."""
        self.log.reset()
        self.app.triggers.reset()

    # ---- the listener

    async def accept(self) -> None:
        """Listen (again)."""
        if self._server is None:
            self._free_reserved()
            self._server = await self._loop.create_server(
                lambda: Connection(self, self._loop), self.host, self.port, backlog=BACKLOG
            )
            self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuse new connections until `accept`; the port stays ours, running connections go on."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self._reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind((self.host, self.port))  # bound, not listening: connects are refused, nobody takes it

    def listener_down(self, seconds: float) -> None:
        """Refuse new connections for a while (the fault `refuse`)."""
        self.refuse()
        if self._returning is not None:
            self._returning.cancel()
        self._returning = self._loop.call_later(seconds, self._return)

    def _return(self) -> None:
        self._rebinding = self._loop.create_task(self.accept())

    def _free_reserved(self) -> None:
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None

    async def stop(self) -> None:
        """Close the listener and every connection; returns when all of it is gone."""
        if self._returning is not None:
            self._returning.cancel()
        if self._rebinding is not None:
            await self._rebinding
        if self._server is not None:
            self._server.close()
            self._server = None
        self._free_reserved()
        self._gone.clear()
        ending = [connection.end() for connection in list(self.connections)]
        await asyncio.gather(*(task for task in ending if task is not None), return_exceptions=True)
        if self.connections:
            await self._gone.wait()

    def forget(self, connection: Connection) -> None:
        """A connection is over."""
        self.connections.discard(connection)
        if not self.connections:
            self._gone.set()


def refused_port(host: str = "127.0.0.1") -> tuple[int, socket.socket]:
    """A port where every connect is refused, for as long as the socket is kept open."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    holder.bind((host, 0))
    return holder.getsockname()[1], holder
