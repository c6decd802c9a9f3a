"""Messages requests, neutral to wire."""

from __future__ import annotations

from typing import Any

import msgspec
import pydantic
import pytest
from anthropic.types.message_create_params import MessageCreateParams
from hypothesis import given, settings
from msgspec import Raw

from amount import examples
from dialects.anthropic_messages.asked import NAME, NEW, OLD, content, render
from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import requests
from llm_gateway.core.chat import (
    CacheMark,
    ChatRequest,
    Image,
    Message,
    Part,
    ReasoningRequest,
    ResponseFormat,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
)
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

SDK_REQUEST = pydantic.TypeAdapter[Any](MessageCreateParams)
OBJECT = Raw(b'{"type":"object"}')
CLOSED_OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
CLOSED = Raw(encode(CLOSED_OBJECT))


def test_the_plainest_request():
    """The target's model, and the maximum that the API demands when the caller named none."""
    assert render() == ({"model": "claude-sonnet-4-5", "max_tokens": 4000, "messages": [{"role": "user", "content": "hi"}]}, [])
    assert render(max_tokens=0)[0]["max_tokens"] == 0


def test_tools():
    """Schemas stay untouched, but for the type that the API demands; tools of other dialects are named."""
    body, dropped = render(
        tools=(
            Tool("f", "d", CLOSED, True, CacheMark("5m")),
            Tool("g"),
            Tool("h", schema=Raw(b'{"properties":{}}')),
            Tool("w", dialect=NAME, raw=Raw(b'{"type":"web_search_20250305","name":"w"}')),
            Tool("x", dialect="elsewhere", raw=Raw(b"{}")),
        )
    )
    assert body["tools"] == [
        {
            "name": "f",
            "description": "d",
            "input_schema": CLOSED_OBJECT,
            "strict": True,
            "cache_control": {"type": "ephemeral", "ttl": "5m"},
        },
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        {"name": "h", "input_schema": {"type": "object", "properties": {}}},
        {"type": "web_search_20250305", "name": "w"},
    ]
    assert dropped == ["tools[4]"]


@pytest.mark.parametrize(
    ("choice", "parallel", "shown"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("required"), None, {"type": "any"}),
        (ToolChoice("named", "f"), True, {"type": "tool", "name": "f", "disable_parallel_tool_use": False}),
        (ToolChoice("none"), False, {"type": "none"}),
    ],
)
def test_choices_of_tools(choice, parallel, shown):
    """Parallel calls are a member of the choice here."""
    assert render(tools=(Tool("f"),), tool_choice=choice, parallel_tool_calls=parallel)[0].get("tool_choice") == shown


def test_a_choice_without_tools_is_named():
    """The API refuses one; without any tool in the request there is nothing to lose."""
    body, dropped = render(tools=(Tool("x", dialect="elsewhere", raw=Raw(b"{}")),), tool_choice=ToolChoice("required"))
    assert "tool_choice" not in body
    assert dropped == ["tools[0]", "tool_choice"]


def test_structured_outputs():
    """A schema has its place; a free JSON mode has none."""
    wanted = ResponseFormat("schema", "n", "d", CLOSED, False)
    body, dropped = render(response_format=wanted)
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": CLOSED_OBJECT}}
    assert dropped == ["response_format.json_schema.description", "response_format.json_schema.strict"]
    assert render(response_format=ResponseFormat("json"))[1] == ["response_format"]
    assert render(response_format=ResponseFormat("schema", schema=OBJECT))[1] == ["response_format"]
    assert render(response_format=ResponseFormat("text"))[1] == []


def test_temperature_is_brought_into_range():
    """OpenAI's goes to 2."""
    body, dropped = render(temperature=1.7)
    assert (body["temperature"], dropped) == (1.0, ["temperature"])
    assert render(temperature=0.5)[0]["temperature"] == 0.5


def test_the_temperature_goes_before_top_p():
    """Models since 4.1 refuse both together; a top_p of 1 says nothing, so nothing is lost with it."""
    body, dropped = render(temperature=0.5, top_p=0.9)
    assert ("top_p" in body, dropped) == (False, ["top_p"])
    body, dropped = render(temperature=0.5, top_p=1)
    assert ("top_p" in body, dropped) == (False, [])
    assert render(target=Target("claude-3-5-haiku-latest"), temperature=0.5, top_p=0.9)[0]["top_p"] == 0.9
    assert render(top_p=0.9)[0]["top_p"] == 0.9


def test_models_without_sampling_get_none():
    """Since 4.7 they refuse it; a value that is the default anyway is no loss."""
    body, dropped = render(target=NEW, temperature=0.5, top_p=1, top_k=4)
    assert body.keys() == {"model", "max_tokens", "messages"}
    assert dropped == ["temperature", "top_k"]


def test_a_caller_of_this_dialect_gets_what_he_asked_for():
    """What the provider thinks of it, he hears from the provider."""
    asked = {"temperature": 1.5, "top_p": 1.0, "top_k": 4, "stop": (" ",), "service_tier": "flex"}
    body, dropped = render(target=NEW, dialect=NAME, **asked)
    assert body | {"temperature": 1.5, "top_p": 1, "top_k": 4, "stop_sequences": [" "], "service_tier": "flex"} == body
    assert dropped == []


def test_what_does_not_exist_here_is_named():
    """And what only repeats the default is not."""
    lost = {
        "n": 2,
        "seed": 1,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.1,
        "logprobs": True,
        "top_logprobs": 2,
        "metadata": Raw(b"{}"),
        "service_tier": "flex",
        "stop": ("a", "\n"),
        "extra": {"logit_bias": Raw(b"{}"), "messages[0].prefix": Raw(b"1")},
    }
    body, dropped = render(**lost)
    assert sorted(dropped) == sorted([*(lost.keys() - {"extra"}), "logit_bias", "messages[0].prefix"])
    assert body["stop_sequences"] == ["a"]
    assert render(n=1, presence_penalty=0, logprobs=False)[1] == []
    assert render(Message("user", (Text("x"),), "Ann"))[1] == ["messages[0].name"]


def test_members_with_another_shape():
    """The user is metadata, and OpenAI's default tier has another name."""
    body, dropped = render(user="u", service_tier="default", stream=True)
    assert (body["metadata"], body["service_tier"], body["stream"]) == ({"user_id": "u"}, "standard_only", True)
    assert dropped == []


def test_own_members_go_back_to_their_places():
    """Only to this dialect, and not into messages, whose places may have moved."""
    extra = {
        path: Raw(b"7")
        for path in ("speed", "metadata.team", "output_config.x", "tools[0].defer_loading", "messages[0].clear_at")
    }
    body, dropped = render(dialect=NAME, extra=extra, tools=(Tool("f", schema=OBJECT),), user="u")
    assert (body["speed"], body["metadata"], body["output_config"]) == (7, {"user_id": "u", "team": 7}, {"x": 7})
    assert body["tools"][0]["defer_loading"] == 7
    assert dropped == ["messages[0].clear_at"]


# What survives


def carried(request: ChatRequest) -> ChatRequest:
    """`request` as this dialect says it."""
    turns: list[tuple[str, list[Part]]] = []
    for message in request.messages:
        side = message.role if message.role in {"assistant", "system"} else "user"
        parts = [msgspec.structs.replace(part, detail=None) if isinstance(part, Image) else part for part in message.parts]
        if turns and turns[-1][0] == side:
            turns[-1][1].extend(parts)
        else:
            turns.append((side, parts))
    messages = []
    for side, parts in turns:
        parts.sort(key=lambda part: not isinstance(part, ToolResult))
        returns = all(isinstance(part, ToolResult) for part in parts)
        messages.append(Message("tool" if returns else side, tuple(parts)))  # type: ignore[arg-type]
    wanted, choice, parallel = request.response_format, request.tool_choice, request.parallel_tool_calls
    if choice is None:
        choice, parallel = (ToolChoice("auto"), False) if parallel is False else (None, None)
    return msgspec.structs.replace(
        request,
        messages=tuple(messages),
        tools=tuple(msgspec.structs.replace(tool, schema=objects(tool.schema)) for tool in request.tools),
        tool_choice=choice,
        parallel_tool_calls=None if choice is not None and choice.mode == "none" else parallel,
        max_tokens=4000 if request.max_tokens is None else request.max_tokens,
        n=None,
        seed=None,
        presence_penalty=None,
        frequency_penalty=None,
        logprobs=None,
        top_logprobs=None,
        metadata=None,
        response_format=ResponseFormat("schema", schema=wanted.schema) if wanted and wanted.kind == "schema" else None,
    )


def objects(schema: Raw | None) -> Raw:
    assert schema is not None
    return Raw(encode({"type": "object"} | msgspec.json.decode(schema)))


@examples(40)
@given(requests(NAME))
def test_what_the_dialect_can_say_survives(request_):
    """Rendered and parsed, a request is the same but for what has no place here."""
    rendered = ANTHROPIC_MESSAGES.render_request(request_, Target(request_.model, default_max_tokens=4000))
    assert ANTHROPIC_MESSAGES.parse_request(rendered.body) == carried(request_)


@settings(max_examples=30, deadline=None)
@given(requests("openai_chat"))
def test_the_sdk_takes_every_request(request_):
    """By its own types, which lack the sampling parameters that the API takes for older models."""
    body = msgspec.json.decode(ANTHROPIC_MESSAGES.render_request(request_, OLD).body)
    shown = {name: value for name, value in body.items() if name not in {"temperature", "top_p", "top_k"}}
    SDK_REQUEST.validate_python(shown)


@pytest.mark.parametrize("name", ["conversation", "everything"])
def test_own_requests_come_back_whole(name):
    """All of it, to the provider that it was written for."""
    given_body = recorded(f"anthropic_messages/{name}.request.json")
    request = ANTHROPIC_MESSAGES.parse_request(given_body)
    rendered = ANTHROPIC_MESSAGES.render_request(request, Target(request.model))
    assert rendered.dropped == []
    agrees(f"anthropic_messages/{name}.own.json", rendered.body)


@pytest.mark.parametrize("name", ["conversation", "everything"])
@pytest.mark.parametrize("target", [OLD, NEW], ids=["old", "new"])
def test_requests_of_openai(name, target):
    """What openai_chat's own examples become, checked by eye."""
    request = OPENAI_CHAT.parse_request(recorded(f"openai_chat/{name}.request.json"))
    rendered = ANTHROPIC_MESSAGES.render_request(request, target)
    which = "old" if target is OLD else "new"
    agrees(f"anthropic_messages/openai.{name}.{which}.json", encode({"dropped": rendered.dropped, "body": Raw(rendered.body)}))


def test_cache_marks_of_openai_callers_are_carried():
    """Several servers take cache_control in OpenAI's shape; it says the same here."""
    shown, dropped = content(Text("a", CacheMark("1h")))
    assert shown == [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    assert dropped == []


def test_reasoning_of_a_request_is_rendered():
    """The details are thinking.py's."""
    body, dropped = render(reasoning=ReasoningRequest(effort="low"), max_tokens=9000)
    assert (body["thinking"], dropped) == ({"type": "enabled", "budget_tokens": 1024}, [])
