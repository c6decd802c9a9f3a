"""Anthropic messages: whole answers, streams, counted tokens, and that all three agree."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.simulator.dialects.anthropic_messages import count, reply, stream
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script
from simulator.support import check_messages_stream, message

TOOLS = [
    {"name": name, "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
    for name in ("weather", "clock")
]
MARK = {"type": "ephemeral"}
CASES = {
    "text": message("hello naïve 🐍"),
    "tools": message("call weather and call clock", tools=TOOLS),
    "any": message("x", tools=TOOLS, tool_choice={"type": "any"}),
    "refusal": message("[refuse]"),
    "thinking": message("x [redacted]", thinking={"type": "enabled", "budget_tokens": 1024}),
    "stop": message("x", stop_sequences=["You"]),
    "length": message("x", max_tokens=2),
    "schema": message("x", output_config={"format": {"type": "json_schema", "schema": TOOLS[0]["input_schema"]}}),
    "image": message(messages=[{"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image", "source": {}}]}]),
}


def folded(events):
    """The content blocks, put together from the events."""
    blocks = []
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append(dict(event["content_block"]))
            joined = ""
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            match delta["type"]:
                case "text_delta":
                    blocks[-1]["text"] += delta["text"]
                case "thinking_delta":
                    blocks[-1]["thinking"] += delta["thinking"]
                case "signature_delta":
                    blocks[-1]["signature"] = delta["signature"]
                case "input_json_delta":
                    joined += delta["partial_json"]
                    if joined:
                        blocks[-1]["_json"] = joined
        elif event["type"] == "content_block_stop" and "_json" in blocks[-1]:
            blocks[-1]["input"] = msgspec.json.decode(blocks[-1].pop("_json"))
    return blocks


@pytest.mark.parametrize("case", CASES)
def test_stream_says_what_the_whole_answer_says(case):
    """The fold of the stream is the whole answer: blocks, stop reason, usage, id."""
    script, request = Script(seed=3), CASES[case]
    whole = reply(script, request).document
    written = stream(script, {**request, "stream": True})
    events = check_messages_stream(b"".join(event.data for event in written))
    assert folded(events) == whole["content"]
    assert events[-2]["delta"] == {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
    assert events[-2]["usage"].items() <= whole["usage"].items()
    assert events[0]["message"]["id"] == whole["id"]
    assert sum(event.tokens for event in written) == whole["usage"]["output_tokens"]


def test_stop_reasons():
    """Each ending has the reason that Anthropic gives it."""
    found = {case: reply(Script(), CASES[case]).document["stop_reason"] for case in CASES}
    wanted = {"tools": "tool_use", "any": "tool_use", "refusal": "refusal", "stop": "stop_sequence", "length": "max_tokens"}
    assert found == dict.fromkeys(CASES, "end_turn") | wanted


def test_thinking_comes_first_and_sealed():
    """A thinking block with a signature, then a redacted one when asked for, then the text."""
    blocks = reply(Script(), CASES["thinking"]).document["content"]
    assert [block["type"] for block in blocks] == ["thinking", "redacted_thinking", "text"]
    assert blocks[0]["signature"]


@pytest.mark.parametrize("case", CASES)
def test_counted_tokens_are_the_tokens_charged(case):
    """count_tokens and the usage of the answer agree."""
    usage = reply(Script(), CASES[case]).document["usage"]
    asked = {name: value for name, value in CASES[case].items() if name != "max_tokens"}
    assert count(Script(), asked).document["input_tokens"] == usage["input_tokens"]


@pytest.mark.parametrize(("text", "written", "read"), [("x", True, False), ("x [cached]", False, True)])
def test_prompt_cache(text, written, read):
    """A marked prefix is written to the cache, or read when asked; the three classes stay disjoint."""
    content = [{"type": "text", "text": "long" * 40, "cache_control": MARK}]
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": "ok"}, {"role": "user", "content": text}]
    request = message(messages=messages)
    usage = reply(Script(), request).document["usage"]
    assert bool(usage["cache_creation_input_tokens"]) is written
    assert bool(usage["cache_read_input_tokens"]) is read
    classes = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    assert sum(usage[name] for name in classes) == count(Script(), request).document["input_tokens"]


def test_tool_results_are_answered():
    """A tool's result is answered with text."""
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "sunny"}]}
    messages = [
        {"role": "user", "content": "call weather"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "weather", "input": {}}]},
        {"role": "user", "content": [result]},
    ]
    blocks = reply(Script(), message(messages=messages, tools=TOOLS)).document["content"]
    assert [block["text"] for block in blocks] == ["The tool said: sunny"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"stop_sequences": "x"}, "stop_sequences"),
    ],
)
def test_bad_requests_are_refused(change, param):
    """What Anthropic refuses is refused with 400."""
    with pytest.raises(Problem) as caught:
        reply(Script(), message() | change)
    assert (caught.value.status, caught.value.param) == (400, param)
