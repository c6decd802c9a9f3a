"""Numbers by name. Other nodes see in them that something changed, without looking at it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from llm_gateway.store.tables import marks

PARTS = ("objects", "keys", "end_users", "provider_keys", "people")
"""What counts its changes."""


def upsert(connection: Connection) -> Any:
    """The dialect's INSERT, which knows ON CONFLICT."""
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert


def get(connection: Connection, name: str) -> int:
    """0 if nobody set it."""
    return connection.execute(select(marks.c.number).where(marks.c.name == name)).scalar() or 0


def put(connection: Connection, name: str, number: int) -> None:
    statement = upsert(connection)(marks).values(name=name, number=number)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"number": statement.excluded.number}))


def count(connection: Connection, name: str) -> int:
    """One more, and what it is now. Until this transaction ends nobody else can count it."""
    statement = upsert(connection)(marks).values(name=name, number=1)
    counted = statement.on_conflict_do_update(index_elements=["name"], set_={"number": marks.c.number + 1})
    return int(connection.execute(counted.returning(marks.c.number)).scalar_one())


def changed(connection: Connection, part: str) -> None:
    """Something of the part is another when this transaction ends."""
    count(connection, f"changed.{part}")


def changes(connection: Connection) -> dict[str, int]:
    """For each part how often it changed: differs from last time if anything did."""
    names = [f"changed.{part}" for part in PARTS]
    found = dict(connection.execute(select(marks.c.name, marks.c.number).where(marks.c.name.in_(names))).all())
    return {part: found.get(name, 0) for part, name in zip(PARTS, names, strict=True)}
