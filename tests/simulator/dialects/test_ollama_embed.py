"""Ollama's embeddings."""

from __future__ import annotations

import pytest

from llm_gateway.simulator.dialects.ollama_embed import reply
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script


def test_one_and_many():
    """A string is a list of one; the same text has the same vector."""
    one = reply(Script(), {"model": "m", "input": "a", "dimensions": 8}).document
    many = reply(Script(), {"model": "m", "input": ["b", "a"], "dimensions": 8}).document
    assert one["embeddings"] == many["embeddings"][1:]
    assert (len(one["embeddings"][0]), many["prompt_eval_count"]) == (8, 2)


@pytest.mark.parametrize(("change", "param"), [({"model": None}, "model"), ({"input": None}, "input"), ({"input": [3]}, "input")])
def test_bad_requests_are_refused(change, param):
    """What Ollama refuses is refused with 400."""
    with pytest.raises(Problem) as caught:
        reply(Script(), {"model": "m", "input": "a"} | change)
    assert (caught.value.status, caught.value.param) == (400, param)
