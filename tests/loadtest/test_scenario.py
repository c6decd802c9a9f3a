"""Scenario files: what is read, and what is refused with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.loadtest.arrivals import Ramp
from llm_gateway.loadtest.scenario import Scenario, Span, read, shortened

FILES = sorted((Path(__file__).parent.parent / "load").glob("*.yaml"))


def written(tmp_path: Path, text: str) -> Scenario:
    file = tmp_path / "load.yaml"
    file.write_text(text)
    return read(file)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_scenarios_of_this_repository_are_right(file):
    """Each says what it is for, when it has failed, and can be run."""
    scenario = read(file)
    assert scenario.about
    assert scenario.fail_if
    assert sum(ramp.seconds for ramp in shortened(scenario, 10).ramps) > 0


def test_the_founding_documents_scenarios_are_there():
    """Requirements section 11: smoke, baseline, stress with 150 users, soak for two hours, streaming."""
    found = {file.stem: read(file) for file in FILES}
    assert set(found) == {"smoke", "baseline", "stress", "soak", "streaming"}
    assert max(ramp.last for ramp in found["stress"].ramps) == 150
    assert sum(stage.duration for stage in found["soak"].stages) == 7200
    assert found["streaming"].stream == 1


def test_the_warm_up_comes_before_the_first_stage(tmp_path):
    """With the load that the stage begins with, or leads to if it begins with nothing."""
    scenario = written(tmp_path, "{warm_up: 5s, stages: [{duration: 10s, rate: 20 to 40}]}")
    assert scenario.ramps == (Ramp(5, 20, 20), Ramp(10, 20, 40))
    scenario = written(tmp_path, "{warm_up: 5s, stages: [{duration: 10s, users: 0 to 40}]}")
    assert scenario.ramps[0] == Ramp(5, 40, 40)
    assert not scenario.open


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "needs stages"),
        ("{stages: []}", "at least one"),
        ("{stages: [{duration: 1s}]}", "either rate or users"),
        ("{stages: [{duration: 1s, rate: 1, users: 1}]}", "either rate or users"),
        ("{stages: [{duration: 1s, rate: 1}, {duration: 1s, users: 1}]}", "one of both"),
        ("{stages: [{duration: 0s, rate: 1}]}", "more than 0"),
        ("{stages: [{duration: 1s, rate: fast}]}", "two such as"),
        ("{stages: [{duration: 1s, rate: 1}], prompt_tokens: 50 to 20}", "smaller one first"),
        ("{stages: [{duration: 1s, rate: 1}], models: {a: 0}}", "above 0"),
        ("{stages: [{duration: 1s, rate: 1}], stream: 2}", "from 0 to 1"),
        ("{stages: [{duration: 1s, rate: 1}], fail_if: [p95]}", "such as"),
        ("{stages: [{duration: 1s, rate: 1}], fail_if: ['p94 > 1s']}", "p99.9"),
        ("{stages: [{duration: 1s, rate: 1}], straem: 1}", "stream"),
        ("stages: [", "line"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, said):
    """File, line, and what was expected."""
    with pytest.raises(ConfigErrors) as raised:
        written(tmp_path, text)
    assert "load.yaml:" in str(raised.value)
    assert said in str(raised.value) or said == "line"


def test_the_example_of_the_documentation_is_right(tmp_path):
    """As it stands there."""
    page = (Path(__file__).resolve().parent.parent.parent / "docs" / "PERFORMANCE.md").read_text()
    (example,) = (block for block in re.findall(r"^```text\n(.*?)^```$", page, re.DOTALL | re.MULTILINE) if "stages:" in block)
    assert len(written(tmp_path, example).fail_if) == 3


def test_spans():
    """A number, or two."""
    assert Span.parse("50 to 200") == Span.parse("50-200") == Span(50, 200)
    assert Span.parse(7) == Span(7, 7)
    assert str(Span.parse("0.5 to 2")) == "0.5 to 2"
    for wrong in ("", "a", "-1", "1 to", True, None):
        with pytest.raises(ValueError, match="expected a number"):
            Span.parse(wrong)
