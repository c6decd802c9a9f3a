"""The requests that a scenario makes."""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest

from llm_gateway.config.values import Duration
from llm_gateway.loadtest.asking import asker, prompt
from llm_gateway.loadtest.scenario import Scenario, Span, Stage

STAGES = (Stage(duration=Duration(1), rate=Span(1, 1)),)


def documents(scenario: Scenario, count: int) -> list[dict]:
    ask = asker(scenario, Random(3))
    return [msgspec.json.decode(ask().body) for _ in range(count)]


def test_models_streams_and_lengths_come_in_their_shares():
    """A quarter of the requests is for b, half are streams that ask for their usage."""
    scenario = Scenario(stages=STAGES, models={"a": 3, "b": 1}, stream=0.5, prompt_tokens=Span(50, 200), max_tokens=Span(10, 20))
    made = documents(scenario, 2000)
    assert Counter(one["model"] for one in made)["b"] == pytest.approx(500, rel=0.2)
    streams = [one for one in made if one.get("stream")]
    assert len(streams) == pytest.approx(1000, rel=0.1)
    assert all(one["stream_options"] == {"include_usage": True} for one in streams)
    assert {one["max_tokens"] for one in made} == set(range(10, 21))
    lengths = [len(one["messages"][0]["content"]) / 4 for one in made]
    assert 49 <= min(lengths) < 60
    assert 190 < max(lengths) <= 201


def test_no_prompt_comes_twice():
    """Otherwise a cache would answer."""
    made = documents(Scenario(stages=STAGES, models={"a": 1}), 500)
    assert len({one["messages"][0]["content"] for one in made}) == 500


def test_what_stands_at_the_end_stands_at_the_end():
    """Where the simulator, for one, looks for it."""
    text = prompt(100, "[tokens=7]", Random(1))
    assert text.endswith(" [tokens=7]")
    assert len(text) == pytest.approx(400, abs=2)
    assert prompt(1, "", Random(1)).startswith("Load test")


def test_a_scenario_without_a_model_asks_nobody():
    """It is an error, not a default that somebody pays for."""
    with pytest.raises(ValueError, match="no model"):
        asker(Scenario(stages=STAGES), Random(1))
