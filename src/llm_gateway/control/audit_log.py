"""The audit log as the control process uses it: nothing waits for the disk but an admin action that must not go unrecorded.

One thread writes. What cannot be written is tried again, for ever; an admin action is refused meanwhile, and events of workers
wait in a bounded queue, beyond which they are counted, and the count becomes an entry. The store follows the files: while it is
away nothing is lost, because it is sent what it lacks afterwards.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

from llm_gateway.control.audit import Entry, Event, Point, Seals, Unreadable, link
from llm_gateway.control.audit_files import AuditFiles
from llm_gateway.core.clock import Clock
from llm_gateway.core.within import within
from llm_gateway.telemetry.journal import Level

BATCH = 256
RECORD_SECONDS = 5.0
"""How long an admin action waits for its entry."""
SHIP = 500
"""Entries that the store is sent at once."""
PRUNE_SECONDS = 3600.0
_BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class AuditUnavailable(Exception):
    """An action cannot be recorded now, and so must not be done."""


class Log(Protocol):
    def __call__(self, level: Level, event: str, **fields: Any) -> None: ...


class AuditStore(Protocol):
    """The table `audit`. Both raise whatever they like when the store is away."""

    async def last(self) -> Point | None:
        """The newest entry there."""
        ...

    async def append(self, entries: Sequence[Entry]) -> None:
        """Entries that follow the newest one."""
        ...


class _Waiting:
    __slots__ = ("at", "done", "event")

    def __init__(self, event: Event, at: int, done: asyncio.Future[Entry] | None) -> None:
        self.event = event
        self.at = at
        self.done = done


class AuditLog:
    """One for an installation. `start` it in a running loop, `close` it at the end."""

    def __init__(
        self,
        files: AuditFiles,
        seals: Seals,
        new_id: Callable[[], str],
        clock: Clock,
        log: Log,
        *,
        queue: int,
        store: AuditStore | None = None,
    ) -> None:
        """`new_id` makes ULIDs; `queue`: most entries that wait."""
        self._files = files
        self._seals = seals
        self._new_id = new_id
        self._clock = clock
        self._log = log
        self._most = queue
        self._store = store
        self._waiting: deque[_Waiting] = deque()
        self.diverged = False
        """Whether the store has another chain of entries than the files."""
        self._at: Point | None = None
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self._tasks: list[asyncio.Task[None]] = []
        self._failures = 0
        self._closing = False
        self._pruned_at = clock.monotonic()
        self.lost = 0
        """Events of workers that found no place, since the start."""
        self._unsaid = 0

    async def start(self, beginning: Point | None = None) -> None:
        """Open the files and begin. `beginning`: the store's newest entry, for an empty folder. Raises OSError."""
        loop = asyncio.get_running_loop()
        opened = await loop.run_in_executor(self._thread, self._files.open, beginning)
        self._at = opened.at
        for text in opened.found:
            self._log("error", "audit_damaged", what=text)
            self.note(Event(action="audit.damaged", actor="system", result="failure", after={"what": text}))
        self._tasks = [loop.create_task(self._write())]
        if self._store is not None:
            self._tasks.append(loop.create_task(self._ship(self._store)))

    def note(self, event: Event) -> None:
        """Record it when there is time. Never waits."""
        if len(self._waiting) >= self._most:
            self.lost += 1
            self._unsaid += 1
            return
        self._push(event, None)

    async def record(self, event: Event, seconds: float = RECORD_SECONDS) -> Entry:
        """Record it and return when it is on the disk. Raises AuditUnavailable.

        An action that was refused because the disk was too slow may still have its entry afterwards.
        """
        if len(self._waiting) >= self._most or self._closing:
            raise AuditUnavailable("The audit log cannot be written, so this action is refused. See the gateway's log.")
        done: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._push(event, done)
        with suppress(TimeoutError):
            return await within(done, seconds)
        raise AuditUnavailable("The audit log could not be written in time, so this action is refused. See the gateway's log.")

    async def close(self, seconds: float = 5.0) -> None:
        """Write what waits, for so long at most; what cannot be written is told to the log."""
        self._closing = True
        self._wake.set()
        if self._tasks:
            await asyncio.wait(self._tasks[:1], timeout=seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._waiting or self._unsaid:
            self._log("error", "audit_lost", entries=len(self._waiting) + self._unsaid)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._files.close)
        self._thread.shutdown(wait=False)

    def _push(self, event: Event, done: asyncio.Future[Entry] | None) -> None:
        self._waiting.append(_Waiting(event, int(self._clock.now() * 1000), done))
        self._wake.set()

    async def _write(self) -> None:
        while self._waiting or self._unsaid or not self._closing:
            if not self._waiting and not self._unsaid:
                await self._wake.wait()
            self._wake.clear()
            batch = self._batch()
            if batch:
                await self._write_batch(batch)
            await self._prune()

    def _batch(self) -> list[_Waiting]:
        """The next entries; an action that nobody waits for any more was refused, and is none."""
        if self._unsaid and len(self._waiting) < self._most:
            lost, self._unsaid = self._unsaid, 0
            self._push(Event(action="audit.lost", actor="system", result="failure", after={"count": lost}), None)
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < BATCH:
            one = self._waiting.popleft()
            if one.done is None or not one.done.done():
                batch.append(one)
        return batch

    async def _write_batch(self, batch: list[_Waiting]) -> None:
        entries: list[Entry] = []
        at = self._at
        assert at is not None  # noqa: S101 - start set it
        for one in batch:
            entry = link(one.event, at, event_id=self._new_id(), at=one.at, seals=self._seals)
            at = Point(entry.seq, entry.hash)
            entries.append(entry)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._files.append, entries)
        except OSError as error:
            await self._not_written(batch, error)
            return
        if self._failures:
            self._log("info", "audit_recovered", failures=self._failures)
        self._at, self._failures = at, 0
        for one, entry in zip(batch, entries, strict=True):
            if one.done is not None and not one.done.done():
                one.done.set_result(entry)
        self._written.set()

    async def _not_written(self, batch: list[_Waiting], error: OSError) -> None:
        """Actions are refused at once; events go back to where they were."""
        for one in batch:
            if one.done is not None and not one.done.done():
                one.done.set_exception(AuditUnavailable("The audit log cannot be written, so this action is refused."))
        self._waiting.extendleft(one for one in reversed(batch) if one.done is None)
        pause = _BACKOFF[min(self._failures, len(_BACKOFF) - 1)]
        self._failures += 1
        self._log("error", "audit_not_written", why=error.strerror or str(error), waiting=len(self._waiting))
        await asyncio.sleep(0.1 if self._closing else pause)

    async def _prune(self) -> None:
        now = self._clock.monotonic()
        if now >= self._pruned_at + PRUNE_SECONDS:
            self._pruned_at = now
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._files.prune, self._clock.now())
            except OSError as error:
                self._log("warning", "audit_not_pruned", why=error.strerror or str(error))

    async def _ship(self, store: AuditStore) -> None:
        """Send the store what it lacks, now and after each write."""
        failures = 0
        while True:
            self._written.clear()
            try:
                if not await self._catch_up(store):
                    return
                failures = 0
                await self._written.wait()
            except Exception as error:  # noqa: BLE001 - the store is away, whatever it says
                if not failures:
                    self._log("warning", "audit_store_away", why=type(error).__name__)
                await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                failures += 1

    async def _catch_up(self, store: AuditStore) -> bool:
        """False: the store has another chain, and gets nothing."""
        loop = asyncio.get_running_loop()
        last = await store.last() or Point(0, b"")
        while self._at is not None and last.seq < self._at.seq:
            entries = await loop.run_in_executor(self._thread, self._behind, last.seq)
            if not entries:
                return True
            if last.seq and entries[0].prev_hash != last.hash:
                self.diverged = True
                self._log("error", "audit_diverged", seq=last.seq, hint="the store's audit table is not of this installation")
                return False
            await store.append(entries)
            last = Point(entries[-1].seq, entries[-1].hash)
        return True

    def _behind(self, seq: int) -> list[Entry]:
        entries: list[Entry] = []
        for one in self._files.read(after=seq):
            if isinstance(one, Unreadable) or len(entries) >= SHIP:
                break
            entries.append(one)
        return entries
