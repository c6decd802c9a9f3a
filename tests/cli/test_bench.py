"""`llm-gateway bench`, against a gateway that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway_process import KEY

SCENARIOS = sorted((Path(__file__).parent.parent / "load").glob("*.yaml"))
SHORT = ("-m", "m", "--rate", "80", "--duration", "250ms")


@pytest.fixture
def bench(asking):
    """The command with a caller's key, as a script asks it: exit status and what was said."""

    def called(*arguments: str) -> tuple[int, dict[str, Any]]:
        done = asking("--json", "bench", *arguments, GATEWAY_API_KEY=KEY)
        assert KEY not in done.output
        return done.exit_code, msgspec.json.decode(done.stdout) if done.stdout else {"said": done.stderr}

    return called


@pytest.mark.parametrize(
    "file", [pytest.param(file, id=file.stem, marks=[] if file.stem == "smoke" else pytest.mark.long) for file in SCENARIOS]
)
def test_every_scenario_runs_against_a_gateway(bench, file):
    """For a moment, with the simulator behind it: everything is answered."""
    seconds = {"smoke": 30, "baseline": 310, "stress": 840, "soak": 7260, "streaming": 305}[file.stem]
    status, said = bench("--scenario", str(file), "-m", "m", "--shorten", str(seconds * 3), "--prompt", "[tokens=5]")
    assert said["requests"] > 0
    assert said["errors"]["kinds"] == {}
    assert len(said["thresholds"]) >= 2
    assert status == (0 if said["passed"] else 1)


def test_a_person_sees_tables(asking):
    """Latency, errors, tokens, and whether the thresholds held."""
    done = asking("bench", *SHORT, "--stream", "0.5", "--fail-if", "errors > 0", "--fail-if", "max > 30s", GATEWAY_API_KEY=KEY)
    late = "The load generator was the bottleneck" in done.stdout  # on a machine that does other things, too
    assert done.exit_code == (1 if late else 0), done.output
    for words in ("latency, from when it was due", "first token", "errors", "0 (0.00%)", "held", "generator"):
        assert words in done.stdout
    assert KEY not in done.output


def test_a_threshold_that_is_passed_ends_with_1(bench):
    """Whatever is wrong, all figures are there."""
    status, said = bench(*SHORT, "--fail-if", "requests > 1", "--fail-if", "errors > 0")
    assert status == 1
    assert not said["passed"]
    assert [one["failed"] for one in said["thresholds"]] == [True, False]
    assert said["latency_ms"]["p50"] > 0


def test_errors_are_told_by_their_kind(bench):
    """A model that nobody has, beside one that answers."""
    status, said = bench("-m", "m=3", "-m", "nobody=1", "--concurrency", "2", "--requests", "40")
    assert status == 0
    assert said["requests"] == 40
    assert list(said["errors"]["kinds"]) == ["404 model_not_found"]
    assert 0 < said["errors"]["count"] < 30


def test_a_run_is_compared_with_an_earlier_one(bench, tmp_path):
    """The same load: within a tolerance of any size it is not worse; errors are."""
    before = str(tmp_path / "before.json")
    assert bench(*SHORT, "--out", before)[0] == 0
    status, said = bench(*SHORT, "--compare", before, "--tolerance", "100000")
    told = {row["name"] for row in said["compared"]}
    if said["not_compared"]:
        assert "generator" in said["not_compared"]  # the machine was too busy
        return
    assert {"latency p50", "answers", "errors"} <= told
    assert status == 0
    status, said = bench("-m", "nobody", *SHORT[2:], "--compare", before, "--tolerance", "100000")
    assert status == 1


def test_another_load_is_not_compared(bench, tmp_path):
    """It is said, and the status is 1: nothing was found to be as good as before."""
    before = str(tmp_path / "before.json")
    bench(*SHORT, "--out", before)
    status, said = bench("-m", "m", "--rate", "20", "--duration", "200ms", "--compare", before)
    assert status == 1
    assert "another load (stages)" in said["not_compared"]


def test_nobody_is_there(alone):
    """Every request is an error of its own; that is a result, and a threshold makes it a failure."""
    done = alone(
        "--json", "bench", "-u", "http://127.0.0.1:1", "-m", "m", "--concurrency", "1", "--requests", "3", "--fail-if", "errors>0"
    )
    assert done.exit_code == 1
    assert msgspec.json.decode(done.stdout)["errors"]["kinds"] == {"no connection": 3}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no model is named"),
        (("-m", "m", "--rate", "1", "--concurrency", "1"), "Either --rate or --concurrency"),
        (("-m", "m=x", "--rate", "1"), "NAME=SHARE"),
        (("-m", "m", "--rate", "fast"), "two such as"),
        (("-m", "m", "--prompt-tokens", "9 to 3"), "smaller one first"),
        (("-m", "m", "--fail-if", "p95"), "such as"),
        (("-m", "m", "-u", "ftp://x"), "http"),
        (("-m", "m", "--scenario", str(SCENARIOS[0]), "--duration", "5s"), "have their own"),
        (("-m", "m", "--rate", "1", "--shorten", "2"), "goes with --scenario"),
        (("-m", "m", "--rate", "1", "--think", "1s"), "goes with users"),
        (("-m", "m", "--concurrency", "1", "--arrivals", "even"), "goes with a rate"),
        (("-m", "m", "--compare", __file__), "was not written by"),
        (("-m", "m", "--rate", "0"), "every rate is 0"),
        (("-m", "m", "--rate", "1", "--duration", "0s"), "more than 0"),
        (("-m", "m", "--rate", "1", "--timeout", "0s"), "more than 0"),
        (("-m", "m", "--rate", "1", "--out", "/nowhere/there/x.json"), "there is no folder"),
    ],
)
def test_a_command_line_that_makes_no_sense(alone, arguments, said):
    """Status 2, before anything is sent."""
    done = alone("bench", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
