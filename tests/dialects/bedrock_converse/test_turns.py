"""A system prompt and turns, neutral to wire."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Raw

from dialects.bedrock_converse.asked import MARK, MISTRAL, POINT, TITAN, content, render
from dialects.rendering import HI
from llm_gateway.core.chat import Image, Message, Opaque, Text, Tool, ToolCall, ToolResult
from llm_gateway.core.errors import Unsupported

OBJECT = Raw(b'{"type":"object"}')


def says(role: Any, *texts: str) -> Message:
    return Message(role, tuple(Text(text) for text in texts))


def test_leading_system_messages_are_the_system_prompt():
    """All of them, in order, with their marks; a later one is the user's and named."""
    body, dropped = render(
        Message("system", (Text("a", MARK), Text(" "))), says("developer", "b"), HI, says("system", "c"), says("user", "d")
    )
    assert body["system"] == [{"text": "a"}, POINT, {"text": "b"}]
    assert body["messages"][0]["content"] == [{"text": "hi"}, {"text": "<system>\nc\n</system>"}, {"text": "d"}]
    assert dropped == ["messages[3].role"]


def test_models_without_system_prompts():
    """They get it as the user's words."""
    body, dropped = render(says("system", "a"), HI, model=TITAN)
    assert body == {"messages": [{"role": "user", "content": [{"text": "<system>\na\n</system>"}, {"text": "hi"}]}]}
    assert dropped == ["messages[0].role"]
    assert render(says("system", "a"))[0]["messages"][0]["content"] == [{"text": "<system>\na\n</system>"}]


def test_what_a_system_prompt_cannot_hold_is_named():
    """Whether it stands in front or in the middle."""
    odd = Message("system", (Image(url="x"), Text("a")))
    assert render(odd, HI)[1] == ["messages[0].content[0]"]
    assert render(HI, odd)[1] == ["messages[1].content[0]", "messages[1].role"]


def test_the_first_turn_is_the_users():
    """A conversation may begin with the assistant elsewhere."""
    body, dropped = render(says("assistant", "Hello!"), HI)
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert dropped == []


def test_results_come_first_and_together():
    """All results of one turn in one message, each with its own mark behind it."""
    body, dropped = render(
        HI,
        Message("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "f", '{"x":1}', MARK))),
        Message("tool", (ToolResult("a", (Text("1"),), cache=MARK),)),
        says("user", "and"),
        Message("tool", (ToolResult("b", error=True),)),
        tools=(Tool("f", schema=OBJECT),),
    )
    assert body["messages"][1]["content"][1:] == [{"toolUse": {"toolUseId": "b", "name": "f", "input": {"x": 1}}}, POINT]
    first, point, second, text = body["messages"][2]["content"]
    assert first == {"toolResult": {"toolUseId": "a", "content": [{"text": "1"}]}}
    assert point == POINT
    assert second["toolResult"]["status"] == "error"
    assert second["toolResult"]["content"][0]["text"].strip()
    assert text == {"text": "and"}
    assert dropped == []


def test_an_error_flag_that_the_family_does_not_take_is_named():
    """Only Nova and Claude know it."""
    body, dropped = render(
        HI,
        Message("assistant", (ToolCall("123456789", "f", ""),)),
        Message("tool", (ToolResult("123456789", (Text(""),), error=True),)),
        model=MISTRAL,
    )
    assert body["messages"][2]["content"] == [{"toolResult": {"toolUseId": "123456789", "content": []}}]
    assert dropped == ["messages[2].is_error"]


def test_a_mark_on_nothing_is_named():
    """An empty text is left out, and its mark with it."""
    assert content(Text("", MARK), Text("x")) == ([{"text": "x"}], ["messages[1].content[0].cache_control"])


def test_blank_texts_are_left_out():
    """The API refuses them, and nothing is lost with them."""
    body, dropped = render(HI, says("assistant", " \n"), says("user", "", "go"))
    assert body["messages"] == [{"role": "user", "content": [{"text": "hi"}, {"text": "go"}]}]
    assert dropped == []


def test_a_conversation_of_nothing_is_refused():
    """There is nothing to ask then."""
    with pytest.raises(Unsupported) as refused:
        render(Message("user", (Opaque("elsewhere", "x", Raw(b"{}")),)))
    assert refused.value.param == "messages"
