"""Ships: what workers wrote into their logs comes into the store, while they write, from all slots that there are and were.

Rows and the position of their log are one transaction. A control process that is killed begins anew at that position; what it
then brings a second time is there already, and counts nothing. A store that is away is waited for: the logs stay on the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
from sqlalchemy import Connection

from llm_gateway.accounting.logs import directory_of, slots
from llm_gateway.accounting.repair import quarantined
from llm_gateway.accounting.scan import Position
from llm_gateway.config.schema.ledger import Ledger as Section
from llm_gateway.control.ledger.bring import bring, reached
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.control.ledger.slot import Parcel, Slot
from llm_gateway.core.clock import Clock
from llm_gateway.core.within import within
from llm_gateway.store import shipped
from llm_gateway.store.errors import StoreError
from llm_gateway.store.ledger import Changes
from llm_gateway.telemetry.journal import Log

Result = TypeVar("Result")

BATCH = 4000
"""Records of one transaction."""
PAUSE = 0.25
"""Seconds between two looks at logs that were read to their ends."""
LOOK_SECONDS = 5.0
"""Between two looks at logs where nothing seems to happen."""
EXPIRE_SECONDS = 30.0
LAST_SECONDS = 8.0
"""For what is written when the gateway ends."""
_BACKOFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Transactions(Protocol):
    """control.storing.Storing."""

    async def read(self, work: Callable[[Connection], Result]) -> Result: ...

    async def write(self, work: Callable[[Connection], Result]) -> Result: ...


class SlotStatus(msgspec.Struct, frozen=True):
    """Of one log. Bytes are those on this node's disk."""

    slot: int
    segment: int
    offset: int
    waiting_bytes: int
    disk_bytes: int
    running: int
    unknown_records: int
    orphans: int
    quarantined: list[str]
    """Names of files with what could not be read."""


class Status(msgspec.Struct, frozen=True):
    """How the ledger stands."""

    waiting_bytes: int
    """Of all logs: what is not in the store yet."""
    behind_seconds: float
    """For how long something waits."""
    problem: str
    """Why nothing is shipped; "": it is."""
    rows: int
    """That were added since control began."""
    replaced: int
    damages: int
    logs: list[SlotStatus]


class _Moved(Exception):
    """The store has another position than we left there."""


class Shipper:
    """One per control process."""

    def __init__(
        self,
        state: Path,
        node: str,
        store: Transactions,
        budgets: Budgets,
        section: Callable[[], Section],
        clock: Clock,
        log: Log,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`node`: what tells this state directory from other nodes' that share the store."""
        self.bringing = asyncio.Lock()
        """Held while rows are brought: what `budgets` remembers is of one moment with the store."""
        self._state = state
        self._node = node
        self._store = store
        self._budgets = budgets
        self._section = section
        self._clock = clock
        self._log = log
        self._sleep = sleep
        self._slots: dict[int, Slot] = {}
        self._task: asyncio.Task[None] | None = None
        self._began = 0
        self._ended = asyncio.Condition()
        self._finished = 0
        self._since = clock.monotonic()
        self._expired = clock.monotonic()
        self._looked = -LOOK_SECONDS
        self.problem = ""
        self.rows = self.replaced = self.damages = 0

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """What workers wrote last is shipped, too: the disk may go with this node.

        What the store does not take in time, or while it is away, waits for the next one.
        """
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        why = self.problem
        if not why:
            try:
                await within(self._last(), LAST_SECONDS)
            except TimeoutError:
                why = f"the store did not take it within {LAST_SECONDS:g} s"
            except (StoreError, OSError, _Moved) as error:
                why = str(error)
        if why:
            self._log("warning", "ledger_left", why=why)

    async def _last(self) -> None:
        """Raises StoreError, OSError, _Moved."""
        try:
            await self.once()
        except _Moved:  # the task was ended between a transaction and its note of it
            await self.once()

    async def caught_up(self) -> None:
        """Returns when all that was written before is in the store. Whoever asks bounds the time."""
        wanted = self._began + 1
        self._looked = -LOOK_SECONDS
        async with self._ended:
            await self._ended.wait_for(lambda: self._finished >= wanted)

    async def once(self) -> None:
        """All logs, to their ends as they are now. Raises StoreError, OSError."""
        self._began += 1
        for number in await asyncio.to_thread(slots, self._state):
            slot = self._slots.get(number) or await self._begin(number)
            try:
                while not (await self._ship(slot)).whole:
                    pass
            except _Moved:
                self._log("warning", "ledger_begins_anew", log=slot.source)
                del self._slots[number]
                raise
        self._since = self._clock.monotonic()
        self.problem = ""
        async with self._ended:
            self._finished = self._began
            self._ended.notify_all()

    async def status(self) -> Status:
        """Raises OSError."""
        return await asyncio.to_thread(self._status)

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                if not self._quiet():
                    await self.once()
                await self._expire()
                failures = 0
                await self._sleep(PAUSE)
            except (StoreError, OSError, _Moved) as error:
                why = str(error)
                if why != self.problem:
                    self._log("error", "ledger_not_shipped", why=why)
                self.problem = why
                await self._sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                failures += 1

    def _quiet(self) -> bool:
        """Whether there is nothing to do; a look that needs no other thread. Raises OSError."""
        now = self._clock.monotonic()
        if self.problem or now - self._looked >= LOOK_SECONDS or not all(slot.quiet() for slot in self._slots.values()):
            self._looked = now
            return False
        self._since = now
        return True

    async def _begin(self, number: int) -> Slot:
        source = f"{self._node}/{number}"
        start = await self._store.read(lambda connection: _position(connection, source))
        made = self._slots[number] = Slot(directory_of(self._state, number), source, start)
        return made

    async def _ship(self, slot: Slot) -> Parcel:
        parcel = await asyncio.to_thread(slot.next, BATCH)
        added = replaced = 0
        if parcel.rows or parcel.checkpoint != slot.brought:
            now = int(self._clock.now() * 1000)

            def work(connection: Connection) -> Changes:
                if _position(connection, slot.source) != slot.brought:
                    raise _Moved("the store does not have what was brought: it lost it, or another process ships the same log")
                changes = bring(connection, parcel.rows, self._budgets)
                reached(connection, slot.source, parcel.checkpoint, now)
                return changes

            async with self.bringing:
                try:
                    changes = await self._store.write(work)
                except BaseException:
                    self._budgets.forget_own()
                    raise
                self._budgets.brought(changes)
            added, replaced = len(changes.added), len(changes.replaced)
        slot.done()
        self.rows += added
        self.replaced += replaced
        for damage in parcel.damages:
            self.damages += 1
            self._log("error", "ledger_damaged", log=slot.source, at=str(damage.at), bytes=damage.size, why=damage.why)
        return parcel

    async def _expire(self) -> None:
        now = self._clock.monotonic()
        if now - self._expired < EXPIRE_SECONDS:
            return
        self._expired = now
        for slot in self._slots.values():
            await asyncio.to_thread(slot.expire, self._section(), self._clock.now())

    def _status(self) -> Status:
        logs = []
        for number, slot in sorted(self._slots.items()):
            names = [path.name for path in quarantined(slot.directory)]
            logs.append(
                SlotStatus(
                    number,
                    *slot.brought,
                    slot.waiting(),
                    slot.size(),
                    slot.running,
                    slot.unknown,
                    slot.orphans,
                    names,
                )
            )
        waiting = sum(log.waiting_bytes for log in logs)
        behind = max(self._clock.monotonic() - self._since, 0.0) if self.problem else 0.0
        return Status(waiting, round(behind, 1), self.problem, self.rows, self.replaced, self.damages, logs)


def _position(connection: Connection, source: str) -> Position:
    at = shipped.position(connection, source)
    return Position() if at is None else Position(at.segment, at.offset)
