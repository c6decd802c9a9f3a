"""What goes with time."""

from __future__ import annotations

import asyncio

from control.ledger.books import NOON, Direct, clock, noted, put, row
from llm_gateway.config.schema.ledger import Ledger as Section
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.control.ledger.retention import Retention
from llm_gateway.store import ledger, usage
from llm_gateway.store.connect import Store
from llm_gateway.store.filters import Filter

DAY = 86_400


def test_rows_go_and_daily_sums_stay(store: Store) -> None:
    """L#40119: rows older than `keep_days`, in batches or whole months; what they cost is still told for each day."""
    budgets = Budgets(clock())
    put(store, budgets, *(row(f"old{number:04d}", 1, at=NOON - 100 * DAY) for number in range(30)), row("new", 5))
    one = Retention(Direct(store), lambda: Section(keep_days=10), clock(), noted())
    asyncio.run(one.once())
    asyncio.run(one.once())
    assert [found.id for found in store.read(lambda c: ledger.listed(c, Filter(), limit=100)).rows] == ["new"]
    assert store.read(lambda c: usage.usage(c, Filter())).total.cost == 35


def test_zero_keeps_for_ever(store: Store) -> None:
    """Nothing is deleted."""
    put(store, Budgets(clock()), row("old", 1, at=NOON - 3000 * DAY))
    asyncio.run(Retention(Direct(store), lambda: Section(keep_days=0), clock(), noted()).once())
    assert store.read(lambda c: ledger.get(c, "old")) is not None
