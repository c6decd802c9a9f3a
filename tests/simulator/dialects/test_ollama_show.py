"""Ollama's description of a model."""

from __future__ import annotations

import pytest

from llm_gateway.simulator.dialects.ollama_show import reply
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script


@pytest.mark.parametrize("field", ["model", "name"])
def test_what_a_model_can_do(field):
    """Models that embed say so, all others complete; the old name of the field works too."""
    assert "tools" in reply(Script(), {field: "llama3.2"}).document["capabilities"]
    assert reply(Script(), {field: "nomic-embed-text"}).document["capabilities"] == ["embedding"]


def test_a_model_is_needed():
    """Without a name there is nothing to show."""
    with pytest.raises(Problem, match="model is required"):
        reply(Script(), {})
