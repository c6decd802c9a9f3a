"""Chat requests, neutral to wire."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from dialects.openai_chat.asked import HI, parse, render
from llm_gateway.core.chat import (
    CacheMark,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Reasoning,
    ReasoningRequest,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.openai_chat import OPENAI_CHAT


def foreign(*messages: Message, **members: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=messages or (Message("user", (Text("hi"),)),), dialect="anthropic_messages", **members)


def test_quirks_of_a_target():
    """The limit's name, the developer role, and where reasoning text goes."""
    request = parse(
        {"role": "developer", "content": "d"}, HI, {"role": "assistant", "content": "a", "reasoning_content": "r"}, max_tokens=5
    )
    plain, dropped = render(request)
    assert (plain["max_tokens"], plain["messages"][0]["role"], dropped) == (5, "system", ["messages[2].reasoning_content"])
    full, dropped = render(request, Target("x", "max_completion_tokens", developer_role=True, reasoning_field="reasoning"))
    assert (full["max_completion_tokens"], full["messages"][0]["role"], full["messages"][2]["reasoning"]) == (5, "developer", "r")
    assert dropped == []


def test_anthropic_things_are_named_by_anthropic_paths():
    """The system prompt stands outside of that dialect's messages, so all indexes shift by one."""
    request = foreign(
        Message("system", (Text("s", CacheMark()),)),
        Message("user", (Text("u", CacheMark()), Document(url="https://a/b.pdf"), Document(text="t", name="n", citations=True))),
        Message("assistant", (Reasoning("r", "s"), Text("a", citations=({"x": 1},)), ToolCall("1", "f", "{}"))),
        Message("tool", (ToolResult("1", (Text("out"), Image(data="QUJD", media_type="image/png")), error=True),)),
        tools=(Tool("web_search", dialect="anthropic_messages", raw=Raw(b"{}")), Tool("f", cache=CacheMark())),
        top_k=5,
        metadata=Raw(b'{"user_id":"u"}'),
        user="u",
        service_tier="standard_only",
        reasoning=ReasoningRequest(enabled=True, budget=5000),
        extra={"container": Raw(b'"c"')},
    )
    out, dropped = render(request)
    assert sorted(dropped) == sorted(
        [
            "system[0].cache_control", "messages[0].content[0].cache_control", "messages[0].content[1]",
            "messages[0].content[2].citations", "messages[0].content[2].title", "messages[1].content[0]",
            "messages[1].content[1].citations", "messages[2].content[0].is_error", "tools[0]", "tools[1].cache_control",
            "top_k", "service_tier", "thinking.budget_tokens", "container",
        ]
    )  # fmt: skip
    assert out["reasoning_effort"] == "medium"
    assert out["user"] == "u"
    assert out["messages"][3:] == [
        {"role": "tool", "tool_call_id": "1", "content": "out"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Returned by tool call 1:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
            ],
        },
    ]


def test_results_of_parallel_calls_stay_together():
    """OpenAI wants all results right after the calls: what they returned as images comes after the last of them."""
    picture = Image(data="QUJD", media_type="image/png")
    request = foreign(
        Message("user", (Text("u"),)),
        Message("assistant", (ToolCall("1", "f", "{}"), ToolCall("2", "g", "{}"))),
        Message("tool", (ToolResult("1", (picture,)), ToolResult("2", (Text("two"),)))),
        Message("user", (Text("go on"),)),
    )
    assert [message["role"] for message in render(request)[0]["messages"]] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "user",
        "user",
    ]


def test_a_conversation_of_nothing_but_foreign_blocks_is_unsupported():
    """There would be nothing to send."""
    block = Opaque("anthropic_messages", "container_upload", Raw(b"{}"))
    with pytest.raises(Unsupported):
        render(foreign(Message("system", (Text("s"),)), Message("user", (block,))))


def test_a_stream_is_asked_for_its_usage():
    """The ledger needs it, whether or not the caller does."""
    assert render(parse(stream=True))[0]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in render(parse())[0]


def test_tools_that_may_not_be_called_are_not_sent():
    """A choice among some tools (Responses' allowed_tools) means the same here and at Anthropic: the others are left out."""
    tools = tuple(Tool(name) for name in ("a", "b", "c"))
    request = ChatRequest("m", (Message("user", (Text("hi"),)),), tools=tools, tool_choice=ToolChoice("auto", allowed=("a", "c")))
    for back in (OPENAI_CHAT, ANTHROPIC_MESSAGES):
        rendered = back.render_request(request, Target("m"))
        sent = msgspec.json.decode(rendered.body)["tools"]
        assert [tool.get("name") or tool["function"]["name"] for tool in sent] == ["a", "c"]
        assert rendered.dropped == []
