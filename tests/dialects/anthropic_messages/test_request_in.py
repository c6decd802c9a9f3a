"""Messages requests, wire to neutral."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from llm_gateway.core.chat import (
    CacheMark,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Reasoning,
    ReasoningRequest,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES

HI = {"role": "user", "content": "hi"}
BASE64 = {"type": "base64", "media_type": "image/png", "data": "AAAA"}


def parse(*messages: dict, **members: object) -> ChatRequest:
    document = {"model": "m", "max_tokens": 9, "messages": list(messages) or [HI], **members}
    return ANTHROPIC_MESSAGES.parse_request(msgspec.json.encode(document))


def part(role: str = "user", **block: object) -> Any:
    (only,) = parse({"role": role, "content": [block]}).messages[0].parts
    return only


def value(raw: Raw | None) -> object:
    assert raw is not None
    return msgspec.json.decode(raw)


def test_the_plainest_request():
    """What is not said is None, and a stream is told its usage, as Anthropic always does."""
    assert parse() == ChatRequest(
        model="m", messages=(Message("user", (Text("hi"),)),), max_tokens=9, extra={}, dialect="anthropic_messages"
    )
    assert parse(stream=True).include_usage is True


def test_the_system_prompt_leads():
    """As one message, whether a string or blocks."""
    assert parse(system="S").messages[0] == Message("system", (Text("S"),))
    blocks = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, {"type": "text", "text": "b"}]
    assert parse(system=blocks).messages[0] == Message("system", (Text("a", CacheMark("1h")), Text("b")))
    assert [message.role for message in parse(system=[]).messages] == ["user"]


def test_system_messages_inside_of_a_conversation_stay_there():
    """The newest models take them."""
    assert [m.role for m in parse(HI, {"role": "system", "content": "S"}).messages] == ["user", "system"]


@pytest.mark.parametrize(
    ("source", "image"),
    [
        (BASE64, Image(data="AAAA", media_type="image/png")),
        ({"type": "url", "url": "https://example.test/a"}, Image(url="https://example.test/a")),
        ({"type": "file", "file_id": "file_1"}, Image(file_id="file_1")),
    ],
)
def test_images(source, image):
    """In all three places where they can be."""
    assert part(type="image", source=source) == image


@pytest.mark.parametrize(
    ("source", "document"),
    [
        (
            {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
            Document(data="AA==", media_type="application/pdf"),
        ),
        ({"type": "url", "url": "https://example.test/a.pdf"}, Document(url="https://example.test/a.pdf")),
        ({"type": "file", "file_id": "file_1"}, Document(file_id="file_1")),
        ({"type": "text", "media_type": "text/plain", "data": "t"}, Document(text="t", media_type="text/plain")),
    ],
)
def test_documents(source, document):
    """With their title, context and whether they may be cited."""
    read = part(type="document", source=source, title="T", context="C", citations={"enabled": True}, cache_control=None)
    assert read == msgspec.structs.replace(document, name="T", context="C", citations=True)


def test_a_document_made_of_blocks_is_opaque():
    """No other dialect has it; it goes back as it came."""
    block = {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "t"}]}, "title": "T"}
    read = part(**block)
    assert (read.dialect, read.kind, value(read.raw)) == ("anthropic_messages", "document", block)


def test_calls_keep_the_models_own_text():
    """Arguments are not parsed and written anew: numbers and spaces stay."""
    data = (
        b'{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f",'
        b'"input":{"n": 1.50,"big":123456789012345678901234567890},"caller":{"type":"direct"},"cache_control":{"type":"ephemeral"}}]}]}'
    )
    (call,) = ANTHROPIC_MESSAGES.parse_request(data).messages[0].parts
    assert call == ToolCall("t1", "f", '{"n": 1.50,"big":123456789012345678901234567890}', CacheMark())


def test_results_of_tools():
    """A turn of nothing else is a tool message; texts, images and errors of results are kept."""
    result = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "is_error": True,
        "content": [
            {"type": "text", "text": "a"},
            {"type": "image", "source": BASE64},
            {"type": "tool_reference", "tool_name": "x"},
        ],
    }
    (message,) = parse(
        {"role": "user", "content": [result, {"type": "tool_result", "tool_use_id": "t2", "content": "s"}]}
    ).messages
    assert message.role == "tool"
    first, second = message.parts
    assert isinstance(first, ToolResult)
    assert (first.id, first.error, first.parts[:2]) == ("t1", True, (Text("a"), Image(data="AAAA", media_type="image/png")))
    assert isinstance(first.parts[2], Opaque)
    assert second == ToolResult("t2", (Text("s"),))
    mixed = parse({"role": "user", "content": [result, {"type": "text", "text": "and"}]}).messages
    assert [m.role for m in mixed] == ["user"]


def test_thinking_keeps_its_signatures():
    """To the byte."""
    assert part("assistant", type="thinking", thinking="hm", signature="Eo4D/+=\u2028") == Reasoning("hm", "Eo4D/+=\u2028")
    assert part("assistant", type="redacted_thinking", data="Ab==") == Reasoning(redacted="Ab==")


def test_cited_texts():
    """Citations are kept in the provider's shape."""
    source = {"type": "page_location", "cited_text": "c"}
    assert part("assistant", type="text", text="t", citations=[source]) == Text("t", citations=(source,))


def test_blocks_of_other_kinds_are_opaque():
    """Server tools, uploads and whatever comes next."""
    data = b'{"type":"server_tool_use","id":"s1", "input": {"q":1.0},"name":"web_search"}'
    body = b'{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[%b]}]}' % data
    (read,) = ANTHROPIC_MESSAGES.parse_request(body).messages[0].parts
    assert isinstance(read, Opaque)
    assert (read.kind, value(read.raw), b"1.0" in bytes(read.raw)) == ("server_tool_use", msgspec.json.decode(data), True)


def test_tools():
    """The caller's own functions, with mark and strictness; a tool of the server's whole."""
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}
    own, server = parse(
        tools=[
            {
                "type": "custom",
                "name": "f",
                "description": "d",
                "input_schema": {"type": "object"},
                "strict": True,
                "cache_control": {"type": "ephemeral"},
            },
            search,
        ]
    ).tools
    assert own == Tool("f", "d", Raw(b'{"type":"object"}'), True, CacheMark())
    assert (server.name, server.dialect, value(server.raw)) == ("web_search", "anthropic_messages", search)
    assert parse(tools=[{"type": "mcp_toolset"}]).tools[0].name == "mcp_toolset"


@pytest.mark.parametrize(
    ("choice", "mode", "parallel"),
    [
        ({"type": "auto"}, ToolChoice("auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("required"), False),
        ({"type": "none"}, ToolChoice("none"), None),
        ({"type": "tool", "name": "f", "disable_parallel_tool_use": False}, ToolChoice("named", "f"), True),
    ],
)
def test_choices_of_tools(choice, mode, parallel):
    """Parallel calls are a setting of their own in the neutral form."""
    request = parse(tool_choice=choice)
    assert (request.tool_choice, request.parallel_tool_calls) == (mode, parallel)


@pytest.mark.parametrize(
    ("members", "reasoning"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, ReasoningRequest(True, budget=2048)),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, ReasoningRequest(True, adaptive=True, display="omitted")),
        ({"thinking": {"type": "disabled"}}, ReasoningRequest(False)),
        ({"output_config": {"effort": "max"}}, ReasoningRequest(effort="max")),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            ReasoningRequest(True, effort="low", adaptive=True),
        ),
    ],
)
def test_thinking_that_is_asked_for(members, reasoning):
    """Thinking and effort, in every form the API has."""
    assert parse(**members).reasoning == reasoning


@pytest.mark.parametrize("place", ["output_config", "output_format"])
def test_structured_outputs(place):
    """In their place and in the beta's."""
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    request = parse(**{place: {"format": wanted} if place == "output_config" else wanted})
    assert request.response_format == ResponseFormat("schema", schema=Raw(b'{"type":"object"}'))
    assert request.extra == {}


def test_everything_else_is_kept_by_its_path():
    """Members that we do not know, wherever they stand, so that whoever cannot carry them can name them."""
    request = parse(
        {"role": "user", "content": [{"type": "text", "text": "a", "mood": 1}], "clear_at": "never"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "code"}}]},
        {"role": "user", "content": [{"type": "image", "source": BASE64 | {"k": 1}, "transformations": {}}]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "r", "z": 1}]}],
        },
        system=[{"type": "text", "text": "s", "tone": "dry"}],
        mcp_servers=[{"name": "n"}],
        container=None,
        tools=[{"name": "f", "input_schema": {}, "defer_loading": True}],
        tool_choice={"type": "fate"},
        thinking={"type": "between_tools"},
        metadata={"user_id": "u", "team": "t"},
        output_config={
            "effort": "low",
            "task_budget": {"total": 5},
            "format": {"type": "json_schema", "schema": {}, "name": "n"},
        },
    )
    assert {path: value(raw) for path, raw in request.extra.items()} == {
        "messages[0].content[0].mood": 1,
        "messages[0].clear_at": "never",
        "messages[1].content[0].caller": {"type": "code"},
        "messages[2].content[0].source.k": 1,
        "messages[2].content[0].transformations": {},
        "messages[3].content[0].content[0].z": 1,
        "system[0].tone": "dry",
        "mcp_servers": [{"name": "n"}],
        "tools[0].defer_loading": True,
        "tool_choice": {"type": "fate"},
        "thinking": {"type": "between_tools"},
        "metadata.team": "t",
        "output_config.task_budget": {"total": 5},
        "output_config.format.name": "n",
    }
    assert (request.user, request.reasoning, request.tools[0].name) == ("u", ReasoningRequest(effort="low"), "f")
    assert request.messages[:2] == (Message("system", (Text("s"),)), Message("user", (Text("a"),)))


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "f", "input_schema": []}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}, "messages[0].content[0].tool_use_id"),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": 1}]}]}, "messages[0].content[0].source"),
        (
            {"messages": [HI, {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": 5, "x": 1}]}]},
            "messages[1].content[0].cache_control",
        ),
    ],
)
def test_what_only_a_translation_sees_is_refused_with_its_path(members, param):
    """Inside of blocks, whether or not there are unknown members beside it."""
    with pytest.raises(InvalidRequest) as refused:
        parse(**members)
    assert refused.value.param == param


@pytest.mark.parametrize("name", ["conversation", "everything"])
def test_whole_requests(name):
    """Neutral forms that were checked by eye."""
    request = ANTHROPIC_MESSAGES.parse_request(recorded(f"anthropic_messages/{name}.request.json"))
    agrees(f"anthropic_messages/{name}.neutral.json", msgspec.json.encode(request))
