"""`llm-gateway ledger`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from control.ledger.books import Direct, Writer, noted
from llm_gateway.cli.main import main
from llm_gateway.config.schema.database import Database
from llm_gateway.config.schema.ledger import Ledger
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.control.ledger.shipper import Shipper
from llm_gateway.control.ledger.wired import node_of
from llm_gateway.core.clock import SystemClock
from llm_gateway.store.connect import Store, open_store
from llm_gateway.store.ready import ready_store

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """llm-gateway ARGUMENTS in a folder whose gateway served three requests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    monkeypatch.setenv("COLUMNS", "300")
    state, clock = tmp_path / "state", SystemClock()
    (tmp_path / "gateway.yaml").write_text("providers: {a: {type: simulator}}\n")
    store = ready_store(Database(), state, clock)
    writer = Writer(state)
    for tenant in ("acme", "acme", "b"):
        writer.whole(tenant=tenant)
    writer.wal.close()
    shipper = Shipper(state, node_of(state), Direct(store), Budgets(clock), Ledger, clock, noted())
    asyncio.run(shipper.once())
    store.close()
    return lambda *arguments: CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)


def spoiled(tmp_path: Path) -> None:
    store: Store = open_store(Database(), tmp_path / "state")
    store.write(lambda connection: connection.execute(text("UPDATE rollups SET cost = cost + 1")))
    store.close()


def test_verify_and_rebuild(run: Run, tmp_path: Path) -> None:
    """Right: 0. Wrong: 1, and every difference. Mended: 0 again."""
    assert "the ledger is right: 3 requests" in run("ledger", "verify").output
    spoiled(tmp_path)
    wrong = run("ledger", "verify")
    assert wrong.exit_code == 1
    assert "daily sum of 2023-11-14" in wrong.output
    data = msgspec.json.decode(run("--json", "ledger", "verify").stderr)
    assert data["error"]["details"]["sums"] == 2
    assert "2 daily sums" in run("ledger", "rebuild").output
    assert run("ledger", "verify").exit_code == 0


def test_status(run: Run) -> None:
    """Of every log."""
    data = msgspec.json.decode(run("--json", "ledger", "status").output)
    assert [(log["slot"], log["waiting_bytes"], log["quarantined"]) for log in data["logs"]] == [(0, 0, [])]


def test_export(run: Run, tmp_path: Path) -> None:
    """To standard output or to a new file, and never over one that is there."""
    lines = [msgspec.json.decode(line) for line in run("ledger", "export", "--tenant", "acme").output.splitlines()]
    assert [line["tenant"] for line in lines] == ["acme", "acme"]
    assert run("ledger", "export", "--from", "2023-11-15").output == ""
    assert "3 rows written" in run("ledger", "export", "--format", "csv", "-o", "x.csv").output
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 4
    again = run("ledger", "export", "-o", "x.csv")
    assert again.exit_code == 1
    assert "cannot be written" in again.output


def test_without_a_store_it_says_so(run: Run, tmp_path: Path) -> None:
    """And makes nothing up."""
    found = run("ledger", "verify", "--set", f"state.dir={tmp_path / 'nowhere'}")
    assert found.exit_code == 1
