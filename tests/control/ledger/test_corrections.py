"""Corrections are rows of their own."""

from __future__ import annotations

import pytest

from control.ledger.books import NOON, clock, put, row
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.control.ledger.corrections import CannotCorrect, correct
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger, rollups, usage
from llm_gateway.store.connect import Store
from llm_gateway.store.filters import Filter

LATER = (NOON + 3600) * 1000


def corrected(store: Store, of: LedgerRow, cost: int, ident: str) -> LedgerRow:
    budgets = Budgets(clock())
    return store.write(lambda connection: correct(connection, of, cost, ident, LATER, budgets))


def test_a_request_costs_what_it_was_corrected_to(store: Store) -> None:
    """L#27588: twice, up and down: the row stays as it was, sums have the last word, and no request is counted twice."""
    first = row("1", 100, input=7, output=9, latency_ms=5.0, estimated=True)
    put(store, Budgets(clock()), first)
    up = corrected(store, first, 150, "2")
    down = corrected(store, first, 20, "3")
    assert (up.cost, down.cost, up.corrects, up.at, up.key, up.tenant) == (50, -130, "1", LATER, "k1", "acme")
    assert store.read(lambda c: ledger.get(c, "1")) == first
    for by in ((), ("tag",)):
        total = store.read(lambda c, by=by: usage.usage(c, Filter(), by)).total
        assert (total.cost, total.requests, total.input, total.output, total.latency_ms) == (20, 1, 7, 9, 5.0)
    day = NOON * 1000 // rollups.DAY * rollups.DAY
    assert store.read(lambda c: rollups.differences(c, day)) == []


def test_what_cannot_be_corrected(store: Store) -> None:
    """A correction; to what it costs already; an estimate whose outcome may come any moment."""
    first, guess = row("1", 100), row("2", 50, at=NOON + 3590, status="interrupted")
    put(store, Budgets(clock()), first, guess)
    made = corrected(store, first, 1, "3")
    for of, cost in ((made, 5), (first, 1), (guess, 5)):
        with pytest.raises(CannotCorrect):
            corrected(store, of, cost, "4")
