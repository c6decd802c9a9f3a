"""Legacy completions."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.simulator.dialects.openai_completions import reply, stream
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script
from simulator.support import events


def request(prompt="hello", **fields):
    return {"model": "m", "prompt": prompt, "max_tokens": 100, **fields}


def test_stream_says_what_the_whole_answer_says():
    """The fold of the stream is the whole answer, for several prompts and choices."""
    asked = request(["a", "b"], n=2, echo=True, stream_options={"include_usage": True})
    whole = reply(Script(), asked).document
    rows = [data for _, data in events(b"".join(event.data for event in stream(Script(), asked)))]
    assert rows.pop() == "[DONE]"
    chunks = [msgspec.json.decode(row) for row in rows]
    text, finish = dict.fromkeys(range(4), ""), {}
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        text[choice["index"]] += choice["text"]
        finish[choice["index"]] = choice["finish_reason"]
    assert {c["index"]: c["text"] for c in whole["choices"]} == text
    assert finish == dict.fromkeys(range(4), "stop")
    assert text[0].startswith("aI am")
    assert chunks[-1]["usage"] == whole["usage"]


def test_default_limit():
    """Without max_tokens an answer ends after 16 tokens, as OpenAI documents."""
    document = reply(Script(), {"model": "m", "prompt": "x" * 200}).document
    assert document["usage"]["completion_tokens"] == 16
    assert document["choices"][0]["finish_reason"] == "length"


def test_logprobs():
    """Tokens, values and offsets have the same length and the offsets point into the text."""
    choice = reply(Script(), request(logprobs=1)).document["choices"][0]
    shown = choice["logprobs"]
    assert len(shown["tokens"]) == len(shown["token_logprobs"]) == len(shown["text_offset"])
    for token, offset in zip(shown["tokens"], shown["text_offset"], strict=True):
        assert choice["text"].startswith(token, offset)


def test_token_prompts():
    """A prompt of token numbers is counted by its length."""
    assert reply(Script(), request([1, 2, 3])).document["usage"]["prompt_tokens"] == 3


@pytest.mark.parametrize("prompt", [None, 3, [], [1, "a"], {}])
def test_bad_prompts_are_refused(prompt):
    """What is no prompt is refused with 400."""
    with pytest.raises(Problem) as caught:
        reply(Script(), request(prompt))
    assert (caught.value.status, caught.value.param) == (400, "prompt")
