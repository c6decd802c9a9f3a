"""Content logging in control: takes what workers tell, hides what must not be kept, writes it sealed, and lets it expire.

What waits is bounded in bytes, what is written is bounded in bytes a second; what comes beyond is dropped and counted. Reading,
hiding and writing happen in a thread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from llm_gateway.config.schema import Config
from llm_gateway.config.schema.content import Content
from llm_gateway.control.content.files import HOUR, ContentFiles
from llm_gateway.control.content.reading import record_of
from llm_gateway.core.clock import Clock
from llm_gateway.credentials.ring import Ring
from llm_gateway.telemetry.content import Said
from llm_gateway.telemetry.journal import Log, timestamp

MOST_BYTES = 16 << 20
"""Of requests that wait to be written."""
BATCH = 64
SWEEP_SECONDS = 60.0
QUIET_SECONDS = 60.0
"""Between two lines in the log about a disk that does not take them."""
MOST_READ = 64 << 20
"""Bytes of files that one question looks at."""


class ContentLog:
    """One per control process.

    Counted: `written`; `dropped` (workers or control had no room, or too many in a second); `failed` (the disk).
    """

    def __init__(self, state: Path, ring: Ring, clock: Clock, log: Log, config: Callable[[], Config]) -> None:
        self.files = ContentFiles(state, ring)
        self._clock = clock
        self._log = log
        self._config = config
        self._queue: deque[Said] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._writing = asyncio.Lock()
        """One thread at a time makes or deletes files."""
        self._forgotten: dict[str, float] = {}
        """Tenants, and until when what they said is not to be written any more, Unix seconds."""
        self._second, self._spent = 0.0, 0
        self._told_at = float("-inf")
        self.written = self.dropped = self.failed = 0

    @property
    def settings(self) -> Content:
        """Those that hold now."""
        return self._config().telemetry.content

    def samples(self) -> Iterator[tuple[str, tuple[str, ...], float]]:
        """For /metrics (telemetry.content_families)."""
        if self.settings.on:
            yield "gateway_content_records_total", (), self.written
            yield "gateway_content_dropped_total", (), self.dropped
            yield "gateway_content_failed_total", (), self.failed

    def told(self, _worker: Any, body: Any) -> None:
        """A worker's message. Raises msgspec.ValidationError."""
        packed, dropped = msgspec.convert(body, tuple[bytes, int])
        self.dropped += dropped
        tenants = self._tenants()
        for said in msgspec.msgpack.decode(packed, type=list[Said]):
            if said.tenant not in tenants:
                continue  # until a moment ago it was
            if self._bytes >= MOST_BYTES:
                self.dropped += 1
                continue
            self._queue.append(said)
            self._bytes += len(said.request) + len(said.answer)
        if self._queue:
            self._arrived.set()

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._write_always()), loop.create_task(self._sweep_always())]

    async def close(self) -> None:
        """What waits is written."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._queue:
            await self._write()

    async def _write_always(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                await self._write()

    async def _write(self) -> None:
        async with self._writing:
            await self._write_some()

    async def _write_some(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        self._bytes -= sum(len(said.request) + len(said.answer) for said in batch)
        tenants, settings = self._tenants(), self.settings
        # The switch may have been thrown meanwhile, or all that was kept of somebody deleted.
        batch = [said for said in batch if said.tenant in tenants and said.at > self._forgotten.get(said.tenant, 0.0)]
        try:
            await asyncio.to_thread(self._written, batch, settings)
        except OSError as error:
            self.failed += len(batch)
            self._complain(error.strerror or str(error))
        except Exception as bug:  # noqa: BLE001 - the next ones may be written
            self.failed += len(batch)
            self._complain(f"a bug: {type(bug).__name__}")

    def _written(self, batch: list[Said], settings: Content) -> None:
        """In a thread. What is done is taken out of `batch`. Raises OSError."""
        batch.sort(key=lambda said: (said.tenant, said.at))
        while batch:
            _, together = next(groupby(batch, key=_file))
            group = list(together)
            records: list[bytes] = []
            dropped = 0
            for said in group:
                record = msgspec.json.encode(record_of(said, int(settings.record)))
                if self._may(len(record), int(settings.rate)):
                    records.append(record)
                else:
                    dropped += 1
            if records:
                self.files.append(group[0].tenant, group[0].at, records)
            self.written += len(records)
            self.dropped += dropped
            del batch[: len(group)]

    def _may(self, size: int, rate: int) -> bool:
        """Whether so much more is written in this second."""
        now = self._clock.monotonic()
        if now >= self._second + 1.0:
            self._second, self._spent = now, 0
        self._spent += size
        return self._spent <= rate

    async def _sweep_always(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """What is too old, too much, or of a tenant that does not agree any more."""
        settings = self.settings
        oldest = self._clock.now() - float(settings.keep)
        try:
            async with self._writing:  # a folder that is empty goes: not while a file is made in it
                await asyncio.to_thread(self.files.sweep, oldest, int(settings.size), frozenset(settings.tenants))
        except OSError as error:
            self._complain(error.strerror or str(error))

    async def forget(self, tenant: str) -> None:
        """Delete all that was said up to now, also what is still on its way. Raises OSError."""
        self._forgotten[tenant] = self._clock.now()
        async with self._writing:
            await asyncio.to_thread(self.files.forget, tenant)

    def found(
        self, tenant: str, since: float, until: float, limit: int, wanted: Callable[[dict[str, Any]], bool]
    ) -> tuple[list[dict[str, Any]], bool, int]:
        """In a thread: the newest records that are `wanted`, whether there may be more, and how many do not open."""
        since = max(since, self._clock.now() - float(self.settings.keep))
        first, last = _stamp(since), _stamp(until)
        records: list[dict[str, Any]] = []
        unreadable = looked = 0
        for data, size in self.files.newest(tenant, since, until):
            looked += size
            if looked > MOST_READ:
                return records, True, unreadable
            if data is None:
                unreadable += 1
                continue
            record = msgspec.json.decode(data)
            if first <= record["at"] < last and wanted(record):
                if len(records) == limit:
                    return records, True, unreadable
                records.append(record)
        return records, False, unreadable

    def _tenants(self) -> frozenset[str]:
        settings = self.settings
        return frozenset(settings.tenants if settings.on else ())

    def _complain(self, why: str) -> None:
        now = self._clock.monotonic()
        if now >= self._told_at + QUIET_SECONDS:
            self._told_at = now
            self._log("error", "content_not_written", why=why)


def _file(said: Said) -> tuple[str, float]:
    """Of the tenant, and of which hour: it is written to one file with others of these."""
    return said.tenant, said.at // HOUR


def _stamp(seconds: float) -> str:
    """As records have their times."""
    return timestamp(min(max(seconds, 0.0), 253402300799.0))
