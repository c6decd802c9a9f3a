"""Tools, choices among them and calls of them, neutral to wire."""

from __future__ import annotations

import re

import pytest
from msgspec import Raw

from dialects.bedrock_converse.asked import CLAUDE, LLAMA, MARK, MISTRAL, NOVA, POINT, TITAN, render
from dialects.rendering import HI
from llm_gateway.core.chat import Message, Tool, ToolCall, ToolChoice, ToolResult


def test_arguments_that_are_no_object():
    """They are wrapped into one, and named."""
    body, dropped = render(HI, Message("assistant", (ToolCall("a", "f", "[1"),)), tools=(Tool("f"),))
    assert body["messages"][1]["content"][0]["toolUse"]["input"] == {"_raw": "[1"}
    assert dropped == ["messages[1].tool_calls[0].function.arguments"]


@pytest.mark.parametrize(("model", "pattern"), [(CLAUDE, r"call_[A-Z2-7]{52}"), (MISTRAL, r"[A-Z2-7]{9}")])
def test_ids_that_the_api_refuses(model, pattern):
    """A call and its result get the same lawful id; two ids stay two."""
    long = "x" * 65
    parts = [ToolCall(ident, "f", "") for ident in (long, "a b")]
    body, _ = render(HI, Message("assistant", tuple(parts)), Message("tool", (ToolResult(long), ToolResult("a b"))), model=model)
    asked = [block["toolUse"]["toolUseId"] for block in body["messages"][1]["content"]]
    told = [block["toolResult"]["toolUseId"] for block in body["messages"][2]["content"]]
    assert asked == told
    assert len(set(asked)) == 2
    assert all(re.fullmatch(pattern, ident) for ident in asked)


def test_bedrocks_own_ids_stay_at_mistral():
    """Its models take those beside nine letters or digits."""
    ids = ["tooluse_daIKOZu4g4GrvIIv9wdqy4", "getphoto1"]
    body, _ = render(HI, Message("assistant", tuple(ToolCall(ident, "f", "") for ident in ids)), model=MISTRAL)
    assert [block["toolUse"]["toolUseId"] for block in body["messages"][1]["content"]] == ids


def test_tools():
    """Schema untouched, given the type that it lacks; a mark behind the tool; foreign tools named."""
    tools = (
        Tool("f", "d", Raw(b'{"properties":{"a":{}},"additionalProperties":false}'), True, MARK),
        Tool("g", " "),
        Tool("h", dialect="elsewhere", raw=Raw(b"{}")),
        Tool("i", dialect="bedrock_converse", raw=Raw(b'{"systemTool":{"name":"i"}}')),
    )
    body, dropped = render(tools=tools)
    shown = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    first = {"name": "f", "inputSchema": {"json": shown}, "description": "d"}
    empty = {"name": "g", "inputSchema": {"json": {"type": "object", "properties": {}}}}
    assert body["toolConfig"]["tools"] == [
        {"toolSpec": first | {"strict": True}},
        POINT,
        {"toolSpec": empty},
        {"systemTool": {"name": "i"}},
    ]
    assert dropped == ["tools[2]"]
    assert render(tools=tools[:1], model=NOVA)[1] == ["tools[0].function.strict", "tools[0].cache_control"]
    assert render(tools=tools[:1], model=NOVA, dialect="anthropic_messages")[1][0] == "tools[0].strict"


@pytest.mark.parametrize(
    ("model", "choice", "shown", "lost"),
    [
        (CLAUDE, ToolChoice("auto"), {"auto": {}}, []),
        (CLAUDE, ToolChoice("required"), {"any": {}}, []),
        (CLAUDE, ToolChoice("named", "f"), {"tool": {"name": "f"}}, []),
        (MISTRAL, ToolChoice("named", "f"), {"any": {}}, []),
        (LLAMA, ToolChoice("required"), None, ["tool_choice"]),
        (TITAN, ToolChoice("auto"), None, []),
    ],
)
def test_tool_choice(model, choice, shown, lost):
    """As far as the family has it; any of one tool is that tool."""
    body, dropped = render(tools=(Tool("f"),), tool_choice=choice, model=model)
    assert body["toolConfig"].get("toolChoice") == shown
    assert dropped == lost


def test_tools_that_are_not_allowed_stay_away():
    """The API has no list of those that may be called."""
    body, dropped = render(tools=(Tool("f"), Tool("g")), tool_choice=ToolChoice("required", allowed=("g",)))
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["g"]
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert dropped == []


def test_a_named_tool_among_several():
    """Where only any tool can be forced, the choice is named as lost."""
    assert render(tools=(Tool("f"), Tool("g")), tool_choice=ToolChoice("named", "f"), model=MISTRAL)[1] == ["tool_choice"]


def test_no_tool_shall_be_called():
    """Without calls in the conversation the tools stay away; with calls they have to be there, and the choice is named."""
    none = {"tools": (Tool("f"),), "tool_choice": ToolChoice("none")}
    assert render(**none) == ({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, [])
    body, dropped = render(HI, Message("assistant", (ToolCall("a", "f", ""),)), **none)
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f"]
    assert dropped == ["tool_choice"]


def test_calls_without_tools():
    """The API demands a definition of what was called; choices of tools that cannot be carried are named."""
    called = Message("assistant", (ToolCall("a", "f", ""), ToolCall("b", "f", ""), ToolCall("c", "g", "")))
    body, dropped = render(HI, called)
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f", "g"]
    assert dropped == []
    foreign = {"tools": (Tool("h", dialect="x", raw=Raw(b"{}")),), "tool_choice": ToolChoice("required")}
    assert render(**foreign)[1] == ["tools[0]", "tool_choice"]


def test_parallel_calls_cannot_be_forbidden():
    """The API has no word for it."""
    assert render(tools=(Tool("f"),), parallel_tool_calls=False)[1] == ["parallel_tool_calls"]
    assert render(tools=(Tool("f"),), parallel_tool_calls=False, dialect="anthropic_messages")[1] == [
        "tool_choice.disable_parallel_tool_use"
    ]
    assert render(tools=(Tool("f"),), parallel_tool_calls=True)[1] == []
