"""`llm-gateway migrate`."""

from __future__ import annotations

import msgspec
import pytest
from click.testing import CliRunner

from llm_gateway.cli.main import main
from llm_gateway.store.migrations.files import known
from store_support import new_database

NAMES = [str(migration) for migration in known()]


@pytest.fixture(params=["sqlite", "postgresql"])
def run(request, tmp_path):
    """Runs a command on a database of its own; its status and what it wrote."""
    chosen = ["--set", f"state.dir={tmp_path}"]
    if request.param == "postgresql":
        chosen += ["--set", f"database.url={new_database()}"]

    def command(*arguments: str, stdin: str | None = None):
        return CliRunner().invoke(main, ["--json", "migrate", *arguments, *chosen], input=stdin, env={"HOME": str(tmp_path)})

    return command


def data(result):
    return msgspec.json.decode(result.stdout)


def test_from_nothing_to_now_and_back(run):
    """run applies, status shows, revert takes back; each says what it did, as JSON too."""
    result = run("status")
    assert result.exit_code == 1
    assert "llm-gateway migrate run" in result.stderr
    assert {row["status"] for row in data(result)["migrations"]} == {"pending"}
    assert data(run("run")) == {"applied": NAMES}
    assert data(run("run")) == {"applied": []}
    result = run("status")
    assert result.exit_code == 0
    assert [(f"{row['version']}_{row['name']}", row["status"]) for row in data(result)["migrations"]] == [
        (n, "applied") for n in NAMES
    ]
    assert data(run("revert", "--yes")) == {"reverted": NAMES[-1:]}
    assert data(run("revert", "--steps", "2", "--yes")) == {"reverted": NAMES[-2:-4:-1]}


def test_nothing_is_taken_back_without_a_yes(run):
    """A question first; no means no."""
    run("run")
    result = run("revert", stdin="n\n")
    assert result.exit_code == 1
    assert "lost" in result.stderr
    assert run("status").exit_code == 0


def test_there_must_be_something_to_take_back(run):
    """An error, not a silent nothing."""
    result = run("revert", "--yes")
    assert result.exit_code == 1
    assert "no migration is applied" in result.stderr


def test_a_database_that_is_away_is_an_error(tmp_path):
    """Status 1 and a text without the password."""
    url = "postgresql://me:topsecret@127.0.0.1:1/db"
    result = CliRunner().invoke(main, ["migrate", "run", "--set", f"database.url={url}"], env={"HOME": str(tmp_path)})
    assert result.exit_code == 1
    assert "topsecret" not in result.stderr
    assert "127.0.0.1" in result.stderr


def test_a_new_migration_is_written(tmp_path):
    """Its file is named; a bad name is the command line's fault."""
    result = CliRunner().invoke(main, ["--json", "migrate", "create", "Add colours", "--dir", str(tmp_path)])
    assert data(result) == {"file": str(tmp_path / "v0001_add_colours.py")}
    assert (tmp_path / "v0001_add_colours.py").is_file()
    assert CliRunner().invoke(main, ["migrate", "create", "?", "--dir", str(tmp_path)]).exit_code == 2
