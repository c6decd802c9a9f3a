"""Chat requests, wire to neutral and back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from msgspec import Raw

from amount import examples
from dialects.openai_chat.asked import FULL, PLAIN, parse, render
from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import requests
from llm_gateway.core.chat import CacheMark, ChatRequest, ReasoningRequest, ResponseFormat, Tool, ToolChoice
from llm_gateway.dialects.openai_chat import OPENAI_CHAT


@examples(60)
@given(requests("openai_chat"))
def test_a_request_survives_rendering_and_parsing(request: ChatRequest):
    """Everything that the dialect can carry comes back the same, and nothing is dropped."""
    rendered = OPENAI_CHAT.render_request(request, FULL)
    assert rendered.dropped == []
    assert OPENAI_CHAT.view(rendered.body).model == "m-1"
    again = OPENAI_CHAT.parse_request(rendered.body)
    assert msgspec.structs.replace(again, model=request.model) == request


@pytest.mark.parametrize("name", ["everything", "conversation", "legacy"])
def test_whole_requests_against_their_goldens(name: str):
    """What a request becomes in neutral form, and on its way to a plain and to a full target."""
    request = OPENAI_CHAT.parse_request(recorded(f"openai_chat/{name}.request.json"))
    agrees(f"openai_chat/{name}.neutral.json", msgspec.json.encode(request))
    for kind, target in (("plain", PLAIN), ("full", FULL)):
        rendered = OPENAI_CHAT.render_request(request, target)
        agrees(f"openai_chat/{name}.{kind}.json", msgspec.json.encode({"body": Raw(rendered.body), "dropped": rendered.dropped}))


def test_tools_choices_and_formats():
    """function and custom tools, a server's own, every choice, and the structured outputs."""
    request = parse(
        tools=[
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}},
            {"function": {"name": "untyped"}, "cache_control": {"type": "ephemeral"}},
            {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
            {"type": "web_search"},
        ],
        tool_choice={"type": "custom", "custom": {"name": "c"}},
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"a": 1}, "strict": False}},
    )
    first, untyped, custom, search = request.tools
    assert first == Tool("f", "d", Raw(b'{"type":"object"}'), strict=True)
    assert untyped == Tool("untyped", cache=CacheMark())
    assert (custom.name, custom.dialect, search.name) == ("c", "openai_chat", "web_search")
    assert request.tool_choice == ToolChoice("named", "c")
    assert request.response_format == ResponseFormat("schema", "n", None, Raw(b'{"a":1}'), strict=False)
    assert render(request)[0]["tool_choice"] == {"type": "custom", "custom": {"name": "c"}}
    assert parse(tool_choice="any").tool_choice == ToolChoice("required")
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    assert render(parse(tool_choice=allowed))[0]["tool_choice"] == allowed


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"reasoning_effort": "high"}, ReasoningRequest(effort="high")),
        ({"reasoning_effort": "none"}, ReasoningRequest(enabled=False, effort="none")),
        ({"reasoning": {"max_tokens": 2000, "exclude": True}}, ReasoningRequest(budget=2000, display="omitted")),
        ({"reasoning": {"enabled": True}}, ReasoningRequest(enabled=True)),
        ({}, None),
    ],
)
def test_how_much_reasoning_is_wanted(members: dict, expected: object):
    """OpenAI's effort and OpenRouter's object, there and back."""
    request = parse(**members)
    assert request.reasoning == expected
    out, dropped = render(request)
    assert {name: out.get(name) for name in members} == members
    assert dropped == []


def test_unknown_members_keep_their_place():
    """At the top and at any depth: carried to the same dialect, named to any other."""
    request = parse(
        {"role": "user", "content": [{"type": "text", "text": "a", "weight": 2}], "prefix": True},
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"a": 1}}, "extra_content": {"b": [1]}}],
        },
        min_p=0.5,
        stream=True,
        stream_options={"include_obfuscation": False},
        response_format={"type": "grammar", "grammar": "x"},
    )
    paths = {
        "min_p", "messages[0].prefix", "messages[0].content[0].weight", "messages[1].tool_calls[0].extra_content",
        "stream_options.include_obfuscation", "response_format",
    }  # fmt: skip
    assert request.extra.keys() == paths
    out, dropped = render(request)
    assert out["min_p"] == 0.5
    assert out["messages"][0]["prefix"] is True
    assert out["messages"][1]["tool_calls"][0] == {
        "id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}, "extra_content": {"b": [1]},
    }  # fmt: skip
    assert out["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert out["response_format"] == {"type": "grammar", "grammar": "x"}
    assert dropped == ["messages[0].content[0].weight"]  # a lone text goes out as a string
    assert paths <= set(render(msgspec.structs.replace(request, dialect="anthropic_messages"))[1])
