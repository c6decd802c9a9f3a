"""Brings rows into the store: the rows, their rollups, what budgets spent and how far the log was read, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from llm_gateway.accounting.scan import Position
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger, rollups, shipped
from llm_gateway.store.ledger import Changes
from llm_gateway.store.rows import Position as Reached


def bring(connection: Connection, rows: Sequence[LedgerRow], budgets: Budgets) -> Changes:
    """What is there already counts nothing. Run again, it changes nothing."""
    changes = ledger.put(connection, sorted(rows, key=_in_order)) if rows else Changes()
    if changes.added or changes.replaced:
        budgets.fold(connection, changes)
        rollups.fold(connection, changes)
    return changes


def reached(connection: Connection, source: str, checkpoint: Position, now: int) -> None:
    """In the transaction that brings the rows. `now`: Unix milliseconds."""
    shipped.reached(connection, source, Reached(checkpoint.segment, checkpoint.offset), now)


def _in_order(row: LedgerRow) -> tuple[str, bool]:
    """Of all who bring rows at once, each takes them in the same order."""
    return row.id, row.status == "interrupted"
