"""Stores for tests: a new one each time, with its schema, as cheap as a copy."""

from __future__ import annotations

import atexit
import functools
import itertools
import shutil
import tempfile
from pathlib import Path

import psycopg

from llm_gateway.config.schema.database import Database
from llm_gateway.config.values import Duration, Secret
from llm_gateway.core.clock import SystemClock
from llm_gateway.store.connect import FILE, Store, open_store
from llm_gateway.store.migrations.history import NAME
from llm_gateway.store.ready import make_ready
from servers import Postgres, postgres_server

DIALECTS = ("sqlite", "postgresql")
_numbers = itertools.count(1)


def new_store(
    dialect: str, folder: Path, *, migrated: bool = True, fresh: bool = False, timeout: float = 10.0, lock_wait: float = 10.0
) -> Store:
    """To be closed by the caller. `folder` is the state directory.

    All PostgreSQL stores that are `migrated` share one database, which is emptied each time; a test that has two of them at once,
    or changes the schema, takes `fresh` ones.
    """
    if dialect == "sqlite":
        if migrated:
            folder.mkdir(exist_ok=True)
            shutil.copy(_migrated_file(), folder / FILE)
        return open_store(Database(timeout=Duration(timeout)), folder, lock_wait=lock_wait)
    shared = migrated and not fresh
    url = Secret(_shared_database() if shared else new_database(_migrated_template() if migrated else "template1"))
    if shared:
        _empty(url.reveal())
    return open_store(Database(url=url, timeout=Duration(timeout)), folder, lock_wait=lock_wait)


def new_database(template: str = "template1") -> str:
    """URL of a PostgreSQL database of its own."""
    server = postgres_server()
    name = f"test_{next(_numbers)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.url(name)


@functools.cache
def _shared_database() -> str:
    return new_database(_migrated_template())


def _empty(url: str) -> None:
    """DELETE takes a tenth of the time that TRUNCATE takes for tables with a few rows, and a hundredth of CREATE DATABASE's."""
    with psycopg.connect(url) as connection:
        names = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        months = [name for name in names if name.startswith("ledger_")]
        rest = set(names) - set(months) - {NAME}
        connection.execute("; ".join([*(f"DROP TABLE {name}" for name in months), *(f"DELETE FROM {name}" for name in rest)]))  # noqa: S608 - names of tables of ours


def _administer(server: Postgres, statement: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(statement)


@functools.cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="gw-sqlite-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    store = open_store(Database(), folder)
    make_ready(store, SystemClock(), migrates=True)
    store.close()
    return folder / FILE


@functools.cache
def _migrated_template() -> str:
    server = postgres_server()
    _administer(server, "CREATE DATABASE migrated")
    store = open_store(Database(url=Secret(server.url("migrated"))), server.folder)
    make_ready(store, SystemClock(), migrates=True)
    store.close()
    return "migrated"
