"""The ledger's months. On PostgreSQL each is a partition of its own, so that what is too old is dropped at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, text

LOCK = 0x6C6C_6D70
"""Of PostgreSQL's advisory locks, the one under which partitions are made."""
AHEAD = 2
"""Months for which there are partitions before they begin."""
_NAME = re.compile(r"ledger_(\d{4})_(\d{2})")

Month = tuple[int, int]


def month_of(at: int) -> Month:
    """Year and month of Unix milliseconds, UTC."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.year, moment.month


def following(month: Month, count: int = 1) -> Month:
    years, months = divmod(month[1] - 1 + count, 12)
    return month[0] + years, months + 1


def start_of(month: Month) -> int:
    """Its first millisecond."""
    return int(datetime(*month, 1, tzinfo=UTC).timestamp()) * 1000


def existing(connection: Connection) -> set[Month]:
    """Empty on SQLite, which has no partitions."""
    if connection.dialect.name != "postgresql":
        return set()
    query = "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'ledger'::regclass"
    names = (_NAME.fullmatch(name) for name in connection.execute(text(query)).scalars())
    return {(int(name[1]), int(name[2])) for name in names if name}


def make(connection: Connection, months: Iterable[Month]) -> None:
    """Those that are missing. Nothing on SQLite."""
    if connection.dialect.name != "postgresql":
        return
    wanted = set(months)
    if wanted <= existing(connection):
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    for month in sorted(wanted - existing(connection)):
        name = f"ledger_{month[0]:04d}_{month[1]:02d}"
        bounds = f"FROM ({start_of(month)}) TO ({start_of(following(month))})"
        # Made by itself and attached: that way nobody who reads or writes the ledger has to wait, or waits for us.
        connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE ledger INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        connection.exec_driver_sql(f"ALTER TABLE ledger ATTACH PARTITION {name} FOR VALUES {bounds}")


def prepare(connection: Connection, now: int) -> None:
    """The partition of this month and those of the next ones: to be called daily, so that no insert has to make one."""
    make(connection, (following(month_of(now), count) for count in range(AHEAD + 1)))


def drop(connection: Connection, before: int) -> int:
    """Drops the months that ended before Unix milliseconds `before`; the first millisecond that is kept."""
    kept = 0
    for month in sorted(existing(connection)):
        end = start_of(following(month))
        if end > before:
            break
        connection.exec_driver_sql(f"DROP TABLE ledger_{month[0]:04d}_{month[1]:02d}")
        kept = end
    return kept
