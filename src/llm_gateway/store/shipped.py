"""How far each write-ahead log was brought into the ledger: written in the transaction that brings the rows."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from llm_gateway.store.marks import upsert
from llm_gateway.store.rows import Position
from llm_gateway.store.tables import shipped


def position(connection: Connection, source: str) -> Position | None:
    """None: nothing of it was brought yet."""
    row = connection.execute(select(shipped.c.segment, shipped.c.offset).where(shipped.c.source == source)).one_or_none()
    return None if row is None else Position(*row)


def positions(connection: Connection) -> dict[str, Position]:
    return {row.source: Position(row.segment, row.offset) for row in connection.execute(select(shipped))}


def reached(connection: Connection, source: str, position: Position, now: int) -> None:
    """From now on what lies before it is known to be in the ledger."""
    values = {"source": source, "segment": position.segment, "offset": position.offset, "at": now}
    statement = upsert(connection)(shipped).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=values))


def forget(connection: Connection, source: str) -> None:
    """Its log is gone."""
    connection.execute(delete(shipped).where(shipped.c.source == source))
