"""Messages of Ollama's, neutral to wire."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Raw

from dialects.ollama_chat.asked import render
from dialects.rendering import HI
from llm_gateway.core.chat import (
    Audio,
    CacheMark,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from llm_gateway.core.errors import Unsupported


def says(*parts: Part, role: Any = "user") -> tuple[dict[str, Any], list[str]]:
    body, dropped = render(Message(role, parts))
    return body["messages"][0], dropped


def test_roles_and_texts():
    """A developer is the system; several texts of a user stand on lines of their own, an assistant's are pieces of one."""
    two = (Text("a"), Text("b"))
    body, dropped = render(Message("developer", two), Message("user", two), Message("assistant", (*two, Refusal("c"))))
    assert body["messages"] == [
        {"role": "system", "content": "a\nb"},
        {"role": "user", "content": "a\nb"},
        {"role": "assistant", "content": "abc"},
    ]
    assert dropped == []


def test_calls_and_results():
    """Arguments are an object, ids go along for servers that know them, and a result names its tool."""
    body, dropped = render(
        HI,
        Message("assistant", (Reasoning("hm"), Text("t"), ToolCall("i", "f", '{"a":1}'), ToolCall("j", "g", ""))),
        Message("user", (ToolResult("j", (Text("1"), Image(data="AA"))), ToolResult("i", error=True), Text("and"))),
    )
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "t",
            "thinking": "hm",
            "tool_calls": [
                {"id": "i", "function": {"name": "f", "arguments": {"a": 1}}},
                {"id": "j", "function": {"name": "g", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "1", "images": ["AA"], "tool_name": "g", "tool_call_id": "j"},
        {"role": "tool", "content": "", "tool_name": "f", "tool_call_id": "i"},
        {"role": "user", "content": "and"},
    ]
    assert dropped == ["messages[2].is_error"]


@pytest.mark.parametrize("arguments", ["no json", "[1]", "3"])
def test_arguments_that_are_no_object_are_wrapped_and_named(arguments):
    """The API has objects only."""
    message, dropped = says(ToolCall("i", "f", arguments), role="assistant")
    assert message["tool_calls"][0]["function"]["arguments"] == {"_raw": arguments}
    assert dropped == ["messages[0].tool_calls[0].function.arguments"]


def test_images():
    """Base64 only: a data URL is taken apart, anything else is named, since the server fetches nothing."""
    message, dropped = says(
        Text("t"),
        Image(data="AA", media_type="image/png", detail="auto"),
        Image(url="data:image/gif;base64,R0", detail="high"),
        Image(url="https://example.test/a"),
        Image(file_id="f"),
    )
    assert message == {"role": "user", "content": "t", "images": ["AA", "R0"]}
    assert dropped == [
        "messages[0].content[2].image_url.detail",
        "messages[0].content[3]",
        "messages[0].content[4]",
    ]


def test_parts_without_a_place_are_named():
    """Speech, files, blocks of other dialects, redacted thinking, signatures, marks and sources; texts in them are kept."""
    message, dropped = says(
        Text("t", CacheMark(), ({"url": "u"},)),
        Document(text="d", name="n", context="c", citations=True),
        Document(data="AA", media_type="application/pdf"),
        Audio(data="AA"),
        Audio(id="a", transcript="said"),
        Opaque("elsewhere", "x", Raw(b"{}")),
    )
    assert message == {"role": "user", "content": "t\nd\nsaid"}
    assert dropped == [
        "messages[0].content[0].citations",
        "messages[0].content[0].cache_control",
        "messages[0].content[1].title",
        "messages[0].content[1].context",
        "messages[0].content[1].citations",
        "messages[0].content[2]",
        "messages[0].content[3]",
        "messages[0].opaque_blocks[0]",
    ]
    thought, dropped = says(Reasoning("a", "s"), Reasoning(redacted="r"), Text("t"), role="assistant")
    assert thought == {"role": "assistant", "content": "t", "thinking": "a"}
    assert dropped == ["messages[0].reasoning_content.signature", "messages[0].reasoning_details"]


def test_a_conversation_of_nothing_is_refused():
    """There is nothing to ask then."""
    with pytest.raises(Unsupported) as refused:
        says(Document(data="AA"))
    assert refused.value.param == "messages"
