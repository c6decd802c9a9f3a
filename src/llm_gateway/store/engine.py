"""Engines: how connections to SQLite and to PostgreSQL are made, and what holds for each of their transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from llm_gateway.store.errors import StoreUnavailable

INSTRUCTIONS = 100_000
"""SQLite looks at the clock once in so many steps of its machine."""
DEADLINE = "store_deadline"


def url_of(text: str) -> URL:
    """Of a PostgreSQL database, however its scheme is written. Raises StoreUnavailable, whose text does not repeat the URL."""
    try:
        url = make_url(text).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise StoreUnavailable("database.url is not a URL; expected postgresql://user:password@host:port/database") from None
    return url


def postgres_engine(url: URL, connections: int, timeout: float) -> Engine:
    """`timeout` in seconds: for connecting, for a free connection, for a statement.

    Works behind a pooler in transaction mode: nothing is prepared on the server, and what is set is set for one transaction.
    """
    whole = max(2, int(timeout))  # libpq knows whole seconds, two at least
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=timeout,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": whole,
            "prepare_threshold": None,
            "application_name": "llm-gateway",
            "keepalives_idle": 30,
            "tcp_user_timeout": whole * 1000,
        },
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        limit = connection.get_execution_options().get(DEADLINE, timeout)
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(limit * 1000)}")

    return engine


def sqlite_engine(
    file: Path, connections: int, timeout: float, monotonic: Callable[[], float], *, begin: str = "BEGIN", keys: bool = True
) -> Engine:
    """`begin` is how its transactions start, "BEGIN IMMEDIATE" for those that write; `keys`: whether foreign keys are kept."""
    if not file.exists():
        _make(file)
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        hide_parameters=True,
        connect_args={"timeout": timeout},
        **({"pool_size": connections, "max_overflow": 0, "pool_timeout": timeout} if connections else {"poolclass": NullPool}),
    )
    ends: dict[int, float] = {}

    @event.listens_for(engine, "connect")
    def connect(raw: sqlite3.Connection, _record: Any) -> None:
        raw.isolation_level = None  # the driver begins nothing by itself: DDL is part of a transaction, too
        for pragma in (
            "journal_mode = WAL",  # readers do not wait for the writer
            "synchronous = FULL",  # what was acknowledged outlives a loss of power: a revoked key stays revoked
            f"foreign_keys = {'ON' if keys else 'OFF'}",
            "temp_store = MEMORY",
            "cache_size = -4000",
            "journal_size_limit = 67108864",
        ):
            raw.execute(f"PRAGMA {pragma}").close()
        if begin == "BEGIN":
            raw.execute("PRAGMA query_only = ON").close()
        mine = id(raw)
        raw.set_progress_handler(lambda: monotonic() > ends.get(mine, float("inf")), INSTRUCTIONS)

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        limit = connection.get_execution_options().get(DEADLINE, timeout)
        ends[id(connection.connection.dbapi_connection)] = monotonic() + limit
        connection.exec_driver_sql(begin)

    @event.listens_for(engine, "close")
    def close(raw: sqlite3.Connection, _record: Any) -> None:
        ends.pop(id(raw), None)

    return engine


def _make(file: Path) -> None:
    """Readable by its owner only. Raises StoreUnavailable."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"{file}: {error.strerror or error}") from None
