"""The table that tells which migrations were applied."""

from __future__ import annotations

from typing import Literal

import msgspec
from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, Text, delete, insert, inspect, select

from llm_gateway.store.migrations.files import Migration

Status = Literal["applied", "reverted", "failed"]
NAME = "schema_migrations"
_TABLE = Table(
    NAME,
    MetaData(),
    Column("version", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("applied_at", BigInteger, nullable=False),
    Column("execution_time_ms", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("compatible_with", Text, nullable=False),
)


class Entry(msgspec.Struct, frozen=True):
    version: str
    name: str
    checksum: str
    applied_at: int
    """Unix milliseconds; when it was reverted or failed, if it was."""
    execution_time_ms: int
    status: Status
    compatible_with: str
    """Versions that know no newer migration than this one can work with the schema."""


def read(connection: Connection) -> tuple[Entry, ...]:
    """In the order of versions; empty if nothing was ever applied."""
    if not inspect(connection).has_table(NAME):
        return ()
    query = select(*(_TABLE.c[name] for name in Entry.__struct_fields__)).order_by(_TABLE.c.version)
    return tuple(Entry(*row) for row in connection.execute(query))


def prepare(connection: Connection) -> None:
    """Makes the table if there is none."""
    _TABLE.create(connection, checkfirst=True)


def write(
    connection: Connection,
    migration: Migration,
    status: Status,
    *,
    at: int,
    took: int,
    compatible_with: str = "",
) -> None:
    """In the place of what was said of it before."""
    connection.execute(delete(_TABLE).where(_TABLE.c.version == migration.version))
    row = Entry(migration.version, migration.name, migration.checksum, at, took, status, compatible_with)
    connection.execute(insert(_TABLE).values(msgspec.structs.asdict(row)))


def failed(connection: Connection, migration: Migration, at: int) -> None:
    """Notes an attempt that was undone. What is applied stays so."""
    prepare(connection)
    entries = {entry.version: entry for entry in read(connection)}
    if migration.version not in entries or entries[migration.version].status != "applied":
        write(connection, migration, "failed", at=at, took=0)
