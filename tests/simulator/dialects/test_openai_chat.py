"""Chat completions: whole answers, streams, and that both say the same."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.simulator.dialects.openai_chat import reply, stream
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script
from simulator.support import chat, check_chat_stream, user

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    for name in ("weather", "clock")
]
CASES = {
    "text": chat("hello naïve 🐍"),
    "tools": chat("call weather and call clock", tools=TOOLS),
    "forced": chat("x", tools=TOOLS, tool_choice={"type": "function", "function": {"name": "clock"}}),
    "refusal": chat("[refuse]"),
    "choices": chat("x", n=3, logprobs=True, top_logprobs=2),
    "length": chat("x", max_completion_tokens=3),
    "reasoning": chat("x", reasoning_effort="high"),
    "stop": chat("x", stop=["You"]),
    "schema": chat(
        "x", response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": TOOLS[0]["function"]["parameters"]}}
    ),
    "image": chat(
        "",
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "x"}}]}
        ],
    ),
}


def folded(chunks):
    """Message and finish reason of each choice, put together from the chunks."""
    choices = {}
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        message, _ = choices.setdefault(choice["index"], ({"content": None, "refusal": None, "calls": {}}, None))
        delta = choice["delta"]
        for field in ("content", "refusal"):
            if delta.get(field):
                message[field] = (message[field] or "") + delta[field]
        for call in delta.get("tool_calls") or ():
            known = message["calls"].setdefault(
                call["index"], {"id": call.get("id"), "name": call["function"].get("name"), "arguments": ""}
            )
            known["arguments"] += call["function"]["arguments"]
        choices[choice["index"]] = (message, choice["finish_reason"])
    return choices


@pytest.mark.parametrize("case", CASES)
def test_stream_says_what_the_whole_answer_says(case):
    """The fold of the stream is the whole answer: text, calls, refusal, finish, usage, id."""
    script, request = Script(seed=3), CASES[case]
    whole = reply(script, request).document
    events = stream(script, {**request, "stream": True, "stream_options": {"include_usage": True}})
    chunks = check_chat_stream(b"".join(event.data for event in events))
    assert chunks[-1]["usage"] == whole["usage"]
    assert chunks[0]["id"] == whole["id"]
    assert sum(event.tokens for event in events) == whole["usage"]["completion_tokens"]
    for choice in whole["choices"]:
        message, finish = folded(chunks)[choice["index"]]
        calls = [{"id": c["id"], **c["function"]} for c in choice["message"].get("tool_calls") or ()]
        assert (message["content"] or "", finish) == (choice["message"]["content"] or "", choice["finish_reason"])
        assert message["refusal"] == choice["message"]["refusal"]
        assert list(message["calls"].values()) == calls


def test_finish_reasons():
    """Each ending has the reason that OpenAI gives it."""
    found = {case: reply(Script(), CASES[case]).document["choices"][0]["finish_reason"] for case in CASES}
    assert found == dict.fromkeys(CASES, "stop") | {"tools": "tool_calls", "forced": "tool_calls", "length": "length"}


def test_usage():
    """Prompt, completion, reasoning and cached tokens add up; a stream has usage only when asked."""
    usage = reply(Script(), chat("x [cached=4]", reasoning_effort="low")).document["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 4
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]
    assert not any("usage" in event.data.decode() for event in stream(Script(), chat("x")))


def test_reasoning_content():
    """When asked for by the options, the reasoning is shown, whole and streamed."""
    script, request = Script(reasoning_content=True), chat("x", reasoning_effort="low")
    shown = reply(script, request).document["choices"][0]["message"]["reasoning_content"]
    chunks = check_chat_stream(b"".join(event.data for event in stream(script, request)))
    assert "".join(c["choices"][0]["delta"].get("reasoning_content", "") for c in chunks) == shown != ""


def test_logprobs():
    """One entry for each token, the chosen token first among the top ones."""
    choice = reply(Script(), chat("x", logprobs=True, top_logprobs=3)).document["choices"][0]
    entries = choice["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == choice["message"]["content"]
    assert all(entry["top_logprobs"][0]["token"] == entry["token"] and len(entry["top_logprobs"]) == 3 for entry in entries)
    assert all(entry["logprob"] <= 0 for entry in entries)


def test_a_conversation_with_tools_ends():
    """A tool's result is answered with text, although the user's text still asks for the call."""
    messages = [
        *user("call weather"),
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "a", "content": "sunny"},
    ]
    message = reply(Script(), chat(messages=messages, tools=TOOLS)).document["choices"][0]["message"]
    assert message["content"] == "The tool said: sunny"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 3}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "x"}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"tools": "x"}, "tools"),
        ({"tools": [{}]}, "tools[0].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"n": -1}, "n"),
        ({"n": "two"}, "n"),
        ({"max_tokens": 1e99}, "max_tokens"),
        ({"temperature": []}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"stop": list("abcde")}, "stop"),
    ],
)
def test_bad_requests_are_refused(change, param):
    """What OpenAI refuses is refused with 400 and the field's name."""
    with pytest.raises(Problem) as caught:
        reply(Script(), chat() | change)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_same_seed_same_bytes():
    """Two scripts with one seed answer alike, byte for byte; another seed has other ids."""
    one, two, other = (msgspec.json.encode(reply(Script(seed=s), CASES["choices"]).document) for s in (1, 1, 2))
    assert one == two != other
