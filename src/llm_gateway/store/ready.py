"""What control does with the store before anything else: opens it, and makes sure of its schema."""

from __future__ import annotations

from pathlib import Path

from llm_gateway.config.schema.database import Database
from llm_gateway.core.clock import Clock
from llm_gateway.store.connect import Store, open_store
from llm_gateway.store.errors import WrongSchema
from llm_gateway.store.migrations.check import check


def ready_store(database: Database, state: Path, clock: Clock) -> Store:
    """The store, with a schema that this version can work with; migrated if the configuration says so.

    Raises WrongSchema, and StoreUnavailable while the database is away.
    """
    store = open_store(database, state, clock)
    try:
        make_ready(store, clock, migrates=database.migrates)
    except BaseException:
        store.close()
        raise
    return store


def make_ready(store: Store, clock: Clock, *, migrates: bool) -> None:
    """The same for a store that is open. Raises as `ready_store` does."""
    try:
        check(store)
    except WrongSchema:
        if not migrates:
            raise
        from llm_gateway.store.migrations.runner import Runner  # noqa: PLC0415 - Alembic only where something is to be done

        Runner(store, clock).run()
        check(store)
