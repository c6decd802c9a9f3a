"""Opens the store, and runs work on it in transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.pool import ConnectionPoolEntry

from llm_gateway.config.schema.database import Database
from llm_gateway.core.clock import Clock, SystemClock
from llm_gateway.store.engine import DEADLINE, postgres_engine, sqlite_engine, url_of
from llm_gateway.store.errors import Conflict, StoreError, StoreUnavailable

Result = TypeVar("Result")
Engines = tuple[Engine, Engine, Engine]
"""For reading, for writing, for migrations."""

FILE = "gateway.db"
"""Of the SQLite store, in the state directory."""
TRIES = 3
"""Of a transaction that PostgreSQL gave up because of another one."""
LOCK_WAIT = 60.0
"""Seconds that a migration waits for another one."""
_GIVEN_UP = frozenset({"40001", "40P01"})
"""serialization_failure and deadlock_detected (PostgreSQL, appendix A)."""


class Store:
    """One database. Thread-safe; `threads.Threads` is for event loops."""

    def __init__(self, engines: Engines, where: str, readers: int, lock_wait: float) -> None:
        self._reading, self._writing, self._schema = engines
        self.where = where
        """For people: no password in it."""
        self.readers = readers
        """How many may read at once."""
        self._lock_wait = lock_wait

    @property
    def dialect(self) -> str:
        """Either postgresql or sqlite."""
        return self._writing.dialect.name

    @property
    def single_writer(self) -> bool:
        """Whether writes wait for each other anyway."""
        return self.dialect == "sqlite"

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """`work` in a transaction that cannot change anything. Raises StoreError."""
        with self._told(), self._reading.connect() as connection, connection.begin():
            return work(connection)

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """`work` in a transaction: all of it, or nothing if it raises. It may be run again: it must have no other effects.

        Raises StoreError. After StoreUnavailable it is not known whether all or nothing of it was done.
        """
        for left in reversed(range(TRIES)):
            try:
                with self._told(), self._writing.begin() as connection:
                    return work(connection)
            except _GivenUp:
                if not left:
                    raise
        raise AssertionError("unreachable")

    @contextmanager
    def changing_schema(self, limit: float) -> Iterator[Connection]:
        """A transaction for a migration, `limit` seconds for each statement (SQLite: for all of it). Raises StoreError."""
        with self._told(), self._schema.connect().execution_options(**{DEADLINE: limit}) as connection, connection.begin():
            if self.dialect == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(self._lock_wait * 1000)}")
            yield connection

    def close(self) -> None:
        """Closes what is not in use. What is in use is closed when it is given back."""
        for engine in {self._reading, self._writing, self._schema}:
            event.listen(engine.pool, "checkin", _end)  # it would go back to a pool that nobody has any more
            engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the driver raises as what it means here."""
        try:
            yield
        except StoreError:
            raise
        except NoFreeConnection:
            raise StoreUnavailable(f"{self.where}: all connections are in use") from None
        except IntegrityError as error:
            raise Conflict(f"{self.where}: {_reason(error)}") from None
        except DBAPIError as error:
            kind = _GivenUp if getattr(error.orig, "sqlstate", None) in _GIVEN_UP else StoreUnavailable
            raise kind(f"{self.where}: {_reason(error)}") from None
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreUnavailable(f"{self.where}: {type(error).__name__}") from None


class _GivenUp(StoreUnavailable):
    """Two transactions wanted the same: this one may be tried again."""


def open_store(database: Database, state: Path, clock: Clock | None = None, lock_wait: float = LOCK_WAIT) -> Store:
    """The store of a configuration; nothing is connected yet. Raises StoreUnavailable if it never could be."""
    timeout = float(database.timeout)
    if database.url is not None:
        url = url_of(database.url.reveal())
        engine = postgres_engine(url, database.connections, timeout)
        where = f"PostgreSQL {url.database or ''} at {url.host or url.query.get('host') or 'localhost'}"
        reading = engine.execution_options(postgresql_readonly=True)
        return Store((reading, engine, engine), where, database.connections, lock_wait)
    file = state / FILE
    monotonic = (clock or SystemClock()).monotonic
    engines = (
        sqlite_engine(file, database.connections, timeout, monotonic),
        sqlite_engine(file, 1, timeout, monotonic, begin="BEGIN IMMEDIATE"),
        sqlite_engine(file, 0, lock_wait, monotonic, begin="BEGIN EXCLUSIVE", keys=False),
    )
    return Store(engines, f"SQLite {file}", database.connections, lock_wait)


def _end(_raw: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.close()


def _reason(error: DBAPIError) -> str:
    """The first line of what the driver says: those below it may show values of a row."""
    return str(error.orig).strip().partition("\n")[0][:200] or type(error.orig).__name__
