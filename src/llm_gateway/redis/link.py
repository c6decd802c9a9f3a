"""One connection to Redis or Valkey, kept up for ever: commands of one turn of the event loop are written together, replies are
matched in order. Only this module speaks its protocol (RESP 2).

A cluster is not spoken to: all counters of a request must be on one server for them to be taken together.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import hiredis

from llm_gateway.core.within import within
from llm_gateway.redis.address import Address
from llm_gateway.redis.owner import Away, Command, Owner, Unfit
from llm_gateway.redis.words import frame

MOST_PENDING = 20_000
"""Commands without a reply. One more is refused: the server cannot keep up."""
PATIENCE = 4.0
"""So many timeouts without a sign of life, and at least a second: the connection is given up."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
"""Seconds between attempts to connect: doubled each time, with jitter of a quarter."""
HANDSHAKE = 2.0
"""Seconds at least for a connection with its first commands."""

ReplyError = hiredis.ReplyError


class _Wire(asyncio.Protocol):
    """A connection. Reports to the link as long as it is the link's own."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._reader = hiredis.Reader()
        self._unread = 0
        """Bytes since the last whole reply, about."""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        reader, link = self._reader, self._link
        self._unread += len(data)
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not False:
                self._unread = 0
                link.received(self, reply)
        except (hiredis.ProtocolError, MemoryError, TypeError):  # a list that nothing could hold, a map whose keys are lists
            link.broke(self, "it does not speak Redis's protocol")
        if self._unread > link.most:
            link.broke(self, "its answer is too large")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        self._link.broke(self, "the connection was lost")


class _Ask:
    """One command that a coroutine waits for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.done: asyncio.Future[Any] = loop.create_future()

    def replied(self, reply: Any) -> None:
        if not self.done.done():
            self.done.set_result(reply)

    def late(self) -> None:
        if not self.done.done():
            self.done.set_exception(Away("there was no answer in time"))

    lost = late


class Link:
    """Reconnects for ever from `start` to `close`. `up`: whether commands may be sent."""

    def __init__(
        self,
        address: Address,
        owner: Owner,
        *,
        timeout: float,
        name: str,
        draw: Callable[[], float],
        beats: float = 5.0,
        most: int = sys.maxsize,
    ) -> None:
        """`timeout`: seconds that a command may take. `name`: of the connection (CLIENT SETNAME). `draw`: numbers in [0, 1).
        `beats`: seconds between two signs of life. `most`: bytes of one reply, about; it may be changed.
        """
        self.address = address
        self._owner = owner
        self.timeout = timeout
        self._name = name
        self._draw = draw
        self._beats = beats
        self.most = most
        self.up = False
        self.why = "not connected yet"
        """Why it is not up."""
        self._wire: _Wire | None = None
        self._pending: deque[tuple[float, Command]] = deque()
        self._late = 0
        """How many in front of `_pending` are late."""
        self._outgoing: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self.tried = asyncio.Event()
        """Whether it is known by now if Redis is there."""
        self.unfit = ""
        """Why what is there is of no use, found out when it was last greeted."""
        self._client: int | None = None
        """What Redis calls the connection."""
        self._keeper: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to connect."""
        self._loop = asyncio.get_running_loop()
        self._keeper = self._loop.create_task(self._keep())

    async def close(self) -> None:
        """End for good."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        self._down("closed")
        wire, self._wire = self._wire, None
        if wire is not None:
            self._drop(wire)
        if self._timer is not None:
            self._timer.cancel()

    def send(self, parts: Iterable[bytes], command: Command) -> None:
        """Write one command. Raises Away if it cannot be sent."""
        loop, pending = self._loop, self._pending
        if self._wire is None or loop is None:
            raise Away(self.why)
        if len(pending) >= MOST_PENDING:
            raise Away("too many commands wait for Redis")
        if not self._outgoing:
            loop.call_soon(self._flush)
        self._outgoing.extend(parts)
        at = loop.time() + self.timeout
        pending.append((at, command))
        if self._timer is None:
            self._timer = loop.call_at(at, self._look)

    def give_up(self, why: str) -> None:
        """It answers what cannot be worked with: begin anew."""
        if self._wire is not None:
            self.broke(self._wire, why)

    def received(self, wire: _Wire, reply: Any) -> None:
        """By the connection."""
        if wire is not self._wire:
            return
        if not self._pending:
            self.broke(wire, "it answered what was not asked")
            return
        _, command = self._pending.popleft()
        if self._late:
            self._late -= 1
            if not self._late:
                self._changed.set()
        command.replied(reply)

    def broke(self, wire: _Wire, why: str) -> None:
        """The connection is of no use any more."""
        if wire is not self._wire:
            return
        self._wire = None
        self._drop(wire)
        self._down(why)
        self._changed.set()

    def _drop(self, wire: _Wire) -> None:
        if wire.transport is not None:
            wire.transport.abort()
        self._outgoing.clear()
        pending, self._pending, self._late = self._pending, deque(), 0
        for _, command in pending:
            command.lost()

    def _flush(self) -> None:
        outgoing = self._outgoing
        if outgoing and self._wire is not None and self._wire.transport is not None:
            self._wire.transport.write(b"".join(outgoing))
        outgoing.clear()

    def _look(self) -> None:
        """Whose time is over is told so; whose reply stays away for long is taken for dead."""
        self._timer = None
        loop, pending = self._loop, self._pending
        if not pending or loop is None or self._wire is None:
            return
        now = loop.time()
        overdue = []
        for at, command in list(pending)[self._late :]:
            if at > now:
                break
            overdue.append(command)
        if overdue:
            self._late += len(overdue)
            self._down("it takes too long to answer")
            self._changed.set()
            for command in overdue:
                command.late()
        dead = pending[0][0] + max(PATIENCE * self.timeout, 1.0)
        if now >= dead:
            self.broke(self._wire, "it does not answer")
            return
        following = pending[self._late][0] if len(pending) > self._late else dead
        self._timer = loop.call_at(max(min(following, dead), now + 0.001), self._look)

    def _down(self, why: str) -> None:
        self.why = why
        if self.up:
            self.up = False
            self._owner.went_down(why)

    async def _keep(self) -> None:
        failures = 0
        while True:
            try:
                if self._wire is None:
                    await self._connect()
                await self._owner.greet(self._ask)
                self.up, self.why, self.unfit = True, "", ""
                self._owner.came_up()
                self.tried.set()
                began = self._time()
                await self._stay()
                failures = 0 if self._time() - began > LONGEST_PAUSE else failures + 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                self._down(str(error) if isinstance(error, Away) else f"it cannot be reached ({type(error).__name__})")
                self.unfit = self.why if isinstance(error, Unfit) else ""
                self.tried.set()
                failures += 1
            pause = min(FIRST_PAUSE * 2.0 ** min(failures, 10), LONGEST_PAUSE)
            await asyncio.sleep(pause * (0.75 + 0.5 * self._draw()))
            while self._late and self._wire is not None:  # it may come back by itself: then all that was asked is answered
                self._changed.clear()
                await self._changed.wait()

    async def _stay(self) -> None:
        """Until it is down."""
        while self.up:
            self._changed.clear()
            try:
                await within(self._changed.wait(), self._beats)
            except TimeoutError:
                await self._owner.beat(self._ask)

    def _time(self) -> float:
        return 0.0 if self._loop is None else self._loop.time()

    async def _connect(self) -> None:
        assert self._loop is not None  # noqa: S101 - `start` set it
        address, wire = self.address, _Wire(self)
        if address.path:
            dialled = self._loop.create_unix_connection(lambda: wire, address.path)
        else:
            dialled = self._loop.create_connection(lambda: wire, address.host, address.port, ssl=address.tls)
        try:
            await within(dialled, max(self.timeout, HANDSHAKE))
        except TimeoutError:
            raise Away("it cannot be reached in time") from None
        self._wire = wire
        try:
            await self._introduce()
        except Away:
            self.broke(wire, "it did not let us in")
            raise

    async def _introduce(self) -> None:
        address = self.address
        steps: list[Sequence[str | int]] = []
        if address.password:
            steps.append(("AUTH", address.user, address.password) if address.user else ("AUTH", address.password))
        if address.database:
            steps.append(("SELECT", address.database))
        for step in steps:
            reply = await self._ask(*step)
            if isinstance(reply, ReplyError):
                raise Unfit(f"{step[0]} was refused ({code_of(reply)})")
        await self._ask("CLIENT", "SETNAME", self._name)  # a proxy may not know it: that does no harm
        before, found = self._client, await self._ask("CLIENT", "ID")
        self._client = found if type(found) is int else None
        if before is not None:  # what it was sent and has not read yet, it must not find later
            await self._ask("CLIENT", "KILL", "ID", before)

    async def _ask(self, *words: str | int) -> Any:
        """A reply, or a ReplyError. Raises Away."""
        assert self._loop is not None  # noqa: S101 - `start` set it
        asked = _Ask(self._loop)
        self.send((frame(words),), asked)
        return await asked.done


def code_of(error: Exception) -> str:
    """The first word of what Redis says is wrong: NOAUTH, NOSCRIPT, OOM, ERR ... The rest may repeat what was sent."""
    return str(error).partition(" ")[0][:32]
