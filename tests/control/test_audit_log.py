"""The audit log in a running control process: nothing is lost silently, and nothing is done that cannot be recorded."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from control.audit_support import SEALS, files
from credentials.support import Lines
from llm_gateway.control.audit import Entry, Event, Point
from llm_gateway.control.audit_files import AuditFiles
from llm_gateway.control.audit_log import AuditLog, AuditUnavailable
from llm_gateway.core.clock import FakeClock


class Disk(AuditFiles):
    """Files on a disk that can be full or slow."""

    full = False
    gate: asyncio.Event | None = None

    def append(self, entries: Sequence[Entry]) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().append(entries)


class Table:
    """A store that can be away."""

    def __init__(self, rows: Sequence[Entry] = ()) -> None:
        self.rows = list(rows)
        self.away = False

    async def last(self) -> Point | None:
        if self.away:
            raise ConnectionError
        return Point(self.rows[-1].seq, self.rows[-1].hash) if self.rows else None

    async def append(self, entries: Sequence[Entry]) -> None:
        if self.away:
            raise ConnectionError
        self.rows += entries


class World:
    def __init__(self, folder: Path, queue: int, table: Table | None) -> None:
        plain = files(folder)
        self.disk = Disk(folder, plain._rules, SEALS, "install")
        self.lines = Lines()
        numbers = count()
        self.log = AuditLog(self.disk, SEALS, lambda: f"{next(numbers):026d}", FakeClock(), self.lines, queue=queue, store=table)

    def actions(self) -> list[str]:
        return [entry.action for entry in self.disk.read() if isinstance(entry, Entry)]

    async def until(self, condition: Any) -> None:
        for _ in range(400):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError


@asynccontextmanager
async def world(folder: Path, queue: int = 100, table: Table | None = None) -> AsyncIterator[World]:
    made = World(folder, queue, table)
    await made.log.start()
    try:
        yield made
    finally:
        await made.log.close(0.5)


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 20))


def event(action: str) -> Event:
    return Event(action=action, actor="key_1")


def test_what_was_recorded_is_on_the_disk(tmp_path: Path) -> None:
    """When record returns, for many at once; events follow by themselves, at the latest when the log is closed."""

    async def main() -> None:
        async with world(tmp_path) as w:
            made = await asyncio.gather(*(w.log.record(event(f"a{index}")) for index in range(20)))
            assert [entry.seq for entry in made] == list(range(1, 21))
            assert w.actions() == [f"a{index}" for index in range(20)]
            w.log.note(event("noted"))
        assert w.actions()[-1] == "noted"
        assert w.disk.check().broken is None
        async with world(tmp_path) as w:
            assert (await w.log.record(event("after"))).seq == 22

    run(main())


def test_a_full_disk_refuses_actions_and_keeps_events(tmp_path: Path) -> None:
    """Loudly; when there is room again the events are written, and what found no place is an entry with their number."""

    async def main() -> None:
        async with world(tmp_path, queue=4) as w:
            w.disk.full = True
            with pytest.raises(AuditUnavailable):
                await w.log.record(event("refused"))
            for index in range(10):
                w.log.note(event(f"e{index}"))
            assert w.log.lost == 6
            with pytest.raises(AuditUnavailable):
                await w.log.record(event("refused at once"))
            assert "audit_not_written" in w.lines.events()
            w.disk.full = False
            await w.until(lambda: len(w.actions()) == 5)
            assert w.actions() == ["e0", "e1", "e2", "e3", "audit.lost"]
            assert '"count":6' in w.disk.last(1)[0].after
            assert (await w.log.record(event("works"))).seq == 6
            assert w.disk.check().broken is None
            assert "audit_recovered" in w.lines.events()

    run(main())


def test_what_is_lost_at_the_end_is_told(tmp_path: Path) -> None:
    """A disk that stays full when the gateway ends."""

    async def main() -> None:
        async with world(tmp_path) as w:
            w.disk.full = True
            w.log.note(event("lost"))
        assert ("error", "audit_lost", {"entries": 1}) in w.lines.all

    run(main())


def test_the_store_gets_what_it_missed(tmp_path: Path) -> None:
    """While it is away nothing is lost, and nothing waits for it; afterwards it has everything once."""

    async def main() -> None:
        table = Table()
        async with world(tmp_path, table=table) as w:
            await w.log.record(event("one"))
            await w.until(lambda: len(table.rows) == 1)
            table.away = True
            for index in range(5):
                await w.log.record(event(f"a{index}"))
            await w.until(lambda: "audit_store_away" in w.lines.events())
            table.away = False
            await w.until(lambda: len(table.rows) == 6)
        async with world(tmp_path, table=table) as w:
            await w.log.record(event("next"))
            await w.until(lambda: len(table.rows) == 7)
            assert [row.seq for row in table.rows] == list(range(1, 8))

    run(main())


def test_a_store_with_another_chain_gets_nothing(tmp_path: Path) -> None:
    """Somebody changed it, or it belongs to another installation: the log says so."""

    async def main() -> None:
        async with world(tmp_path / "other") as w:
            theirs = await w.log.record(event("theirs"))
        table = Table([theirs])
        async with world(tmp_path / "own", table=table) as w:
            await w.log.record(event("one"))
            await w.log.record(event("two"))
            await w.until(lambda: "audit_diverged" in w.lines.events())
            assert table.rows == [theirs]

    run(main())


def test_damage_is_recorded(tmp_path: Path) -> None:
    """What was found to be wrong at the start stands in the log and in the record."""

    async def main() -> None:
        async with world(tmp_path) as w:
            await w.log.record(event("one"))
        (tmp_path / "head.json").unlink()
        async with world(tmp_path) as w:
            await w.until(lambda: w.actions() == ["one", "audit.damaged"])
            assert "audit_damaged" in w.lines.events()

    run(main())
