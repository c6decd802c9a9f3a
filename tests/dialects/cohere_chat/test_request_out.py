"""Requests of Cohere's, neutral to wire."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.cohere_chat.asked import NEW, OLD, render
from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import requests
from llm_gateway.core.chat import CacheMark, Message, ReasoningRequest, ResponseFormat, Text, Tool, ToolChoice
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.cohere_chat import COHERE_CHAT
from llm_gateway.dialects.cohere_chat.models import thinks
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

SCHEMA = Raw(b'{"type":"object"}')


FRONTS = {front.name: front for front in (OPENAI_CHAT, ANTHROPIC_MESSAGES, OLLAMA_CHAT)}


@pytest.mark.parametrize("target", [OLD, NEW], ids=["old", "new"])
@pytest.mark.parametrize(
    ("name", "which"),
    [
        ("openai_chat", "conversation"),
        ("openai_chat", "everything"),
        ("anthropic_messages", "conversation"),
        ("anthropic_messages", "everything"),
        ("ollama_chat", "conversation"),
    ],
)
def test_requests_of_other_dialects(name, which, target):
    """The goldens of the fronts as Cohere gets them, with what was dropped; checked by eye."""
    request = FRONTS[name].parse_request(recorded(f"{name}/{which}.request.json"))
    rendered = COHERE_CHAT.render_request(request, target)
    shown = {"dropped": rendered.dropped, "body": msgspec.json.decode(rendered.body)}
    agrees(f"cohere_chat/{name}.{which}.{'old' if target is OLD else 'new'}.json", msgspec.json.encode(shown))


def test_the_plainest_request():
    """Nothing is added."""
    assert render() == ({"model": NEW.model, "messages": [{"role": "user", "content": "hi"}], "stream": False}, [])


def test_sampling_by_cohere_s_names():
    """p and k, and zero is a value."""
    body, dropped = render(
        max_tokens=0, temperature=0.0, top_p=0.5, top_k=3, seed=7, stop=("a",), presence_penalty=0.5, logprobs=True, stream=True
    )
    del body["model"], body["messages"]
    assert body == {
        "stream": True,
        "max_tokens": 0,
        "seed": 7,
        "stop_sequences": ["a"],
        "temperature": 0.0,
        "p": 0.5,
        "k": 3,
        "presence_penalty": 0.5,
        "logprobs": True,
    }
    assert dropped == []


@pytest.mark.parametrize(
    ("members", "name", "sent", "dropped"),
    [
        ({"temperature": 1.5}, "temperature", 1, "temperature"),
        ({"top_p": 1.0}, "p", 0.99, "top_p"),
        ({"top_p": 0.0}, "p", 0.01, "top_p"),
        ({"top_k": 900}, "k", 500, "top_k"),
        ({"frequency_penalty": -0.5}, "frequency_penalty", 0, "frequency_penalty"),
        ({"presence_penalty": 2.0}, "presence_penalty", 1, "presence_penalty"),
        ({"stop": tuple("abcdef")}, "stop_sequences", list("abcde"), "stop"),
    ],
)
def test_what_is_out_of_range_is_brought_into_it_and_named(members, name, sent, dropped):
    """By the caller's own name for it."""
    body, lost = render(**members)
    assert (body[name], lost) == (sent, [dropped])
    assert render(dialect="ollama_chat", **members)[1] == [f"options.{dropped}"]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("command-a-reasoning-08-2025", True),
        ("command-a-plus-05-2026", True),
        ("cohere/command-b", True),
        ("command-a-03-2025", False),
        ("cohere/command-r-plus-08-2024", False),
        ("command-r7b-12-2024", False),
        ("command-a-vision-07-2025", False),
        ("c4ai-aya-expanse-32b", False),
        ("command-light", False),
    ],
)
def test_which_models_think(model, told):
    """A name that nobody knows is a new one's."""
    assert thinks(model) is told


@pytest.mark.parametrize(
    ("choice", "sent", "said", "dropped"),
    [
        (None, ["f", "g"], None, []),
        (ToolChoice("auto"), ["f", "g"], None, []),
        (ToolChoice("none"), ["f", "g"], "NONE", []),
        (ToolChoice("required"), ["f", "g"], "REQUIRED", []),
        (ToolChoice("named", "g"), ["g"], "REQUIRED", ["tools[0]"]),
        (ToolChoice("named", "other"), ["f", "g"], None, ["tool_choice"]),
        (ToolChoice("required", allowed=("g",)), ["g"], "REQUIRED", []),
    ],
)
def test_choices_of_tools(choice, sent, said, dropped):
    """A call can be forced; of one tool by sending that alone."""
    body, lost = render(tools=(Tool("f"), Tool("g", "G", SCHEMA)), tool_choice=choice)
    assert [tool["function"]["name"] for tool in body["tools"]] == sent
    assert (body.get("tool_choice"), lost) == (said, dropped)


def test_tools():
    """Functions with the schema that the API demands; strict is for all of them or for none; others are named."""
    strict, loose = Tool("f", "F", SCHEMA, strict=True), Tool("g", cache=CacheMark())
    assert render(tools=(strict,)) == (
        render()[0]
        | {
            "tools": [{"type": "function", "function": {"name": "f", "description": "F", "parameters": {"type": "object"}}}],
            "strict_tools": True,
        },
        [],
    )
    body, dropped = render(tools=(strict, loose, Tool("x", dialect="openai_chat", raw=Raw(b"{}"))))
    assert body["tools"][1]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert dropped == ["tools[1].cache_control", "tools[2]", "tools[0].function.strict"]
    alone = render(tools=(Tool("x", dialect="openai_chat", raw=Raw(b"{}")),), tool_choice=ToolChoice("required"))
    assert alone == (render()[0], ["tools[0]", "tool_choice"])


@pytest.mark.parametrize(
    ("wanted", "sent", "dropped"),
    [
        (ResponseFormat("text"), None, []),
        (ResponseFormat("json"), {"type": "json_object"}, []),
        (ResponseFormat("schema", "n", None, SCHEMA), {"type": "json_object", "json_schema": {"type": "object"}}, []),
        (
            ResponseFormat("schema", "n", "d", SCHEMA, strict=False),
            {"type": "json_object", "json_schema": {"type": "object"}},
            ["response_format.json_schema.description", "response_format.json_schema.strict"],
        ),
    ],
)
def test_formats(wanted, sent, dropped):
    """Any JSON or a schema; with tools the API has neither."""
    body, lost = render(response_format=wanted)
    assert (body.get("response_format"), lost) == (sent, dropped)
    body, lost = render(response_format=wanted, tools=(Tool("f"),))
    assert "response_format" not in body
    assert lost == ([] if wanted.kind == "text" else ["response_format"])


def test_a_format_that_gives_way_has_the_callers_name():
    """Each dialect calls it something else."""
    for dialect, path in (("ollama_chat", "format"), ("anthropic_messages", "output_config.format")):
        assert render(response_format=ResponseFormat("json"), tools=(Tool("f"),), dialect=dialect)[1] == [path]


@pytest.mark.parametrize(
    ("wanted", "target", "sent", "dropped"),
    [
        (ReasoningRequest(effort="none"), NEW, {"type": "disabled"}, []),
        (ReasoningRequest(enabled=False), OLD, None, []),
        (ReasoningRequest(effort="high"), OLD, None, ["reasoning_effort"]),
        (ReasoningRequest(effort="high"), NEW, {"type": "enabled"}, ["reasoning_effort"]),
        (ReasoningRequest(enabled=True, budget=9), NEW, {"type": "enabled", "token_budget": 9}, []),
        (ReasoningRequest(enabled=True, display="omitted"), NEW, {"type": "enabled"}, ["reasoning.exclude"]),
    ],
)
def test_thinking_is_asked_for(wanted, target, sent, dropped):
    """By a budget; an effort says only that there shall be some; models that do not think are not asked."""
    body, lost = render(reasoning=wanted, target=target)
    assert (body.get("thinking"), lost) == (sent, dropped)


def test_what_does_not_exist_here_is_named():
    """By the caller's own names; members of Cohere's own go through."""
    lost = {"n": 2, "top_logprobs": 3, "parallel_tool_calls": False, "user": "u", "metadata": Raw(b"{}"), "service_tier": "flex"}
    assert sorted(render(**lost)[1]) == sorted(lost)
    extra = {"safety_mode": Raw(b'"OFF"'), "citation_options": Raw(b'{"mode":"FAST"}'), "messages": Raw(b"[]")}
    assert render(extra=extra)[1] == list(extra)
    body, dropped = render(extra=extra, dialect="cohere_chat")
    assert (body["safety_mode"], body["citation_options"], dropped) == ("OFF", {"mode": "FAST"}, ["messages"])
    assert render(Message("user", (Text("t"),), "bob"))[1] == ["messages[0].name"]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["openai_chat", "anthropic_messages"]).flatmap(requests), st.sampled_from([OLD, NEW]))
def test_any_request_is_rendered(request, target):
    """Whatever it holds: in the API's roles and blocks, and within its ranges."""
    with suppress(Unsupported):
        body = msgspec.json.decode(COHERE_CHAT.render_request(request, target).body)
        blocks = {
            "system": {"text"},
            "user": {"text", "image_url"},
            "tool": {"text", "document"},
            "assistant": {"text", "thinking"},
        }
        for message in body["messages"]:
            content = message.get("content", "")
            assert isinstance(content, str) or {block["type"] for block in content} <= blocks[message["role"]]
        assert 0 <= body.get("temperature", 0) <= 1
        assert 0.01 <= body.get("p", 0.5) <= 0.99
