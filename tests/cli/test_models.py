"""`llm-gateway models`, as a person and as a script meet it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from catalogue.books import book, entry, priced
from llm_gateway.catalogue.store import FILE, built_in
from llm_gateway.cli.main import main

CONFIG = """
providers:
  mine: {type: openai, api_key: sk-test}
  gpu: {type: vllm, base_url: "http://127.0.0.1:1"}
catalogue:
  models:
    gpu/llama: {context_window: 4096, prices: {input: 0.1, output: 0.0000002}}
"""
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """llm-gateway ARGUMENTS in an empty folder, on a wide terminal."""
    monkeypatch.chdir(tmp_path)
    for name in ("GATEWAY_CONFIG", "GATEWAY_URL", "GATEWAY_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(main, arguments, prog_name="llm-gateway", catch_exceptions=False)


def searched(run: Run, *arguments: str) -> dict[str, Any]:
    done = run("--json", "models", "search", *arguments)
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = msgspec.json.decode(done.stdout)
    return found


def ids(run: Run, *arguments: str) -> list[str]:
    return [model["id"] for model in searched(run, *arguments)["data"]]


def test_the_catalogue_without_a_configuration(run: Run) -> None:
    """All types, as many as are wanted, with the count of all and the date of the data."""
    found = searched(run, "gpt-4o-2024-08-06", "-n", "2")
    assert (len(found["data"]), found["total"] > 2, found["date"]) == (2, True, built_in().date.isoformat())
    (one,) = [model for model in searched(run, "gpt-4o", "-n", "0")["data"] if model["id"] == "openai/gpt-4o-2024-08-06"]
    assert (one["context_window"], one["pricing"]["input_per_million"], one["release_date"]) == (128_000, 2.5, "2024-08-06")
    assert {name.partition("/")[0] for name in ids(run, "-n", "0")} == set(built_in().providers)
    assert len(ids(run)) == 50


def test_the_catalogue_of_the_configured_providers(run: Run, tmp_path: Path) -> None:
    """By their names, with what the configuration knows; a type that is none of them can still be asked for."""
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    names = ids(run, "-n", "0")
    assert "gpu/llama" in names
    assert {name.partition("/")[0] for name in names} == {"mine", "gpu"}
    assert all(name.startswith("mine/") for name in ids(run, "-p", "mine", "--capability", "tools"))
    assert all(name.startswith("groq/") for name in ids(run, "-p", "groq"))
    assert ids(run, "-p", "nobody") == []


def test_a_table_for_people(run: Run, tmp_path: Path) -> None:
    """Names in full, counts with commas, prices with all of their digits and no more."""
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    title, headings, line = run("models", "search", "-p", "gpu").stdout.splitlines()
    assert title.startswith("1 of 1 models, data of ")
    assert headings.split() == ["model", "context", "output", "$", "in", "$", "out", "$", "each", "capabilities"]
    assert line.split() == ["gpu/llama", "4,096", "0.1", "0.0000002"]


def test_prices_of_images_in_the_table(run: Run, tmp_path: Path) -> None:
    """What is not tokens stands in a column of its own; where it depends on the request, from the lowest to the highest."""
    prices = "{image: 0.04, image_by: {low/1024x1024: 0.011}, search_unit: 0.002}"
    (tmp_path / "gateway.yaml").write_text(CONFIG.replace("{input: 0.1, output: 0.0000002}", prices))
    assert "image 0.011-0.04, search unit 0.002" in run("models", "search", "-p", "gpu").stdout.splitlines()[2]


def test_an_update_says_what_it_changes(run: Run, tmp_path: Path) -> None:
    """New, gone and repriced models; afterwards the new data is what is searched."""
    update = tmp_path / "new.json"
    update.write_bytes(book(entry("brand-new", prices=priced()), date="2999-01-01"))
    done = run("models", "update", "--from", "new.json")
    assert done.exit_code == 0
    first, new, gone, prices = done.stdout.splitlines()
    assert first == f"The catalogue is of 2999-01-01 now; it was of {built_in().date}."
    assert new == "new: 1: openai/brand-new"
    assert gone.endswith(" more")
    assert prices == "other prices: 0"
    assert ids(run) == ["openai/brand-new"]
    update.write_bytes(book(entry("brand-new", prices=priced(7)), date="2999-01-02"))
    changed = msgspec.json.decode(run("--json", "models", "update", "--from", "new.json").stdout)
    assert (changed["before"], changed["date"], changed["repriced"]) == ("2999-01-01", "2999-01-02", ["openai/brand-new"])


def test_updates_that_are_refused(run: Run, tmp_path: Path) -> None:
    """In words, with the file's name; nothing is written."""
    files = {"old.json": book(entry("m"), date="2000-01-01"), "format.json": b'{"format":7}', "broken.json": b"{"}
    words = {
        "old.json": "not newer",
        "format.json": "format 7",
        "broken.json": "is not a catalogue",
        "none.json": "cannot be read",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for name, word in words.items():
        done = run("models", "update", "--from", name)
        assert (done.exit_code, name in done.stderr, word in done.stderr) == (1, True, True)
    assert not (tmp_path / "state").exists()


def test_damaged_data_and_a_wrong_configuration(run: Run, tmp_path: Path) -> None:
    """Damaged data in the state directory is passed over with a word; a file that the configuration names is an error."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE).write_bytes(b"{")
    done = run("models", "search", "gpt-4o", "-n", "1")
    assert (done.exit_code, "Updated data is not used: " in done.stderr) == (0, True)
    done = run("models", "search", "--set", "catalogue.file=none.json")
    assert (done.exit_code, done.stderr.startswith("catalogue.file: none.json cannot be read")) == (2, True)
    done = run("models", "search", "--set", "catalogue.fil=none.json")
    assert (done.exit_code, "catalogue.fil: unknown key" in done.stderr) == (2, True)


def test_what_was_listed_before_still_is(run: Run) -> None:
    """Without a word behind it, the command asks a running gateway, and says so when there is none."""
    done = run("models", "--url", "http://127.0.0.1:1")
    assert (done.exit_code, "Is the gateway running there?" in done.stderr) == (1, True)
