"""The connections to one origin: the most recently used idle one first, a cap, and a bounded queue behind it."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial

from llm_gateway.http.client_connection import ClientConnection
from llm_gateway.http.client_limits import ClientLimits
from llm_gateway.http.dial import Dialer
from llm_gateway.http.errors import ConnectionLost, ConnectTimeout, PoolExhausted
from llm_gateway.http.origin import Origin
from llm_gateway.http.request_lines import RequestLines


class Pool:
    """Connections to one origin.

    Every connection is in `_live`; `_opening` counts slots that are being filled (dialled, or granted to a waiter
    that has not woken yet). Both together never exceed ClientLimits.connections_per_origin. A connection that comes
    back goes to the longest waiter, so `_idle` is empty while anyone waits.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, origin: Origin, dialer: Dialer, limits: ClientLimits) -> None:
        self.loop = loop
        self.lines = RequestLines(origin, dialer.proxy(origin))
        self._origin = origin
        self._dialer = dialer
        self._limits = limits
        self._idle: list[ClientConnection] = []
        self._room = limits.idle_per_origin  # how many of them there may be
        self._live: set[ClientConnection] = set()
        self._opening = 0
        self._waiters: deque[asyncio.Future[ClientConnection | None]] = deque()
        self._dials: set[asyncio.Task[ClientConnection]] = set()
        self._closed = False
        self._opened = 0
        self._reused = 0

    def take(self) -> ClientConnection | None:
        """An idle connection, or None."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                self._reused += 1
                return connection
        return None

    async def acquire(self, connect: float, wait: float) -> ClientConnection:
        """A new connection (within `connect` seconds), or if there is no room the next that comes back (within `wait`).

        Raises ConnectFailed and its kinds, PoolExhausted, ConnectionLost (closed as soon as it was open).
        """
        while True:
            if self._closed:
                raise PoolExhausted("the client is closed")
            if len(self._live) + self._opening < self._limits.connections_per_origin:
                self._opening += 1
                return await self._open(connect)
            connection = await self._queue(wait)
            if connection is None:
                return await self._open(connect)
            if not connection.closed and not connection.transport.is_closing():
                self._reused += 1
                return connection

    def give_back(self, connection: ClientConnection) -> None:
        """The connection has finished an exchange and may serve another."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        idle = self._idle
        if len(idle) < self._room:
            idle.append(connection)
        else:
            connection.retire()

    def dropped(self, connection: ClientConnection) -> None:
        """The connection is closed."""
        if connection in self._live:
            self._live.remove(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._free_slot()

    @property
    def empty(self) -> bool:
        """Nothing is held or waited for."""
        return not self._live and not self._opening and not self._waiters

    def stats(self) -> dict[str, int]:
        """Connections now (idle, active), requests in the queue (waiting), and totals (opened, reused)."""
        idle = len(self._idle)
        return {
            "idle": idle,
            "active": len(self._live) - idle,
            "waiting": len(self._waiters),
            "opened": self._opened,
            "reused": self._reused,
        }

    async def close(self) -> None:
        """Close every connection now and fail everyone who waits; returns when the transports are gone."""
        self._closed = True
        self._room = 0
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(PoolExhausted("the client is closed"))
        for task in self._dials:
            task.cancel()
        connections = list(self._live)
        for connection in connections:
            connection.shut()
        if self._dials:
            await asyncio.wait(set(self._dials))
        for _ in range(100):
            if all(connection.gone for connection in connections):
                return
            await asyncio.sleep(0.001)

    # ---- inside

    async def _queue(self, wait: float) -> ClientConnection | None:
        """Wait for a connection, or None: a slot was freed (and is counted as ours) to open one in."""
        if len(self._waiters) >= self._limits.waiting_per_origin:
            raise PoolExhausted("every connection is busy and the queue is full")
        waiter: asyncio.Future[ClientConnection | None] = self.loop.create_future()
        self._waiters.append(waiter)
        timer = self.loop.call_later(wait, _expire, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._return(waiter.result())  # it was given to us at the moment we were cancelled
            raise
        finally:
            timer.cancel()
            with suppress(ValueError):  # it is in the queue only if its time was over
                self._waiters.remove(waiter)

    def _return(self, given: ClientConnection | None) -> None:
        if given is None:
            self._opening -= 1
            self._free_slot()
        elif not given.closed:
            self.give_back(given)

    def _free_slot(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._opening += 1
                waiter.set_result(None)
                return

    async def _open(self, connect: float) -> ClientConnection:
        """Fill a slot that is already counted in `_opening`."""
        dial = self._dialer.dial(self._origin, partial(self._dialer.connection, self._origin, self.loop, self, self._limits))
        task = self.loop.create_task(dial)
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)
        try:
            await asyncio.wait((task,), timeout=connect)
            connection = _dialled(task)
        except BaseException:
            task.cancel()
            task.add_done_callback(_discard)
            self._opening -= 1
            self._free_slot()
            raise
        self._opening -= 1
        self._live.add(connection)
        self._opened += 1
        return connection


def _dialled(task: asyncio.Task[ClientConnection]) -> ClientConnection:
    """What came of a dial. Raises what went wrong."""
    if not task.done():
        raise ConnectTimeout("no connection in time")
    if task.cancelled():
        raise PoolExhausted("the client is closed")
    connection = task.result()
    if connection.closed or connection.transport.is_closing():
        raise ConnectionLost("the connection was closed as soon as it was open")
    return connection


def _expire(waiter: asyncio.Future[ClientConnection | None]) -> None:
    if not waiter.done():
        waiter.set_exception(PoolExhausted("every connection stayed busy"))


def _discard(task: asyncio.Task[ClientConnection]) -> None:
    """Close a connection that came too late for whoever wanted it."""
    if not task.cancelled() and task.exception() is None:
        task.result().retire()
