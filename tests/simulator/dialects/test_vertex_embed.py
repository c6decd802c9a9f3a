"""Vertex AI's predict for texts."""

from __future__ import annotations

import pytest

from llm_gateway.simulator.dialects.vertex_embed import reply
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script


def test_a_prediction_for_each_instance():
    """In their order, of the size that is asked for, with their tokens."""
    asked = {"model": "m", "instances": [{"content": "x"}, {"content": "y"}], "parameters": {"outputDimensionality": 8}}
    found = [prediction["embeddings"] for prediction in reply(Script(), asked).document["predictions"]]
    assert [len(one["values"]) for one in found] == [8, 8]
    assert found[0]["values"] != found[1]["values"]
    assert found[0]["statistics"]["token_count"] == 1


def test_no_instances():
    """There is nothing to predict."""
    with pytest.raises(Problem):
        reply(Script(), {"model": "m", "instances": []})
