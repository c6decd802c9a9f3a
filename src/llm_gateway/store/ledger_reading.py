"""Looks at many rows of the ledger, a few at a time in memory, and at what corrects them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select

from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger as table_of
from llm_gateway.store.filters import Filter
from llm_gateway.store.tables import ledger

BATCH = 1000
Result = TypeVar("Result")
Read = Callable[[Callable[[Connection], Any]], Any]
"""connect.Store.read."""


def so_far(connection: Connection, ident: str) -> int:
    """Nano-dollars by which earlier corrections changed a row."""
    query = select(func.coalesce(func.sum(ledger.c.cost), 0)).where(ledger.c.corrects == ident, ledger.c.corrects != "")
    return int(connection.execute(query).scalar_one())


def costs(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Status and cost of those that are there."""
    query = select(ledger.c.id, ledger.c.status, ledger.c.cost).where(ledger.c.id.in_(ids))
    return {ident: (status, cost) for ident, status, cost in connection.execute(query)}


def walk(read: Read, wanted: Filter) -> Iterator[list[LedgerRow]]:
    """All rows that fit, the oldest first, each page in a transaction of its own: what is added meanwhile may be there or not."""
    cursor: str | None = None
    while True:
        page = read(_page(wanted, cursor))
        yield page.rows
        cursor = page.next
        if cursor is None:
            return


def _page(wanted: Filter, cursor: str | None) -> Callable[[Connection], Any]:
    return lambda connection: table_of.listed(connection, wanted, limit=BATCH, cursor=cursor, descending=False)
