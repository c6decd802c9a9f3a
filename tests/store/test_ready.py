"""What control does with the store at start."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llm_gateway.config.schema.database import Database
from llm_gateway.config.values import Secret
from llm_gateway.core.clock import FakeClock
from llm_gateway.store import marks
from llm_gateway.store.errors import StoreUnavailable, WrongSchema
from llm_gateway.store.migrations.check import check
from llm_gateway.store.ready import ready_store
from servers import free_port
from store_support import new_database


def test_an_sqlite_file_is_made_and_brought_up_to_date(tmp_path):
    """Nobody has to run anything; a second start finds what the first one stored."""
    store = ready_store(Database(), tmp_path / "state", FakeClock())
    store.write(lambda c: marks.put(c, "x", 7))
    store.close()
    store = ready_store(Database(migrate="manual"), tmp_path / "state", FakeClock())
    assert store.read(lambda c: marks.get(c, "x")) == 7
    store.close()


def test_sqlite_can_be_left_to_people_too(tmp_path):
    """database.migrate: manual holds for it as well."""
    with pytest.raises(WrongSchema, match="llm-gateway migrate run"):
        ready_store(Database(migrate="manual"), tmp_path, FakeClock())


def test_postgresql_is_migrated_when_the_configuration_says_so(tmp_path):
    """Otherwise it refuses to start and names the command."""
    url = Secret(new_database())
    with pytest.raises(WrongSchema, match="llm-gateway migrate run"):
        ready_store(Database(url=url), tmp_path, FakeClock())
    store = ready_store(Database(url=url, migrate="auto"), tmp_path, FakeClock())
    check(store)
    store.close()
    ready_store(Database(url=url), tmp_path, FakeClock()).close()


def test_a_database_that_is_away_is_told_apart(tmp_path):
    """So that control can wait for it rather than give up."""
    with pytest.raises(StoreUnavailable, match="PostgreSQL db at"):
        ready_store(Database(url=Secret(f"postgresql://127.0.0.1:{free_port()}/db")), tmp_path, FakeClock())


def test_alembic_is_loaded_only_to_migrate(tmp_path):
    """A control process that finds its schema as it should be does not carry it."""
    ready_store(Database(), tmp_path, FakeClock()).close()
    code = (
        "import sys; from pathlib import Path; from llm_gateway.config.schema.database import Database\n"
        "from llm_gateway.core.clock import SystemClock; from llm_gateway.store.ready import ready_store\n"
        "ready_store(Database(), Path(sys.argv[1]), SystemClock()).close(); print('alembic' in sys.modules, 'psycopg' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout.split() == ["False", "False"]
