"""Applies and reverts migrations: one at a time, each in a transaction of its own, with its line in the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from llm_gateway.core.clock import Clock
from llm_gateway.store.connect import Store
from llm_gateway.store.errors import NotThere, StoreError, WrongSchema
from llm_gateway.store.migrations import history
from llm_gateway.store.migrations.check import applied, pending, verify
from llm_gateway.store.migrations.files import Migration, known, load

STATEMENT_LIMIT = 300.0
"""Seconds (requirements D1)."""
LOCK = 0x6C6C_6D67
"""Of PostgreSQL's advisory locks, the one that migrations hold: until their transaction ends, so that poolers do no harm."""


class Runner:
    """Of one store. Several processes may run it at once: each migration is applied by one of them."""

    def __init__(self, store: Store, clock: Clock, migrations: Sequence[Migration] | None = None) -> None:
        self._store = store
        self._clock = clock
        self._mine = known() if migrations is None else tuple(migrations)

    def run(self, told: Callable[[Migration], None] = lambda _: None) -> list[Migration]:
        """Applies what is missing, oldest first, and gives what this call applied. Raises StoreError."""
        done: list[Migration] = []
        while (migration := self._apply_next()) is not None:
            done.append(migration)
            told(migration)
        return done

    def revert(self, steps: int = 1) -> list[Migration]:
        """Takes back the newest ones. Raises StoreError; NotThere if none is applied."""
        done = []
        for _ in range(steps):
            migration = self._revert_newest()
            if migration is None:
                break
            done.append(migration)
        if not done:
            raise NotThere(f"{self._store.where}: no migration is applied")
        return done

    def _apply_next(self) -> Migration | None:
        with self._failures() as running, self._locked() as connection:
            entries = history.read(connection)
            verify(self._mine, entries)
            missing = pending(self._mine, entries)
            if not missing:
                return None
            running.append(missing[0])
            module = load(missing[0])
            self._execute(connection, missing[0], "applied", module.upgrade, module.compatible_with)
            return missing[0]

    def _revert_newest(self) -> Migration | None:
        with self._failures() as running, self._locked() as connection:
            entries = history.read(connection)
            verify(self._mine, entries)
            versions = sorted(applied(entries))
            if not versions:
                return None
            migration = next((one for one in self._mine if one.version == versions[-1]), None)
            if migration is None:
                raise WrongSchema(f"migration {versions[-1]} was made by a newer version: revert it with that one")
            running.append(migration)
            self._execute(connection, migration, "reverted", load(migration).downgrade, "")
            return migration

    @contextmanager
    def _failures(self) -> Iterator[list[Migration]]:
        """What runs is put into the list; if it fails, that is noted once its transaction was undone."""
        running: list[Migration] = []
        try:
            yield running
        except Exception as error:
            if not running:
                raise
            note = partial(history.failed, migration=running[0], at=int(self._clock.now() * 1000))
            with suppress(StoreError):
                self._store.write(note)
            reason = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
            raise WrongSchema(f"migration {running[0]} failed, and nothing of it was done: {reason}") from error

    def _execute(
        self,
        connection: Connection,
        migration: Migration,
        status: history.Status,
        work: Callable[[], None],
        compatible_with: str,
    ) -> None:
        started = self._clock.monotonic()
        with Operations.context(MigrationContext.configure(connection)):
            work()
        if self._store.dialect == "sqlite":
            broken = connection.execute(text("PRAGMA foreign_key_check")).first()
            if broken is not None:
                raise WrongSchema(f"migration {migration}: rows of {broken[0]} would point nowhere")
        took = round((self._clock.monotonic() - started) * 1000)
        at = int(self._clock.now() * 1000)
        history.write(connection, migration, status, at=at, took=took, compatible_with=compatible_with)

    @contextmanager
    def _locked(self) -> Iterator[Connection]:
        with self._store.changing_schema(STATEMENT_LIMIT) as connection:
            if self._store.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            history.prepare(connection)
            yield connection
