"""Transactions, and what happens when the database is slow, away, or wants nothing to do with us."""

from __future__ import annotations

import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from llm_gateway.config.schema.database import Database
from llm_gateway.config.values import Duration, Secret
from llm_gateway.store import marks
from llm_gateway.store.connect import FILE, open_store
from llm_gateway.store.errors import Conflict, StoreUnavailable
from store_support import new_store


def test_a_transaction_is_all_or_nothing(store):
    """What was done before an error is undone; the error comes out as it is."""

    def work(connection):
        marks.put(connection, "x", 1)
        raise KeyError("mine")

    with pytest.raises(KeyError):
        store.write(work)
    assert store.read(lambda c: marks.get(c, "x")) == 0


def test_reading_changes_nothing(store):
    """A repository function that writes cannot be run by `read`."""
    with pytest.raises(StoreUnavailable):
        store.read(lambda c: marks.put(c, "x", 1))
    assert store.read(lambda c: marks.get(c, "x")) == 0


def test_a_reader_does_not_wait_for_a_writer(store):
    """It sees what there was before."""
    inside, go = threading.Event(), threading.Event()

    def slow(connection):
        marks.put(connection, "x", 1)
        inside.set()
        go.wait(5)

    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(store.write, slow)
        inside.wait(5)
        try:
            assert store.read(lambda c: marks.get(c, "x")) == 0
        finally:
            go.set()
        done.result()
    assert store.read(lambda c: marks.get(c, "x")) == 1


def test_a_statement_takes_no_longer_than_it_may(dialect, tmp_path):
    """It is ended by the database, and the connection can be used again."""
    store = new_store(dialect, tmp_path, timeout=0.2)
    endless = (
        "SELECT pg_sleep(9)"
        if dialect == "postgresql"
        else ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")
    )
    for work in (store.read, store.write):
        with pytest.raises(StoreUnavailable, match=r"timeout|interrupted"):
            work(lambda c: c.execute(text(endless)).all())
    store.write(lambda c: marks.put(c, "x", 1))
    assert store.read(lambda c: marks.get(c, "x")) == 1
    store.close()


def test_a_second_writer_waits_and_gives_up(tmp_path):
    """SQLite: another process writes and does not end; then it is told who was in the way."""
    store = new_store("sqlite", tmp_path, timeout=0.2)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        store.write(lambda c: marks.put(c, "x", 1))
    other.rollback()
    other.close()
    store.write(lambda c: marks.put(c, "x", 1))
    store.close()


def test_all_connections_in_use_is_an_error_in_time(postgres, tmp_path):
    """Rather than a wait for ever."""
    database = Database(url=Secret(postgres.url()), connections=1, timeout=Duration(0.2))
    store = open_store(database, tmp_path)

    def nested(_connection):
        with pytest.raises(StoreUnavailable, match="all connections are in use"):
            store.read(lambda c: c.execute(text("SELECT 1")).scalar())

    store.read(nested)
    store.close()


def test_two_that_block_each_other_both_get_done(tmp_path):
    """PostgreSQL ends one of two transactions that wait for each other; it is run again, and nothing of it is lost."""
    store = new_store("postgresql", tmp_path)
    store.write(lambda c: [marks.put(c, name, 0) for name in "ab"])
    both = threading.Barrier(2)
    tries: list[str] = []

    def work(connection, names):
        tries.append(names)
        marks.count(connection, names[0])
        if len(tries) <= 2:
            both.wait(30)
        marks.count(connection, names[1])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda names: store.write(lambda c: work(c, names)), ("ab", "ba")))
    assert len(tries) >= 3  # on a slow machine the second try may meet the other one again
    assert [store.read(lambda c, name=name: marks.get(c, name)) for name in "ab"] == [2, 2]
    store.close()


def test_a_database_that_comes_back_is_used_again(postgres, tmp_path):
    """While it is away: an error without the password; afterwards the same store works, old connections or not."""
    store = new_store("postgresql", tmp_path, timeout=2)
    store.write(lambda c: marks.put(c, "x", 1))
    postgres.stop("fast")
    try:
        for work in (store.read, store.write):
            with pytest.raises(StoreUnavailable):
                work(lambda c: marks.get(c, "x"))
    finally:
        postgres.start()
    assert store.read(lambda c: marks.get(c, "x")) == 1
    store.close()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_schemes_are_one(postgres, tmp_path, scheme):
    """Over TCP, as hosting services write it."""
    url = postgres.tcp_url().replace("postgresql:", f"{scheme}:")
    store = open_store(Database(url=Secret(url)), tmp_path)
    assert store.read(lambda c: c.execute(text("SELECT 1")).scalar()) == 1
    store.close()


def test_nothing_stays_prepared_or_set_on_the_server(postgres, tmp_path):
    """A pooler hands our connection to somebody else between transactions: no prepared statement, no setting, no lock is left."""
    store = open_store(Database(url=Secret(postgres.url()), connections=1), tmp_path)
    for _ in range(10):
        store.read(lambda c: c.execute(text("SELECT :x + 1"), {"x": 1}).scalar())
    assert store.read(lambda c: c.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar()) == 0
    with store._writing.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw.execute("SHOW statement_timeout").fetchone() == ("0",)
    store.close()


SECRET = "s3cr3t-of-the-database"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@127.0.0.1:1/db",
        f"postgresql://me:{SECRET}@127.0.0.1:notaport/db",
        f"postgresql://me:{SECRET}@127.0.0.1:1/db?nosuchoption={SECRET}",
        f"postgresql://me:{SECRET}@no.such.host.invalid/db?connect_timeout=x",
    ],
)
def test_no_error_shows_the_password(tmp_path, url):
    """Neither its text, nor where it says it is, nor what caused it."""

    def ask():
        store = open_store(Database(url=Secret(url), timeout=Duration(1)), tmp_path)
        assert SECRET not in store.where
        try:
            store.read(lambda _: None)
        finally:
            store.close()

    with pytest.raises(StoreUnavailable) as caught:
        ask()
    assert SECRET not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


def test_no_error_shows_what_was_stored(store):
    """A conflict names the table; the values of the row stay inside."""

    def twice(connection):
        for _ in range(2):
            connection.execute(text("INSERT INTO marks (name, number) VALUES (:name, 1)"), {"name": SECRET})

    with pytest.raises(Conflict) as caught:
        store.write(twice)
    assert SECRET not in str(caught.value)


def test_the_file_is_its_owners_alone(tmp_path):
    """Made with its folder, 0600, and so are the files that SQLite puts beside it."""
    store = new_store("sqlite", tmp_path / "state", migrated=False)
    store.write(lambda c: c.execute(text("CREATE TABLE t (a)")))
    files = list((tmp_path / "state").iterdir())
    assert {file.name for file in files} >= {FILE, f"{FILE}-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    store.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    """With its path and the reason."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="file"):
        open_store(Database(), tmp_path / "file" / "state")


def test_what_is_acknowledged_is_on_the_disk(tmp_path):
    """SQLite syncs at every commit, and several may read while one writes."""
    store = new_store("sqlite", tmp_path)
    pragmas = ("journal_mode", "synchronous", "foreign_keys")
    seen = store.write(lambda c: [c.execute(text(f"PRAGMA {name}")).scalar() for name in pragmas])
    assert seen == ["wal", 2, 1]
    store.close()


def test_a_connection_in_use_is_closed_when_it_is_given_back(store):
    """A store may be closed while somebody works on it (a test, a control process whose time is over): nothing stays open."""
    begun, go_on = threading.Event(), threading.Event()
    seen = []

    def work(connection):
        seen.append(connection.connection.dbapi_connection)
        begun.set()
        assert go_on.wait(20)
        return connection.execute(text("SELECT 1")).scalar()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(store.read, work)
        assert begun.wait(20)
        store.close()
        go_on.set()
        assert running.result(20) == 1
    if store.dialect == "postgresql":
        assert seen[0].closed
    else:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            seen[0].execute("SELECT 1")
