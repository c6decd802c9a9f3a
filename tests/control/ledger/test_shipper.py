"""From workers' logs into the store."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from control.ledger.books import Direct, Writer, clock, noted
from llm_gateway.accounting.scan import Position
from llm_gateway.accounting.segment import name_of
from llm_gateway.config.schema.ledger import Ledger as Section
from llm_gateway.config.values import Duration
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.control.ledger.shipper import Shipper
from llm_gateway.control.ledger.wired import node_of
from llm_gateway.store import ledger, rollups, shipped
from llm_gateway.store.connect import Store
from llm_gateway.store.errors import StoreError
from llm_gateway.store.filters import Filter
from llm_gateway.store.rows import Position as Reached

KEPT = Section(keep=Duration(0))


def shipper(state: Path, store: Direct, section: Section = KEPT) -> Shipper:
    return Shipper(state, "node", store, Budgets(clock()), lambda: section, clock(), noted())


def rows(store: Store) -> dict[str, tuple[str, int]]:
    page = store.read(lambda connection: ledger.listed(connection, Filter(), limit=1000))
    return {row.id: (row.status, row.cost) for row in page.rows}


def test_what_ended_is_shipped_while_the_worker_writes(store: Store, tmp_path: Path) -> None:
    """Requests that run have no row; their log begins with them for whoever comes next."""
    writer, direct = Writer(tmp_path), Direct(store)
    one = shipper(tmp_path, direct)
    done, runs = writer.whole(), writer.begin()
    asyncio.run(one.once())
    assert rows(store) == {done: ("completed", 5)}
    assert store.read(lambda connection: shipped.position(connection, "node/0")) == Reached(*Position.of(runs[1]))
    writer.end(runs, 7)
    asyncio.run(one.once())
    assert rows(store)[runs[0]] == ("completed", 7)
    before = direct.writes
    asyncio.run(one.once())
    assert direct.writes == before
    writer.wal.close()


def test_logs_of_all_slots_there_ever_were(store: Store, tmp_path: Path) -> None:
    """L#13280: also of a worker that was taken away, and what it left unfinished is a row with an estimate."""
    gone, here = Writer(tmp_path, 7), Writer(tmp_path, 0)
    begun = gone.begin(cost=30)
    gone.wal.close()
    runs = here.begin()
    asyncio.run(shipper(tmp_path, Direct(store)).once())
    assert rows(store) == {begun[0]: ("interrupted", 30)}
    here.end(runs)
    here.wal.close()


def test_a_new_control_process_goes_on_without_doubling(store: Store, tmp_path: Path) -> None:
    """L PR#35931: though it reads a part of the log again, each row is there once, and so are its sums."""
    writer = Writer(tmp_path)
    runs = writer.begin()
    done = [writer.whole(cost) for cost in (1, 2, 3)]
    for _ in range(3):
        asyncio.run(shipper(tmp_path, Direct(store)).once())
    writer.end(runs, 4)
    asyncio.run(shipper(tmp_path, Direct(store)).once())
    assert sorted(rows(store)) == sorted([*done, runs[0]])
    day = store.read(rollups.days)
    assert day is not None
    assert store.read(lambda connection: rollups.differences(connection, day[0])) == []
    writer.wal.close()


def test_a_store_that_is_away_is_waited_for(store: Store, tmp_path: Path) -> None:
    """C32: nothing is lost, what waits is told, and it is shipped once when the store is back."""
    writer, direct = Writer(tmp_path), Direct(store)
    one = shipper(tmp_path, direct)
    first = writer.whole()
    asyncio.run(one.once())
    direct.away = True
    others = [writer.whole() for _ in range(10)]

    async def run() -> None:
        one._sleep = slept
        one.start()
        while not one.problem:
            await asyncio.sleep(0)
        status = await one.status()
        assert status.problem == "it is away"
        assert status.waiting_bytes > 500
        assert not caught.done()
        direct.away = False
        await asyncio.wait_for(caught, 5)
        assert (await one.status()).waiting_bytes == 0
        await one.close()

    async def slept(_seconds: float) -> None:
        await asyncio.sleep(0.001)

    async def whole() -> None:
        nonlocal caught
        caught = asyncio.ensure_future(one.caught_up())
        await run()

    caught: asyncio.Future[None]
    asyncio.run(whole())
    assert sorted(rows(store)) == sorted([first, *others])
    writer.wal.close()


def test_what_the_store_lost_is_brought_again(store: Store, tmp_path: Path) -> None:
    """A database that comes back without its last transactions: the log is read again from where it says that it is."""
    writer, direct = Writer(tmp_path), Direct(store)
    one = shipper(tmp_path, direct)
    first = writer.whole()
    asyncio.run(one.once())

    def lose(connection: object) -> None:
        shipped.forget(connection, "node/0")  # type: ignore[arg-type]

    store.write(lose)
    second = writer.whole()
    with pytest.raises(Exception, match="lost it"):
        asyncio.run(one.once())
    asyncio.run(one.once())
    assert sorted(rows(store)) == sorted([first, second])
    writer.wal.close()


def test_a_transaction_whose_end_nobody_saw(store: Store, tmp_path: Path) -> None:
    """It was done, and the connection broke: it is not done twice."""
    writer, direct = Writer(tmp_path), Direct(store)
    one = shipper(tmp_path, direct)
    done = writer.whole()
    write = direct.write

    async def broken(work: object) -> object:
        await write(work)
        raise StoreError("the connection broke")

    direct.write = broken  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        asyncio.run(one.once())
    direct.write = write  # type: ignore[method-assign]
    with pytest.raises(Exception, match="lost it"):
        asyncio.run(one.once())
    asyncio.run(one.once())
    assert list(rows(store)) == [done]
    writer.wal.close()


def test_files_go_when_they_are_in_the_store(store: Store, tmp_path: Path) -> None:
    """Only then, and only when they are old enough: `ledger.keep`."""
    writer, direct = Writer(tmp_path), Direct(store)
    for _ in range(9000):
        writer.whole()
    one = shipper(tmp_path, direct)
    asyncio.run(one.once())
    writer.whole()
    slot = one._slots[0]
    assert slot.expire(Section(), clock().now()) == 0
    current = slot.brought.segment  # they are numbered from 1; the next one may be ready, or not yet
    assert slot.expire(KEPT, clock().now() * 2) == current - 1 > 0
    assert min(path.name for path in (tmp_path / "ledger" / "0").glob("*.wal")) == name_of(current)
    writer.wal.close()
    asyncio.run(one.once())
    assert len(rows(store)) == 1000  # a page of 9,001


def test_a_damaged_log_is_told(store: Store, tmp_path: Path) -> None:
    """What cannot be read is reported and counted; the rest is shipped."""
    writer, direct = Writer(tmp_path), Direct(store)
    first, second, third = (writer.whole() for _ in range(3))
    writer.wal.close()
    file = next((tmp_path / "ledger" / "0").glob("*.wal"))
    data = bytearray(file.read_bytes())
    at = data.find(second.encode(), data.find(second.encode()) + 1)
    data[at] ^= 1
    file.write_bytes(data)
    one = shipper(tmp_path, direct)
    asyncio.run(one.once())
    found = rows(store)
    assert found[first][0] == found[third][0] == "completed"
    assert found[second] == ("interrupted", 30)
    assert one.damages == 1


def test_a_state_directory_that_was_emptied(store: Store, tmp_path: Path) -> None:
    """Its logs begin anew, under another name: they are shipped from their beginning."""
    ids = []
    for _ in range(2):
        writer = Writer(tmp_path)
        ids.append(writer.whole())
        made = Shipper(tmp_path, node_of(tmp_path), Direct(store), Budgets(clock()), lambda: KEPT, clock(), noted())
        asyncio.run(made.once())
        writer.wal.close()
        shutil.rmtree(tmp_path / "ledger")
    assert set(ids) == rows(store).keys()


def test_what_came_last_is_shipped_at_the_end(store: Store, tmp_path: Path) -> None:
    """What was written since the last look is in the store when control has ended, also if a transaction was interrupted."""
    writer, direct = Writer(tmp_path), Direct(store)
    one = shipper(tmp_path, direct)

    async def run() -> None:
        one.start()
        await asyncio.wait_for(one.caught_up(), 10)
        writer.whole()
        for slot in one._slots.values():
            slot.next(1000)  # read, and the task ended before it was written
        await one.close()

    writer.whole()
    asyncio.run(run())
    assert len(rows(store)) == 2
    writer.wal.close()


def test_a_store_that_is_away_does_not_keep_it_from_ending(store: Store, tmp_path: Path) -> None:
    """What waits stays in the log, the end says so, and the next control process ships it."""
    writer, direct = Writer(tmp_path), Direct(store)
    told: list[str] = []
    log = lambda _level, event, **_facts: told.append(event)  # noqa: E731 - a Log
    one = Shipper(tmp_path, "node", direct, Budgets(clock()), lambda: KEPT, clock(), log)  # type: ignore[arg-type]

    async def run() -> None:
        one.start()
        await asyncio.wait_for(one.caught_up(), 10)
        direct.away = True
        writer.whole()
        await one.close()

    asyncio.run(run())
    assert told.count("ledger_left") == 1
    assert rows(store) == {}
    direct.away = False
    asyncio.run(shipper(tmp_path, direct).once())
    assert len(rows(store)) == 1
    writer.wal.close()
