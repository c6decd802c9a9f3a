"""Looks at many rows."""

from __future__ import annotations

from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger, ledger_reading
from llm_gateway.store.connect import Store
from llm_gateway.store.filters import Filter


def test_a_walk_sees_every_row_once(store: Store, monkeypatch) -> None:
    """The oldest first, whatever the size of its steps."""
    monkeypatch.setattr(ledger_reading, "BATCH", 7)
    rows = [LedgerRow(f"{number:03d}", 1000 + number // 3, tenant="a" if number % 2 else "b") for number in range(50)]
    store.write(lambda connection: ledger.put(connection, rows))
    pages = list(ledger_reading.walk(store.read, Filter()))
    assert [row.id for page in pages for row in page] == [row.id for row in rows]
    assert max(map(len, pages)) == 7
    some = ledger_reading.walk(store.read, Filter(since=1005, until=1010, tenant="a"))
    assert [row.id for page in some for row in page] == [row.id for row in rows if 1005 <= row.at < 1010 and row.tenant == "a"]


def test_costs_and_corrections(store: Store) -> None:
    """Of those that are there."""
    rows = [LedgerRow("1", 5, cost=10), LedgerRow("2", 6, cost=-3, corrects="1", status="correction"), LedgerRow("3", 7, cost=9)]
    store.write(lambda connection: ledger.put(connection, rows))
    assert store.read(lambda c: ledger_reading.costs(c, ["1", "2", "x"])) == {"1": ("completed", 10), "2": ("correction", -3)}
    assert [store.read(lambda c, ident=ident: ledger_reading.so_far(c, ident)) for ident in ("1", "3", "")] == [-3, 0, 0]
