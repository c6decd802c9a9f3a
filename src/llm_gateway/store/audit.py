"""The audit log's rows: of each node a chain, to which rows are only ever added, one behind the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, and_, delete, func, select, text, tuple_

from llm_gateway.store.mapping import add, chosen, every, one
from llm_gateway.store.rows import AuditRow
from llm_gateway.store.tables import audit

LOCK = 0x6C6C_6D61
"""Of PostgreSQL's advisory locks, the one under which the chain grows."""
BATCH = 1000
_ALL = chosen(audit, AuditRow)


def append(connection: Connection, node: str, make: Callable[[AuditRow | None], AuditRow]) -> AuditRow:
    """`make` gets a node's newest row (None: there is none) and gives the one behind it. One at a time, whoever appends.

    Raises Conflict if its number or its event is there already.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    row = make(newest(connection, node))
    add(connection, audit, row)
    return row


def newest(connection: Connection, node: str) -> AuditRow | None:
    return one(connection, _ALL.where(audit.c.node == node).order_by(audit.c.seq.desc()).limit(1), AuditRow)


def listed(  # noqa: PLR0913 - filters, each by name
    connection: Connection,
    *,
    since: int | None = None,
    until: int | None = None,
    actor: str | None = None,
    action: str | None = None,
    resource: str | None = None,
    within: str | None = None,
    before: tuple[int, str] | None = None,
    limit: int = 100,
) -> list[AuditRow]:
    """Of all nodes, newest first. `before`: time and event of the last one of the page before; times are Unix milliseconds;
    `within`: about this resource, or what is inside of it.
    """
    query = _ALL
    for column, wanted in ((audit.c.actor, actor), (audit.c.action, action), (audit.c.resource, resource)):
        if wanted is not None:
            query = query.where(column == wanted)
    if within is not None:
        inside = f"{within}/"  # by its beginning: LIKE takes one tenant's name for another's in other letters (SQLite)
        query = query.where((audit.c.resource == within) | (func.substr(audit.c.resource, 1, len(inside)) == inside))
    if since is not None:
        query = query.where(audit.c.at >= since)
    if until is not None:
        query = query.where(audit.c.at < until)
    if before is not None:
        query = query.where(tuple_(audit.c.at, audit.c.event_id) < before)
    return every(connection, query.order_by(audit.c.at.desc(), audit.c.event_id.desc()).limit(limit), AuditRow)


def walk(connection: Connection, node: str, first: int = 0) -> Iterator[AuditRow]:
    """Every row of a node from a number on, in the order of the chain, a few at a time in memory."""
    while True:
        mine = audit.c.node == node, audit.c.seq >= first
        rows = every(connection, _ALL.where(*mine).order_by(audit.c.seq).limit(BATCH), AuditRow)
        yield from rows
        if len(rows) < BATCH:
            return
        first = rows[-1].seq + 1


def retain(connection: Connection, before: int) -> int:
    """Lets go of rows from before Unix milliseconds `before`, from each chain's beginning on only; how many that were."""
    kept = select(audit.c.node, func.min(audit.c.seq).label("seq")).where(audit.c.at >= before).group_by(audit.c.node).subquery()
    behind = select(kept.c.seq).where(and_(kept.c.node == audit.c.node, kept.c.seq <= audit.c.seq)).correlate(audit).exists()
    return connection.execute(delete(audit).where(audit.c.at < before, ~behind)).rowcount
