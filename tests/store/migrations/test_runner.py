"""Migrations are applied once each, in order, whole or not at all - and two versions of the gateway work on one schema."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from llm_gateway.core.clock import FakeClock
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import audit, budgets, keys, ledger, objects, rollups, usage
from llm_gateway.store.errors import NotThere, StoreUnavailable, WrongSchema
from llm_gateway.store.filters import Filter
from llm_gateway.store.migrations import files, history
from llm_gateway.store.migrations.check import check
from llm_gateway.store.migrations.runner import LOCK, Runner
from llm_gateway.store.rows import KeyRow
from store_support import new_store

EXPANDS = """
import sqlalchemy as sa
from alembic import op
revision = "{version}"
down_revision = "{before}"
compatible_with = "{compatible}"
def upgrade():
    op.create_table("colours", sa.Column("name", sa.Text, primary_key=True))
    for table in ("objects", "keys", "ledger", "rollups", "audit", "budgets_spent"):
        op.add_column(table, sa.Column("colour", sa.Text, nullable=False, server_default="red"))
    op.create_index("ledger_colour", "ledger", ["colour"])
def downgrade():
    op.drop_index("ledger_colour", "ledger")
    for table in ("objects", "keys", "ledger", "rollups", "audit", "budgets_spent"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("colour")
    op.drop_table("colours")
"""


@pytest.fixture
def store(dialect, tmp_path):
    """One whose schema may be changed."""
    made = new_store(dialect, tmp_path / "state", fresh=True)
    yield made
    made.close()


def copy(folder: Path) -> Path:
    folder.mkdir()
    for migration in files.known():
        shutil.copy(migration.file, folder)
    return folder


def next_version(folder: Path, source: str = EXPANDS, compatible: str = "0001") -> tuple[files.Migration, ...]:
    """The migrations of the version after this one."""
    before = len(files.known(folder))
    text_ = source.format(version=f"{before + 1:04d}", before=f"{before:04d}", compatible=compatible)
    (folder / f"v{before + 1:04d}_next.py").write_text(text_)
    return files.known(folder)


def tables(store) -> set[str]:
    return {name for name in store.read(lambda c: inspect(c).get_table_names()) if not name.startswith("ledger_2")}


def statuses(store) -> list[str]:
    return [entry.status for entry in store.read(history.read)]


def test_all_are_applied_once_and_taken_back(bare):
    """The history has a line for each with name, checksum, time and duration; a second run does nothing; back is all the way back."""
    clock = FakeClock()
    told: list[str] = []
    runner = Runner(bare, clock)
    done = runner.run(lambda migration: told.append(str(migration)))
    assert tuple(done) == files.known()
    assert told == [str(migration) for migration in done]
    entries = bare.read(history.read)
    assert [(entry.version, entry.name, entry.checksum) for entry in entries] == [(m.version, m.name, m.checksum) for m in done]
    assert {entry.applied_at for entry in entries} == {int(clock.now() * 1000)}
    assert runner.run() == []
    check(bare)
    assert [migration.version for migration in runner.revert(2)] == [done[-1].version, done[-2].version]
    assert statuses(bare) == ["applied"] * (len(done) - 2) + ["reverted"] * 2
    with pytest.raises(WrongSchema, match="llm-gateway migrate run"):
        check(bare)
    assert len(runner.revert(99)) == len(done) - 2
    assert tables(bare) == {history.NAME}
    with pytest.raises(NotThere):
        runner.revert()
    assert len(runner.run()) == len(done)


def test_several_at_once_apply_each_once(dialect, tmp_path):
    """Whoever comes later waits, and finds it done."""
    bare = new_store(dialect, tmp_path, migrated=False)
    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(lambda _: Runner(bare, FakeClock()).run(), range(3)))
    assert sorted(str(migration) for some in done for migration in some) == [str(migration) for migration in files.known()]
    bare.close()


def test_a_lock_is_not_waited_for_for_ever(bare):
    """Somebody else migrates, and does not come to an end: a clear error after the wait."""
    held, go = threading.Event(), threading.Event()

    def hold():
        with bare.changing_schema(10) as connection:
            if bare.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            held.set()
            go.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    try:
        with pytest.raises(StoreUnavailable, match="lock"):
            Runner(bare, FakeClock()).run()
    finally:
        go.set()
        thread.join()
    assert Runner(bare, FakeClock()).run()


def test_a_migration_that_fails_leaves_nothing(store, tmp_path):
    """Not half of it, on SQLite neither; the history says that it failed; put right, it is applied."""
    folder = copy(tmp_path / "next")
    broken = EXPANDS.replace(
        '    op.create_index("ledger_colour", "ledger", ["colour"])', '    op.execute("SELECT nonsense FROM nowhere")', 1
    )
    before = tables(store)
    with pytest.raises(WrongSchema, match="0006_next failed, and nothing of it was done"):
        Runner(store, FakeClock(), next_version(folder, broken)).run()
    assert tables(store) == before
    assert statuses(store) == ["applied"] * 5 + ["failed"]
    check(store)
    (folder / "v0006_next.py").unlink()
    assert len(Runner(store, FakeClock(), next_version(folder)).run()) == 1
    assert statuses(store) == ["applied"] * 6


def test_a_changed_migration_is_refused(store, tmp_path):
    """Everywhere: at start, on a run, and before anything is taken back."""
    folder = copy(tmp_path / "next")
    file = folder / "v0002_add_providers.py"
    file.write_text(file.read_text() + "\n")
    changed = files.known(folder)
    for work in (
        lambda: check(store, changed),
        Runner(store, FakeClock(), changed).run,
        Runner(store, FakeClock(), changed).revert,
    ):
        with pytest.raises(WrongSchema, match="0002_add_providers is not the one that was applied"):
            work()


KEY = KeyRow("key_1", b"d" * 32, "sk-gateway-ab", "web", "gateway", "acme", "", "{}", "active", None, 1, "me")


def test_this_version_works_on_the_next_ones_schema(store, tmp_path):
    """Expand: the next release has migrated, this one still runs, writes and reads everything it did; then back again."""
    store.write(lambda c: ledger.put(c, [LedgerRow(id="00", at=1)]))
    after = next_version(copy(tmp_path / "next"))
    Runner(store, FakeClock(), after).run()
    check(store)  # this version accepts it
    assert Runner(store, FakeClock()).run() == []

    def work(connection):
        objects.create(connection, "tags", "x", "{}", by="", now=1)
        objects.update(connection, "tags", "x", "[]", by="", now=2, version=1)
        keys.create(connection, KEY)
        rollups.fold(connection, ledger.put(connection, [LedgerRow(id=f"01{n}", at=1, cost=5) for n in range(5)]))
        budgets.add(connection, {("a", 1): 5}, 1)
        return usage.usage(connection, Filter(), ("day",)).total.cost

    assert store.write(work) == 25
    assert store.read(lambda c: audit.newest(c, "here")) is None
    assert len(store.read(lambda c: keys.directory(c, 0))) == 1
    colours = "SELECT colour FROM ledger UNION ALL SELECT colour FROM keys"
    assert set(store.read(lambda c: c.execute(text(colours)).scalars().all())) == {"red"}
    with pytest.raises(WrongSchema, match="newer version"):
        Runner(store, FakeClock()).revert()
    assert [str(migration) for migration in Runner(store, FakeClock(), after).revert()] == ["0006_next"]
    check(store)
    assert store.read(lambda c: ledger.get(c, "010")).cost == 5


def test_a_schema_that_contracted_is_refused(store, tmp_path):
    """The next release took away what this one needs: it says so instead of running into it."""
    Runner(store, FakeClock(), next_version(copy(tmp_path / "next"), compatible="0006")).run()
    for work in (lambda: check(store), Runner(store, FakeClock()).run):
        with pytest.raises(WrongSchema, match=r"newer than this version.*0006_next.*knows 0005"):
            work()
