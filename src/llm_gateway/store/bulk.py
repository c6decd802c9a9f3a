"""Many rows in one statement, or as near to it as the database comes.

PostgreSQL gets a batch as one JSON text: one round trip and one parameter (it takes 65,535), and a third of the processor time
that an array for each column costs. SQLite runs one prepared statement for each row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Table

_TYPES = ((str, "text"), (bool, "boolean"), (int, "bigint"), (float, "double precision"), (bytes, "text"))


class Upsert:
    """INSERT ... ON CONFLICT of a table; made once. Column names and clauses are the program's own, never anybody's input."""

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        conflict: Sequence[str],
        update: Mapping[str, str],
        *,
        where: str = "",
        returning: str = "",
    ) -> None:
        """`update`: column -> SQL expression, in which `excluded` is the row that came; `where` limits which rows change.

        `returning`: a column that `run` gives of each row that was added or changed, on PostgreSQL.
        """
        self._columns = tuple(columns)
        kinds = dict(_TYPES)
        types = {name: table.c[name].type.python_type for name in columns}
        names = ", ".join(f'"{name}"' for name in columns)
        changes = ", ".join(f'"{name}" = {expression}' for name, expression in update.items())
        end = f"ON CONFLICT ({', '.join(conflict)}) DO UPDATE SET {changes}{f' WHERE {where}' if where else ''}"
        head = f"INSERT INTO {table.name} ({names})"
        self._sqlite = f"{head} VALUES ({', '.join('?' * len(self._columns))}) {end}"
        shape = ", ".join(f'"{name}" {kinds[kind]}' for name, kind in types.items())
        chosen = ", ".join(f"decode(\"{name}\", 'hex')" if kind is bytes else f'"{name}"' for name, kind in types.items())
        source = f"SELECT {chosen} FROM json_to_recordset(%s::json) AS batch ({shape})"  # noqa: S608 - as the class says
        self._postgres = f"{head} {source} {end}{f' RETURNING {returning}' if returning else ''}"
        self._bytes = tuple(index for index, name in enumerate(columns) if types[name] is bytes)
        self._returning = bool(returning)

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> set[Any] | None:
        """`rows` in the order of the columns, no two with the same key. None where the database does not tell."""
        if connection.dialect.name != "postgresql":
            connection.exec_driver_sql(self._sqlite, [tuple(row) for row in rows])
            return None
        objects = [dict(zip(self._columns, row, strict=True)) for row in rows]
        for index in self._bytes:
            name = self._columns[index]
            for made in objects:
                made[name] = made[name].hex()
        done = connection.exec_driver_sql(self._postgres, (msgspec.json.encode(objects).decode(),))
        return set(done.scalars()) if self._returning else None
