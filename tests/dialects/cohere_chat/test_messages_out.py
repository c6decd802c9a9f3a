"""Messages of Cohere's, neutral to wire."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from dialects.cohere_chat.asked import NEW, OLD, render
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
from llm_gateway.dialects.base import Target


def says(*parts: Part, role: Any = "user", target: Target = NEW) -> tuple[list[Any], list[str]]:
    body, dropped = render(Message(role, parts), target=target)
    return body["messages"], dropped


def test_messages():
    """A developer is the system; blocks where there are several; images by URL and inline, with their detail."""
    body, dropped = render(
        Message("developer", (Text("a"),)),
        Message("user", (Text("b"), Image(url="https://example.test/a", detail="low"), Image(data="AA", media_type="image/gif"))),
        Message("assistant", (Text("c"), Refusal("d"))),
    )
    assert body["messages"] == [
        {"role": "system", "content": "a"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "b"},
                {"type": "image_url", "image_url": {"url": "https://example.test/a", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "data:image/gif;base64,AA"}},
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]},
    ]
    assert dropped == []


def test_calls_and_results():
    """Arguments to the byte; documents that a tool returned are documents, images follow in a message of the user."""
    body, dropped = render(
        HI,
        Message("assistant", (ToolCall("i", "f", '{"a": 1}'), ToolCall("j", "g", ""))),
        Message("tool", (ToolResult("i", (Text("1"),)),)),
        Message("tool", (ToolResult("j", (Document(text="d", name="T"), Image(data="AA")), error=True),)),
        Message("user", (Text("and"),)),
    )
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "i", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                {"id": "j", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "i", "content": "1"},
        {
            "role": "tool",
            "tool_call_id": "j",
            "content": [{"type": "document", "document": {"data": {"text": "d", "title": "T"}}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Returned by tool call j:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
            ],
        },
        {"role": "user", "content": "and"},
    ]
    assert dropped == ["messages[3].is_error"]


@pytest.mark.parametrize("arguments", ["no json", "[1]"])
def test_arguments_that_are_no_object_are_wrapped_and_named(arguments):
    """The API demands one."""
    (message,), dropped = says(ToolCall("i", "f", arguments), role="assistant")
    assert msgspec.json.decode(message["tool_calls"][0]["function"]["arguments"]) == {"_raw": arguments}
    assert dropped == ["messages[0].tool_calls[0].function.arguments"]


@pytest.mark.parametrize(
    ("target", "parts", "message", "dropped"),
    [
        (
            NEW,
            (Reasoning("hm", "s"), Text("t")),
            {"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "t"}]},
            ["messages[0].reasoning_content.signature"],
        ),
        (OLD, (Reasoning("hm"), Text("t")), {"content": "t"}, ["messages[0].reasoning_content"]),
        (
            OLD,
            (Reasoning("hm"), Reasoning(redacted="r"), ToolCall("i", "f", "{}")),
            {"tool_plan": "hm"},
            ["messages[0].reasoning_details"],
        ),
        (NEW, (Reasoning("hm"), ToolCall("i", "f", "{}")), {"content": [{"type": "thinking", "thinking": "hm"}]}, []),
    ],
)
def test_thinking_goes_back(target, parts, message, dropped):
    """To models that think as blocks, to older ones as the plan of their calls."""
    (shown,), lost = says(*parts, role="assistant", target=target)
    shown.pop("tool_calls", None)
    assert (shown, lost) == ({"role": "assistant", **message}, dropped)


def test_documents():
    """A text that shall be cited is a document of the request; others are texts, and lose title and context by name."""
    body, dropped = render(
        Message(
            "user",
            (Document(text="a", name="T", context="C", citations=True), Document(text="b", name="T", context="C"), Text("q")),
        )
    )
    assert body["documents"] == [{"data": {"text": "a", "title": "T", "context": "C"}}]
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "q"}]}]
    assert dropped == ["messages[0].content[1].title", "messages[0].content[1].context"]


def test_parts_without_a_place_are_named():
    """Files, speech, blocks of other dialects, marks, sources of others; what a system prompt cannot hold."""
    shown, dropped = says(
        Text("t", CacheMark()),
        Document(data="AA", media_type="application/pdf"),
        Image(file_id="f"),
        Audio(data="AA"),
        Audio(id="a", transcript="said"),
        Opaque("elsewhere", "x", Raw(b"{}")),
    )
    assert shown == [{"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "text", "text": "said"}]}]
    assert dropped == [
        "messages[0].content[0].cache_control",
        "messages[0].content[1]",
        "messages[0].content[2]",
        "messages[0].content[3]",
        "messages[0].opaque_blocks[0]",
    ]
    assert render(Message("system", (Image(url="u"),)), HI)[1] == ["messages[0].content[0]"]
    own = {"start": 0, "end": 1, "text": "t", "sources": [{"type": "tool", "id": "x:0"}]}
    (cited,), dropped = says(Text("t", citations=(own, {"url": "u"})), role="assistant")
    assert cited == {"role": "assistant", "content": "t", "citations": [own]}
    assert dropped == ["messages[0].content[0].citations"]


def test_a_conversation_of_nothing_is_refused():
    """There is nothing to ask then."""
    with pytest.raises(Unsupported) as refused:
        says(Document(data="AA"))
    assert refused.value.param == "messages"
