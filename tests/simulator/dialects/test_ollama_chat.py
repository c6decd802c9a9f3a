"""Ollama's chat: whole answers, lines, and that both say the same."""

from __future__ import annotations

import pytest

from llm_gateway.simulator.dialects.ollama_chat import DIALECT, reply, stream
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script
from simulator.support import FUNCTIONS, OBJECT, lines, ollama

CASES = {
    "text": ollama("hello naïve 🐍"),
    "tools": ollama("call weather and call clock", tools=FUNCTIONS),
    "thinking": ollama("x", think=True),
    "level": ollama("x", think="high"),
    "length": ollama("x", options={"num_predict": 3}),
    "stop": ollama("x", options={"stop": ["You"]}),
    "endless": ollama("x", options={"num_predict": -1, "stop": "You"}),
    "schema": ollama("x", format=OBJECT),
    "json": ollama("x", format="json"),
    "image": ollama(messages=[{"role": "user", "content": "see", "images": ["AA=="]}]),
}


@pytest.mark.parametrize("case", CASES)
def test_stream_says_what_the_whole_answer_says(case):
    """The fold of the lines is the whole answer: content, thinking, calls, reason, counts."""
    script, request = Script(seed=3), CASES[case]
    whole = reply(script, {**request, "stream": False}).document
    written = stream(script, request)
    found = lines(b"".join(event.data for event in written))
    assert [line["done"] for line in found] == [False] * (len(found) - 1) + [True]
    message = {"role": "assistant", "content": "".join(line["message"]["content"] for line in found)}
    if thinking := "".join(line["message"].get("thinking", "") for line in found):
        message["thinking"] = thinking
    if calls := [call for line in found for call in line["message"].get("tool_calls", ())]:
        message["tool_calls"] = calls
    assert {**found[-1], "message": message} == whole
    assert sum(event.tokens for event in written) == whole["eval_count"]


def test_done_reasons():
    """A limit is told apart from the other endings, which are all called stop."""
    found = {case: reply(Script(), CASES[case]).document["done_reason"] for case in CASES}
    assert found == dict.fromkeys(CASES, "stop") | {"length": "length"}


def test_streams_unless_told_otherwise():
    """No `stream` means true."""
    assert [DIALECT.streams(ollama(**given)) for given in ({}, {"stream": True}, {"stream": False})] == [True, True, False]


def test_calls_have_objects_as_arguments():
    """Arguments are no text."""
    calls = reply(Script(), CASES["tools"]).document["message"]["tool_calls"]
    assert [call["function"] for call in calls] == [
        {"index": number, "name": name, "arguments": {"city": "simulated"}} for number, name in enumerate(("weather", "clock"))
    ]


@pytest.mark.parametrize(("keep", "reason"), [(None, "load"), (0, "unload")])
def test_a_request_without_messages_loads_the_model(keep, reason):
    """Nothing is said, whole and streamed."""
    request = {"model": "m", "messages": [], "keep_alive": keep}
    document = reply(Script(), request).document
    assert (document["done_reason"], document["message"]["content"]) == (reason, "")
    assert lines(stream(Script(), request)[0].data) == [document]


def test_a_conversation_with_tools_ends():
    """A tool's result is answered with text."""
    call = {"function": {"name": "weather", "arguments": {}}}
    messages = [
        {"role": "user", "content": "call weather"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_name": "weather", "content": "sunny"},
    ]
    document = reply(Script(), ollama(messages=messages, tools=FUNCTIONS)).document
    assert document["message"]["content"] == "The tool said: sunny"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ""}, "model"),
        ({"messages": "x"}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.content"),
        ({"tools": [{}]}, "tools[0].function.name"),
        ({"options": {"num_predict": "x"}}, "num_predict"),
        ({"options": []}, "options"),
        ({"format": "xml"}, "format"),
        ({"think": "a lot"}, "think"),
    ],
)
def test_bad_requests_are_refused(change, param):
    """What Ollama refuses is refused with 400."""
    with pytest.raises(Problem) as caught:
        reply(Script(), ollama() | change)
    assert (caught.value.status, caught.value.param) == (400, param)
