"""The usage ledger in the database: rows come in batches, each at most once, and never change but from a guess to an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Connection, Select, Text, bindparam, delete, func, select, tuple_

from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import marks, partitions
from llm_gateway.store.bulk import Upsert
from llm_gateway.store.entries import COLUMNS, first_of_each, ledger_row, outcome, values
from llm_gateway.store.filters import Filter, conditions
from llm_gateway.store.paging import Page, page
from llm_gateway.store.tables import ledger

BATCH = 2000
"""Rows of one statement."""
SKEW = 86_400_000
"""Milliseconds: a row that comes again within a day of where it was is the same row, whatever its time says now."""
KEPT_FROM = "ledger.kept_from"
"""The mark that tells from which moment on the ledger is whole."""
_ALL: Select[Any] = select(*(ledger.c[name] for name in COLUMNS))
_UPSERT = Upsert(
    ledger,
    COLUMNS,
    ("id", "at"),
    {name: f'excluded."{name}"' for name in COLUMNS if name not in {"id", "at"}},
    where="ledger.status = 'interrupted' AND excluded.status NOT IN ('interrupted', 'correction')",
    returning="id",
)
"""Of two rows of one id the first stays, unless it was a guess and the second is what happened."""


class Changes(msgspec.Struct, frozen=True):
    """What a batch changed, for everything that is folded from the ledger."""

    added: tuple[LedgerRow, ...] = ()
    replaced: tuple[tuple[LedgerRow, LedgerRow], ...] = ()
    """What was marked interrupted, and its outcome."""


def put(connection: Connection, rows: Sequence[LedgerRow]) -> Changes:
    """Adds what is not there. Rows that are there stay as they are, unless they are marked interrupted and this is the outcome.

    Texts longer than 256 characters are cut. At most BATCH rows are looked at in one statement.
    """
    added: list[LedgerRow] = []
    replaced: list[tuple[LedgerRow, LedgerRow]] = []
    for start in range(0, len(rows), BATCH):
        done = _put(connection, first_of_each(rows[start : start + BATCH]))
        added += done.added
        replaced += done.replaced
    return Changes(tuple(added), tuple(replaced))


def _put(connection: Connection, rows: list[LedgerRow]) -> Changes:
    there = _existing(connection, rows)
    old = {ident: row for ident, row in there.items() if isinstance(row, LedgerRow)}
    wanted = [row for row in rows if row.id not in there or (row.id in old and outcome(row.status))]
    if not wanted:
        return Changes()
    # A row keeps the place that it has.
    wanted = [msgspec.structs.replace(row, at=old[row.id].at) if row.id in old else row for row in wanted]
    partitions.make(connection, {partitions.month_of(row.at) for row in wanted})
    taken = _UPSERT.run(connection, [values(row) for row in wanted])
    changed = wanted if taken is None else [row for row in wanted if row.id in taken]
    return Changes(
        tuple(row for row in changed if row.id not in old), tuple((old[row.id], row) for row in changed if row.id in old)
    )


def _existing(connection: Connection, rows: list[LedgerRow]) -> dict[str, LedgerRow | None]:
    """Those that are there by id; with their row if they are marked interrupted."""
    times = [row.at for row in rows]
    ids = [row.id for row in rows]
    if connection.dialect.name == "postgresql":
        mine = ledger.c.id == func.any(bindparam("ids", ids, ARRAY(Text)))
    else:
        mine = ledger.c.id.in_(ids)
    near = ledger.c.at.between(min(times) - SKEW, max(times) + SKEW)
    found = connection.execute(select(ledger.c.id, ledger.c.status).where(mine, near))
    there: dict[str, LedgerRow | None] = {}
    interrupted = []
    for ident, status in found:
        there[ident] = None
        if status == "interrupted":
            interrupted.append(ident)
    if interrupted:
        query = _ALL.where(ledger.c.id.in_(interrupted), near, ledger.c.status == "interrupted").with_for_update()
        for row in connection.execute(query):
            there[row[0]] = ledger_row(row)
    return there


def get(connection: Connection, ident: str) -> LedgerRow | None:
    row = connection.execute(_ALL.where(ledger.c.id == ident)).first()
    return None if row is None else ledger_row(row)


def listed(
    connection: Connection, wanted: Filter, *, limit: int = 100, cursor: str | None = None, descending: bool = True
) -> Page[LedgerRow]:
    """Newest first unless told otherwise. Raises BadCursor."""
    query = _ALL.where(*conditions(ledger, ledger.c.at, wanted))
    order = (ledger.c.at, ledger.c.id)
    return page(connection, query, LedgerRow, order, limit=limit, cursor=cursor, descending=descending, made=ledger_row)


def retain(connection: Connection, before: int, limit: int = BATCH) -> bool:
    """Lets go of rows from before Unix milliseconds `before`; whether there may be more: then call it again.

    PostgreSQL drops whole months, so that rows are kept for up to a month longer; SQLite deletes `limit` rows at a time.
    """
    if connection.dialect.name == "postgresql":
        kept, more = partitions.drop(connection, before), False
    else:
        old = select(ledger.c.id, ledger.c.at).where(ledger.c.at < before).limit(limit)
        kept = before
        more = connection.execute(delete(ledger).where(tuple_(ledger.c.id, ledger.c.at).in_(old))).rowcount == limit
    if kept > marks.get(connection, KEPT_FROM):
        marks.put(connection, KEPT_FROM, kept)
    return more
