"""Requests of Ollama's, neutral to wire."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.ollama_chat.asked import TARGET, render
from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import base64s, names, objects, requests, texts
from llm_gateway.core.chat import CacheMark, Image, Message, ReasoningRequest, ResponseFormat, Text, Tool, ToolChoice, ToolResult
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

SCHEMA = Raw(b'{"type":"object"}')


@pytest.mark.parametrize(("name", "front"), [("openai_chat", OPENAI_CHAT), ("anthropic_messages", ANTHROPIC_MESSAGES)])
@pytest.mark.parametrize("which", ["conversation", "everything"])
def test_requests_of_other_dialects(name, front, which):
    """The goldens of the other fronts as Ollama gets them, with what was dropped; checked by eye."""
    request = front.parse_request(recorded(f"{name}/{which}.request.json"))
    rendered = OLLAMA_CHAT.render_request(request, TARGET)
    shown = {"dropped": rendered.dropped, "body": msgspec.json.decode(rendered.body)}
    agrees(f"ollama_chat/{name}.{which}.json", msgspec.json.encode(shown))


def test_the_plainest_request():
    """`stream` is always said, since no word means yes."""
    assert render() == ({"model": "llama", "messages": [{"role": "user", "content": "hi"}], "stream": False}, [])
    assert render(stream=True)[0]["stream"] is True


def test_sampling_goes_to_the_options():
    """Zero is a value."""
    body, dropped = render(max_tokens=5, temperature=0.0, top_p=0.5, top_k=3, seed=7, stop=("a",), presence_penalty=1.0)
    assert body["options"] == {
        "num_predict": 5,
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 3,
        "seed": 7,
        "presence_penalty": 1.0,
        "stop": ["a"],
    }
    assert dropped == []


@pytest.mark.parametrize(
    ("choice", "sent", "dropped"),
    [
        (None, ["f", "g"], []),
        (ToolChoice("auto"), ["f", "g"], []),
        (ToolChoice("none"), None, []),
        (ToolChoice("required"), ["f", "g"], ["tool_choice"]),
        (ToolChoice("named", "g"), ["g"], ["tools[0]", "tool_choice"]),
        (ToolChoice("named", "other"), ["f", "g"], ["tool_choice"]),
    ],
)
def test_choices_of_tools(choice, sent, dropped):
    """None is honoured by sending none; a forced call is as near as can be, and named."""
    body, lost = render(tools=(Tool("f"), Tool("g", "G", SCHEMA)), tool_choice=choice)
    assert [tool["function"]["name"] for tool in body["tools"]] == sent if sent else "tools" not in body
    assert lost == dropped


def test_tools():
    """Functions; what is another dialect's own is named, and so is what a function has beyond name, description and schema."""
    tools = (Tool("f", "F", SCHEMA, strict=True, cache=CacheMark()), Tool("x", dialect="openai_chat", raw=Raw(b"{}")), Tool("g"))
    body, dropped = render(tools=tools)
    assert body["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "F", "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert dropped == ["tools[0].function.strict", "tools[0].cache_control", "tools[1]"]
    assert render(tools=tools[:1], dialect="anthropic_messages")[1] == ["tools[0].strict", "tools[0].cache_control"]


@pytest.mark.parametrize(
    ("wanted", "sent", "dropped"),
    [
        (ResponseFormat("text"), None, []),
        (ResponseFormat("json"), "json", []),
        (ResponseFormat("schema", "n", None, SCHEMA, strict=True), {"type": "object"}, []),
        (ResponseFormat("schema", "n"), "json", []),
        (
            ResponseFormat("schema", "n", "d", SCHEMA, strict=False),
            {"type": "object"},
            ["response_format.json_schema.description", "response_format.json_schema.strict"],
        ),
    ],
)
def test_formats(wanted, sent, dropped):
    """Any JSON or a schema."""
    body, lost = render(response_format=wanted)
    assert (body.get("format"), lost) == (sent, dropped)


@pytest.mark.parametrize(
    ("wanted", "dialect", "sent", "dropped"),
    [
        (ReasoningRequest(), "openai_chat", None, []),
        (ReasoningRequest(effort="none"), "openai_chat", False, []),
        (ReasoningRequest(enabled=False), "anthropic_messages", False, []),
        (ReasoningRequest(effort="high"), "openai_chat", "high", []),
        (ReasoningRequest(effort="minimal"), "openai_chat", "low", ["reasoning_effort"]),
        (ReasoningRequest(effort="max"), "anthropic_messages", "high", ["output_config.effort"]),
        (ReasoningRequest(effort="odd"), "openai_chat", True, ["reasoning_effort"]),
        (ReasoningRequest(effort="odd"), "ollama_chat", "odd", []),
        (ReasoningRequest(enabled=True), "ollama_chat", True, []),
        (
            ReasoningRequest(enabled=True, budget=9, display="omitted"),
            "anthropic_messages",
            True,
            ["thinking.budget_tokens", "thinking.display"],
        ),
        (ReasoningRequest(budget=9, display="omitted"), "openai_chat", True, ["reasoning.max_tokens", "reasoning.exclude"]),
    ],
)
def test_thinking(wanted, dialect, sent, dropped):
    """Whether, or one of three amounts; what is lost between is named by the caller's word."""
    body, lost = render(reasoning=wanted, dialect=dialect)
    assert (body.get("think"), lost) == (sent, dropped)


def test_what_does_not_exist_here_is_named():
    """By the caller's own names; what asks for the usual is not lost."""
    lost = {
        "n": 2,
        "parallel_tool_calls": False,
        "user": "u",
        "metadata": Raw(b'{"a":1}'),
        "service_tier": "flex",
        "extra": {"logit_bias": Raw(b"{}")},
    }
    assert render(**lost)[1] == ["n", "parallel_tool_calls", "user", "metadata", "service_tier", "logit_bias"]
    assert render(n=1, parallel_tool_calls=True, service_tier="auto", logprobs=False)[1] == []
    assert render(user="u", parallel_tool_calls=False, dialect="anthropic_messages")[1] == [
        "tool_choice.disable_parallel_tool_use",
        "metadata.user_id",
    ]
    assert render(Message("user", (Text("t"),), "bob"))[1] == ["messages[0].name"]


def test_extras_of_this_dialect_go_back():
    """To their places, unless the messages have moved."""
    extra = {"keep_alive": Raw(b"5"), "options.num_ctx": Raw(b"9"), "messages[0].mood": Raw(b"1")}
    body, dropped = render(dialect="ollama_chat", extra=extra)
    assert (body["keep_alive"], body["options"], body["messages"][0]["mood"]) == (5, {"num_ctx": 9}, 1)
    assert dropped == []
    moved = Message("user", (ToolResult("a"), Text("t")))
    assert render(moved, dialect="ollama_chat", extra=extra)[1] == ["messages[0].mood"]
    assert render(extra=extra)[1] == list(extra)


wire_calls = st.fixed_dictionaries({"id": names, "function": st.fixed_dictionaries({"name": names, "arguments": objects})})
wire_messages = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user"]), "content": texts}, optional={"images": st.lists(base64s, min_size=1)}
    ),
    st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": texts},
        optional={"thinking": texts, "tool_calls": st.lists(wire_calls, min_size=1, max_size=2)},
    ),
    st.fixed_dictionaries({"role": st.just("tool"), "content": texts, "tool_call_id": names}),
)
wire_requests = st.fixed_dictionaries(
    {"model": st.just("llama"), "messages": st.lists(wire_messages, min_size=1, max_size=4), "stream": st.booleans()},
    optional={
        "options": st.fixed_dictionaries(
            {"temperature": st.floats(0, 2)},
            optional={"num_predict": st.integers(-2, 99), "num_ctx": st.integers(1, 99), "stop": st.lists(texts, min_size=1)},
        ),
        "format": st.sampled_from(["json", {"type": "object"}]),
        "think": st.sampled_from([True, False, "low"]),
        "keep_alive": st.sampled_from([0, "5m"]),
        "logprobs": st.booleans(),
        "tools": st.just([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]),
    },
)


@settings(max_examples=80, deadline=None)
@given(wire_requests)
def test_a_request_of_this_dialect_comes_out_as_it_went_in(document):
    """Through the neutral form and back nothing is lost but the names of tools that no call has told."""
    request = OLLAMA_CHAT.parse_request(msgspec.json.encode(document))
    rendered = OLLAMA_CHAT.render_request(request, TARGET)
    again = msgspec.json.decode(rendered.body)
    for message in again["messages"]:
        if message["role"] == "tool":
            message.pop("tool_name", None)
    assert again == document
    assert rendered.dropped == []


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["openai_chat", "anthropic_messages"]).flatmap(requests))
def test_any_request_is_rendered(request):
    """Whatever it holds, and the front of this dialect understands it. One of which nothing is left is refused."""
    try:
        rendered = OLLAMA_CHAT.render_request(request, TARGET)
    except Unsupported:
        return
    again = OLLAMA_CHAT.parse_request(rendered.body)
    assert (again.model, again.max_tokens, again.seed, again.stream) == (
        "llama",
        request.max_tokens,
        request.seed,
        request.stream,
    )
    assert OLLAMA_CHAT.view(rendered.body).stream is request.stream
    lost = sum(1 for message in request.messages for part in message.parts if isinstance(part, Image) and part.url is not None)
    assert sum("content[" in path and path.endswith("]") for path in rendered.dropped) >= lost


def test_only_allowed_tools_are_sent():
    """The others may not be called: withholding them is what was asked."""
    body, dropped = render(tools=(Tool("f"), Tool("g")), tool_choice=ToolChoice("auto", allowed=("g",)))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["g"]
    assert dropped == []
