"""kill -9 of workers, control, the database and everything at once, under load: no row of the ledger is lost, none doubled."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from e2e.crashing import Crashes, configuration, crash, differences, judged
from e2e.simulator_process import simulator_process
from llm_gateway.config.schema.database import Database
from llm_gateway.config.values import Secret
from llm_gateway.store.connect import Store, open_store
from servers import Postgres, postgres_server
from store_support import new_database

KILLS = int(os.environ.get("CRASH_KILLS", "5"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
pytestmark = pytest.mark.timeout(KILLS * 3 + 120)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def test_the_ledger_is_what_the_provider_saw(dialect: str, tmp_path: Path) -> None:
    """Peers 4c, C28, C31, C32: whatever is killed, each request that reached the provider has one row, which costs something."""
    postgres: Postgres | None = None
    url: str | None = None
    if dialect == "postgresql":
        postgres = postgres_server()
        url = new_database()

    def store() -> Store:
        database = Database() if url is None else Database(url=Secret(url))
        return open_store(database, tmp_path / "state")

    crashes = Crashes(KILLS)
    with simulator_process(tmp_path, 400.0) as simulator:
        config = configuration(simulator.url, url, workers=1 if postgres is None else 2)
        rows = crash(crashes, config, tmp_path, store, postgres, SEED)
    said = judged(crashes, rows, simulator.served)
    opened = store()
    try:
        said["folds that differ"] = differences(opened)
    finally:
        opened.close()
    print(msgspec.json.encode(said).decode())
    for fact in ("lost", "doubled", "provider asked twice", "free", "wrong", "folds that differ"):
        assert not said[fact], (fact, said)
    assert said["at the provider"] > KILLS
    assert crashes.done >= KILLS
