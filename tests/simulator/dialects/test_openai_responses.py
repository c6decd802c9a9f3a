"""Responses: whole answers, streams, and that both say the same."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.simulator.dialects.openai_responses import reply, stream
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script
from simulator.support import OBJECT, check_responses_stream, response

TOOLS = [{"type": "function", "name": name, "parameters": OBJECT} for name in ("weather", "clock")]
CASES = {
    "text": response("hello naïve 🐍"),
    "tools": response("call weather and call clock", tools=TOOLS),
    "forced": response("x", tools=TOOLS, tool_choice={"type": "function", "name": "clock"}),
    "refusal": response("[refuse]"),
    "thinking": response("x", reasoning={"effort": "low"}),
    "summary": response("x", reasoning={"effort": "low", "summary": "auto"}, include=["reasoning.encrypted_content"]),
    "length": response("x", max_output_tokens=3),
    "thought": response("x", max_output_tokens=3, reasoning={"effort": "high"}),
    "schema": response("x", text={"format": {"type": "json_schema", "name": "n", "schema": OBJECT}}),
    "logprobs": response("x", include=["message.output_text.logprobs"], top_logprobs=2),
    "image": response([{"role": "user", "content": [{"type": "input_text", "text": "see"}, {"type": "input_image"}]}]),
}


@pytest.mark.parametrize("case", CASES)
def test_stream_says_what_the_whole_answer_says(case):
    """The last event has the whole answer, and the events before it make up its items."""
    script, request = Script(seed=3), CASES[case]
    whole = reply(script, request)
    written = stream(script, {**request, "stream": True})
    events = check_responses_stream(b"".join(event.data for event in written))
    assert events[-1]["response"] == whole.document
    assert sum(event.tokens for event in written) == whole.tokens == whole.document["usage"]["output_tokens"]
    assert events[0]["response"]["output"] == []


def test_items():
    """Reasoning stands before the message, calls are items of their own, nothing is said when all was thought."""
    found = {case: [item["type"] for item in reply(Script(), CASES[case]).document["output"]] for case in CASES}
    wanted = {
        "tools": ["function_call"] * 2,
        "forced": ["function_call"],
        "thinking": ["reasoning", "message"],
        "summary": ["reasoning", "message"],
        "thought": ["reasoning"],
    }
    assert found == {case: ["message"] for case in CASES} | wanted


def test_status():
    """An answer that the limit ended is incomplete and says why; all others are completed."""
    for case, request in CASES.items():
        document = reply(Script(), request).document
        cut = case in ("length", "thought")
        assert document["status"] == ("incomplete" if cut else "completed")
        assert document["incomplete_details"] == ({"reason": "max_output_tokens"} if cut else None)


def test_reasoning_is_sealed_and_summed_up_when_asked():
    """Encrypted content and a summary come only for those who ask for them."""
    silent = reply(Script(), CASES["thinking"]).document["output"][0]
    shown = reply(Script(), CASES["summary"]).document["output"][0]
    assert (silent["summary"], "encrypted_content" in silent) == ([], False)
    assert shown["summary"][0]["text"]
    assert shown["encrypted_content"]


def test_logprobs():
    """One entry for each token, whole and streamed."""
    part = reply(Script(), CASES["logprobs"]).document["output"][0]["content"][0]
    assert "".join(entry["token"] for entry in part["logprobs"]) == part["text"]
    assert all(len(entry["top_logprobs"]) == 2 for entry in part["logprobs"])


def test_usage():
    """Input, output, reasoning and cached tokens add up."""
    usage = reply(Script(), response("x [cached=4]", reasoning={"effort": "low"})).document["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["input_tokens_details"]["cached_tokens"] == 4
    assert 0 < usage["output_tokens_details"]["reasoning_tokens"] < usage["output_tokens"]


def test_a_conversation_with_tools_ends():
    """A tool's result is answered with text."""
    items = [
        {"role": "user", "content": "call weather"},
        {"type": "function_call", "call_id": "a", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "sunny"},
    ]
    message = reply(Script(), response(items, tools=TOOLS)).document["output"][0]
    assert message["content"][0]["text"] == "The tool said: sunny"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 3}, "input"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": ["user"], "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 3}]}, "input[0].content"),
        ({"input": [{"type": "function_call_output"}]}, "input[0].call_id"),
        ({"tools": "x"}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"include": 3}, "include"),
        ({"reasoning": "high"}, "reasoning"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.name"),
    ],
)
def test_bad_requests_are_refused(change, param):
    """What OpenAI refuses is refused with 400 and the field's name."""
    with pytest.raises(Problem) as caught:
        reply(Script(), response() | change)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_same_seed_same_bytes():
    """Two scripts with one seed answer alike, byte for byte; another seed has other ids."""
    one, two, other = (msgspec.json.encode(reply(Script(seed=s), CASES["summary"]).document) for s in (1, 1, 2))
    assert one == two != other
