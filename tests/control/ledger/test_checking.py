"""Whether logs, rows, sums and budgets agree, and how they are made to."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import Connection, delete, update

from control.ledger.books import NOON, Direct, Writer, clock, noted
from llm_gateway.config.schema.ledger import Ledger as Section
from llm_gateway.control.ledger.budgets import Asked, Budgets
from llm_gateway.control.ledger.checking import Checking
from llm_gateway.control.ledger.shipper import Shipper
from llm_gateway.store.connect import Store
from llm_gateway.store.tables import budgets_spent, ledger, rollups


def shipped(store: Store, state: Path) -> Checking:
    budgets = Budgets(clock())
    asked = Asked("key:k1:cost:day", "key", "k1", "day", "UTC", 0)
    store.write(lambda connection: budgets.tell(connection, [asked], ""))
    asyncio.run(Shipper(state, "node", Direct(store), budgets, Section, clock(), noted()).once())
    return Checking(store, state, "node", clock())


def test_what_is_right_is_said_to_be(store: Store, tmp_path: Path) -> None:
    """While workers write, and with what is not shipped yet."""
    writer = Writer(tmp_path)
    done = [writer.whole() for _ in range(5)]
    checking = shipped(store, tmp_path)
    writer.begin()
    writer.whole()
    found = checking.verify()
    assert found.right, found.texts
    assert (found.requests_in_logs, found.waiting, found.days) == (6, 6, 1)
    assert [(one.slot, one.waiting_bytes > 0) for one in checking.status()] == [(0, True)]
    assert done
    writer.wal.close()


def test_every_difference_is_told_and_mended(store: Store, tmp_path: Path) -> None:
    """A row that is gone, one that costs something else, a sum and a budget that are wrong. Mended, and again: nothing to do."""
    writer = Writer(tmp_path)
    gone, other, *_ = (writer.whole(cost) for cost in (1, 2, 3))
    writer.wal.close()
    checking = shipped(store, tmp_path)

    def spoil(connection: Connection) -> None:
        connection.execute(delete(ledger).where(ledger.c.id == gone))
        connection.execute(update(ledger).where(ledger.c.id == other).values(cost=99))
        connection.execute(update(rollups).values(cost=rollups.c.cost + 1))
        connection.execute(update(budgets_spent).values(spent=77))

    store.write(spoil)
    found = checking.verify()
    assert (found.missing, found.other_cost, found.sums, found.budgets, found.right) == (1, 1, 1, 1, False)
    assert any(gone in text for text in found.texts)
    assert any("77 is noted" in text for text in found.texts)
    done = checking.rebuild()
    assert (done.missing, done.sums, done.budgets) == (1, 1, 1)
    again = checking.rebuild()
    assert (again.missing, again.sums, again.budgets) == (0, 0, 0)
    left = checking.verify()
    assert (left.missing, left.sums, left.budgets, left.other_cost) == (0, 0, 0, 1)  # a row is never edited


def test_a_damaged_log_is_told(store: Store, tmp_path: Path) -> None:
    """Where, and how many bytes."""
    writer = Writer(tmp_path)
    for _ in range(3):
        writer.whole()
    writer.wal.close()
    checking = shipped(store, tmp_path)
    file = next((tmp_path / "ledger" / "0").glob("*.wal"))
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    assert checking.verify().damages == 1
    assert NOON
