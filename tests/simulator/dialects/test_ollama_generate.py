"""Ollama's generate: one prompt, whole and as lines."""

from __future__ import annotations

import pytest

from llm_gateway.simulator.dialects.ollama_generate import reply, stream
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script
from simulator.support import OBJECT, lines


def generate(prompt="hello", **fields):
    return {"model": "llama-test", "prompt": prompt, **fields}


CASES = {
    "text": generate("hello naïve 🐍", system="be brief"),
    "thinking": generate(think=True),
    "length": generate(options={"num_predict": 3}),
    "schema": generate(format=OBJECT),
    "image": generate(images=["AA=="]),
    "load": {"model": "llama-test"},
}


@pytest.mark.parametrize("case", CASES)
def test_stream_says_what_the_whole_answer_says(case):
    """The fold of the lines is the whole answer; a request without a prompt loads the model."""
    script, request = Script(seed=3), CASES[case]
    whole = reply(script, request).document
    written = stream(script, request)
    found = lines(b"".join(event.data for event in written))
    said = {"response": "".join(line["response"] for line in found)}
    if thinking := "".join(line.get("thinking", "") for line in found):
        said["thinking"] = thinking
    assert {**found[-1], **said} == whole
    assert sum(event.tokens for event in written) == whole.get("eval_count", 0)
    assert whole["done_reason"] == {"length": "length", "load": "load"}.get(case, "stop")


@pytest.mark.parametrize(
    ("change", "param"), [({"model": None}, "model"), ({"prompt": []}, "prompt"), ({"images": "x"}, "images")]
)
def test_bad_requests_are_refused(change, param):
    """What Ollama refuses is refused with 400."""
    with pytest.raises(Problem) as caught:
        reply(Script(), generate() | change)
    assert (caught.value.status, caught.value.param) == (400, param)
