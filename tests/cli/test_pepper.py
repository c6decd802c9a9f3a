"""`llm-gateway rotate-pepper`."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from llm_gateway.cli.main import main
from llm_gateway.supervisor.lock import held
from llm_gateway.worker.pepper import load_peppers


def run(state: Path) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["rotate-pepper", "--set", f"state.dir={state}"])
    return done.exit_code, done.output


def test_a_new_one_and_the_old_one_still_counts(tmp_path: Path, monkeypatch) -> None:
    """What was hashed before is recognised."""
    monkeypatch.chdir(tmp_path)
    (before,) = load_peppers(tmp_path / "state")
    code, said = run(tmp_path / "state")
    assert (code, "is new" in said.replace("\n", " ")) == (0, True)
    assert load_peppers(tmp_path / "state")[1:] == (before,)


def test_not_while_a_gateway_runs(tmp_path: Path, monkeypatch) -> None:
    """Its processes would not know it."""
    monkeypatch.chdir(tmp_path)
    before = load_peppers(tmp_path / "state")
    with held(tmp_path / "state") as free:
        assert free
        code, said = run(tmp_path / "state")
    assert (code, "End it first" in said.replace("\n", " ")) == (1, True)
    assert load_peppers(tmp_path / "state") == before
