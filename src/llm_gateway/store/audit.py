"""The audit log's rows. They are only ever added, one behind the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, delete, select, text

from llm_gateway.store.mapping import add, chosen, every, one
from llm_gateway.store.rows import AuditRow
from llm_gateway.store.tables import audit

LOCK = 0x6C6C_6D61
"""Of PostgreSQL's advisory locks, the one under which the chain grows."""
BATCH = 1000
_ALL = chosen(audit, AuditRow)


def append(connection: Connection, make: Callable[[AuditRow | None], AuditRow]) -> AuditRow:
    """`make` gets the newest row (None: there is none) and gives the one behind it. One at a time, whoever appends.

    Raises Conflict if its number or its event is there already.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    row = make(newest(connection))
    add(connection, audit, row)
    return row


def newest(connection: Connection) -> AuditRow | None:
    return one(connection, _ALL.order_by(audit.c.seq.desc()).limit(1), AuditRow)


def listed(  # noqa: PLR0913 - filters, each by name
    connection: Connection,
    *,
    since: int | None = None,
    until: int | None = None,
    actor: str | None = None,
    action: str | None = None,
    resource: str | None = None,
    within: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[AuditRow]:
    """Newest first. `before` is a number (`seq`): the last one of the page before; times are Unix milliseconds; `within`: about
    this resource, or what is inside of it.
    """
    query = _ALL
    for column, wanted in ((audit.c.actor, actor), (audit.c.action, action), (audit.c.resource, resource)):
        if wanted is not None:
            query = query.where(column == wanted)
    if within is not None:
        query = query.where((audit.c.resource == within) | audit.c.resource.startswith(f"{within}/", autoescape=True))
    if since is not None:
        query = query.where(audit.c.at >= since)
    if until is not None:
        query = query.where(audit.c.at < until)
    if before is not None:
        query = query.where(audit.c.seq < before)
    return every(connection, query.order_by(audit.c.seq.desc()).limit(limit), AuditRow)


def walk(connection: Connection, first: int = 0) -> Iterator[AuditRow]:
    """Every row from a number on, in the order of the chain, a few at a time in memory."""
    while True:
        rows = every(connection, _ALL.where(audit.c.seq >= first).order_by(audit.c.seq).limit(BATCH), AuditRow)
        yield from rows
        if len(rows) < BATCH:
            return
        first = rows[-1].seq + 1


def retain(connection: Connection, before: int) -> int:
    """Lets go of rows from before Unix milliseconds `before`, from the chain's beginning on only; how many that were."""
    first_kept = connection.execute(select(audit.c.seq).where(audit.c.at >= before).order_by(audit.c.seq).limit(1)).scalar()
    old = audit.c.at < before if first_kept is None else audit.c.seq < first_kept
    return connection.execute(delete(audit).where(old)).rowcount
