"""Cohere's chat: whole answers, events, and that both say the same."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.simulator.dialects.cohere_chat import PREAMBLE_TOKENS, reply, stream
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script
from simulator.support import FUNCTIONS, OBJECT, cohere, events

CASES = {
    "text": cohere("hello naïve 🐍"),
    "tools": cohere("call weather and call clock", tools=FUNCTIONS),
    "required": cohere("x", tools=FUNCTIONS, tool_choice="REQUIRED"),
    "thinking": cohere("x", thinking={"type": "enabled"}),
    "both": cohere("call weather", tools=FUNCTIONS, thinking={"type": "enabled"}),
    "length": cohere("x", max_tokens=3),
    "stop": cohere("x", stop_sequences=["You"]),
    "refusal": cohere("[refuse]"),
    "schema": cohere("x", response_format={"type": "json_object", "json_schema": OBJECT}),
    "logprobs": cohere("x", logprobs=True),
    "image": cohere(messages=[{"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image_url"}]}]),
}


def folded(found):
    """The message that the events make up."""
    message, blocks, calls, plan = {"role": "assistant"}, [], [], ""
    for event in found:
        delta = event.get("delta", {}).get("message", {})
        match event["type"]:
            case "content-start":
                assert event["index"] == len(blocks)
                blocks.append(dict(delta["content"]))
            case "content-delta":
                for name, text in delta["content"].items():
                    blocks[event["index"]][name] += text
            case "tool-plan-delta":
                plan += delta["tool_plan"]
            case "tool-call-start":
                assert event["index"] == len(calls)
                calls.append(msgspec.convert(delta["tool_calls"], dict))
            case "tool-call-delta":
                calls[event["index"]]["function"]["arguments"] += delta["tool_calls"]["function"]["arguments"]
    said = {"content": blocks, "tool_plan": plan, "tool_calls": calls}
    return message | {name: value for name, value in said.items() if value}


@pytest.mark.parametrize("case", CASES)
def test_stream_says_what_the_whole_answer_says(case):
    """The fold of the events is the whole answer: content, plan, calls, finish, usage, id; then comes one [DONE]."""
    script, request = Script(seed=3), CASES[case]
    whole = reply(script, request).document
    written = stream(script, {**request, "stream": True})
    rows = events(b"".join(event.data for event in written))
    assert rows[-1] == (None, "[DONE]")
    found = [msgspec.json.decode(data) for _, data in rows[:-1]]
    assert [name for name, _ in rows[:-1]] == [event["type"] for event in found]
    assert (found[0]["type"], found[0]["id"]) == ("message-start", whole["id"])
    assert folded(found) == whole["message"]
    assert found[-1] == {"type": "message-end", "delta": {name: whole[name] for name in ("finish_reason", "usage")}}
    assert sum(event.tokens for event in written) == whole["usage"]["tokens"]["output_tokens"]


def test_finish_reasons():
    """Each ending has the reason that Cohere gives it."""
    found = {case: reply(Script(), CASES[case]).document["finish_reason"] for case in CASES}
    called = dict.fromkeys(("tools", "required", "both"), "TOOL_CALL")
    assert found == dict.fromkeys(CASES, "COMPLETE") | called | {"length": "MAX_TOKENS", "stop": "STOP_SEQUENCE"}


def test_a_plan_or_a_thought():
    """A model that does not think says why it calls; one that thinks has said so in its thinking."""
    planned, thought = (reply(Script(), CASES[case]).document["message"] for case in ("tools", "both"))
    assert planned["tool_plan"] == "I will call weather and clock."
    assert ("tool_plan" in thought, thought["content"][0]["type"]) == (False, "thinking")


def test_usage_has_two_counts():
    """Less is billed than was read, and what came from the cache is told beside."""
    usage = reply(Script(), cohere("x [cached=2]")).document["usage"]
    assert usage["tokens"]["input_tokens"] == usage["billed_units"]["input_tokens"] + PREAMBLE_TOKENS
    assert usage["cached_tokens"] == 2


def test_a_conversation_with_tools_ends():
    """A tool's result is answered with text, whether it is text or a document."""
    call = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    for content in ("sunny", [{"type": "document", "document": {"data": "sunny"}}]):
        messages = [
            {"role": "user", "content": "call weather"},
            {"role": "assistant", "tool_plan": "p", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "a", "content": content},
        ]
        message = reply(Script(), cohere(messages=messages, tools=FUNCTIONS)).document["message"]
        assert message["content"] == [{"type": "text", "text": "The tool said: sunny"}]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "x"}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"tools": [{}]}, "tools[0].function.name"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": "REQUIRED"}, "tool_choice"),
        ({"stop_sequences": list("abcdef")}, "stop_sequences"),
        ({"temperature": 2}, "temperature"),
        ({"response_format": "json"}, "response_format"),
    ],
)
def test_bad_requests_are_refused(change, param):
    """What Cohere refuses is refused with 400."""
    with pytest.raises(Problem) as caught:
        reply(Script(), cohere() | change)
    assert (caught.value.status, caught.value.param) == (400, param)
