"""Between rows and structs, and the one way in which a row with a version is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Select, Table, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from llm_gateway.store.errors import Conflict, NotThere

Shape = TypeVar("Shape", bound=msgspec.Struct)


def chosen(table: Table, shape: type[msgspec.Struct]) -> Select[Any]:
    """SELECT of the columns that a struct has, in its order."""
    return select(*(table.c[name] for name in shape.__struct_fields__))


def one(connection: Connection, query: Select[Any], shape: type[Shape]) -> Shape | None:
    row = connection.execute(query).one_or_none()
    return None if row is None else shape(*row)


def every(connection: Connection, query: Select[Any], shape: type[Shape]) -> list[Shape]:
    return [shape(*row) for row in connection.execute(query)]


def add(connection: Connection, table: Table, row: msgspec.Struct) -> None:
    """Raises Conflict if something unique of it is there already. The transaction cannot go on after that on PostgreSQL."""
    try:
        connection.execute(insert(table).values(msgspec.structs.asdict(row)))
    except IntegrityError:
        raise Conflict(f"{table.name}: there is one already") from None


def change(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], version: int | None) -> None:
    """Sets `values` and counts the version up. `version` is what the caller saw; None: whatever it is.

    Raises Conflict if it is another one by now, NotThere if the row is gone.
    """
    where = [table.c[name] == value for name, value in key.items()]
    mine = where if version is None else [*where, table.c.version == version]
    try:
        done = connection.execute(update(table).where(*mine).values(**values, version=table.c.version + 1))
    except IntegrityError:
        raise Conflict(f"{table.name}: there is one already") from None
    _must_be_one(connection, table, where, done.rowcount)


def remove(connection: Connection, table: Table, key: Mapping[str, Any], version: int | None) -> None:
    """Raises as `change` does."""
    where = [table.c[name] == value for name, value in key.items()]
    mine = where if version is None else [*where, table.c.version == version]
    _must_be_one(connection, table, where, connection.execute(delete(table).where(*mine)).rowcount)


def storable(text: str) -> bool:
    """Whether PostgreSQL can hold it; what it cannot is nobody's name."""
    return "\0" not in text


def _must_be_one(connection: Connection, table: Table, where: list[Any], count: int) -> None:
    if count == 1:
        return
    if connection.execute(select(exists().where(*where))).scalar():
        raise Conflict(f"{table.name}: it was changed by somebody else")
    raise NotThere(f"{table.name}: there is none")
