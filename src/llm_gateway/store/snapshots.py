"""The history of snapshots: what was served when, sealed, so that one of them can be gone back to."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select, text

from llm_gateway.store.mapping import chosen, every, one
from llm_gateway.store.rows import SnapshotRow
from llm_gateway.store.tables import snapshots

LOCK = 0x6C6C_6D73
"""Of PostgreSQL's advisory locks, the one under which numbers are given."""
_ALL = chosen(snapshots, SnapshotRow)


def add(connection: Connection, *, at_least: int, by: str, digest: str, summary: str, document: bytes, now: int) -> int:
    """Keeps one, and gives its number: the next one, and never below `at_least`."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    number = max((connection.execute(select(func.max(snapshots.c.number))).scalar() or 0) + 1, at_least)
    values = {"number": number, "created_at": now, "created_by": by, "digest": digest, "summary": summary, "document": document}
    connection.execute(insert(snapshots).values(values))
    return number


def get(connection: Connection, number: int) -> SnapshotRow | None:
    return one(connection, _ALL.where(snapshots.c.number == number), SnapshotRow)


def document(connection: Connection, number: int) -> bytes | None:
    """As it was given: sealed."""
    return connection.execute(select(snapshots.c.document).where(snapshots.c.number == number)).scalar()


def listed(connection: Connection, *, before: int | None = None, limit: int = 50) -> list[SnapshotRow]:
    """Newest first; `before` is the last number of the page before."""
    query = _ALL if before is None else _ALL.where(snapshots.c.number < before)
    return every(connection, query.order_by(snapshots.c.number.desc()).limit(limit), SnapshotRow)


def retain(connection: Connection, count: int) -> int:
    """Keeps the newest `count`; how many went."""
    oldest = connection.execute(select(snapshots.c.number).order_by(snapshots.c.number.desc()).offset(count).limit(1)).scalar()
    return 0 if oldest is None else connection.execute(delete(snapshots).where(snapshots.c.number <= oldest)).rowcount
