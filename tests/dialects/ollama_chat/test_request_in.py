"""Requests of Ollama's, wire to neutral."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from llm_gateway.core.chat import (
    ChatRequest,
    Image,
    Message,
    Opaque,
    Reasoning,
    ReasoningRequest,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from llm_gateway.core.errors import InvalidRequest, MalformedBody, Unsupported
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT, OLLAMA_GENERATE
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

PNG = "iVBORw0KGgo="


def parse(*messages: dict[str, Any], **members: Any) -> ChatRequest:
    asked = list(messages) or [{"role": "user", "content": "hi"}]
    return OLLAMA_CHAT.parse_request(msgspec.json.encode({"model": "m", "messages": asked} | members))


def generate(**members: Any) -> ChatRequest:
    return OLLAMA_GENERATE.parse_request(msgspec.json.encode({"model": "m"} | members))


def test_a_whole_conversation():
    """As neutral form, and as the other dialects then ask for it; checked by eye."""
    data = recorded("ollama_chat/conversation.request.json")
    request = OLLAMA_CHAT.parse_request(data)
    agrees("ollama_chat/conversation.neutral.json", msgspec.json.encode(request))
    for name, back in (("own", OLLAMA_CHAT), ("openai", OPENAI_CHAT), ("anthropic", ANTHROPIC_MESSAGES)):
        rendered = back.render_request(request, Target("other"))
        shown = {"dropped": rendered.dropped, "body": msgspec.json.decode(rendered.body)}
        agrees(f"ollama_chat/conversation.{name}.json", msgspec.json.encode(shown))


def test_the_plainest_request():
    """It streams, with usage, and says nothing else."""
    assert parse() == ChatRequest(
        "m",
        (Message("user", (Text("hi"),)),),
        stream=True,
        include_usage=True,
        dialect="ollama_chat",
        places=(("messages[0].content",),),
    )


def test_options_have_their_places():
    """Those that others have too; the server's own go to `extra`, by their path."""
    request = parse(
        options={
            "num_predict": 5,
            "temperature": 0,
            "top_p": 0.5,
            "top_k": 3,
            "seed": 7,
            "stop": ["a"],
            "presence_penalty": 1,
            "frequency_penalty": 2,
            "num_ctx": 4096,
            "min_p": None,
        },
        keep_alive="5m",
    )
    assert (request.max_tokens, request.temperature, request.top_p, request.top_k, request.seed) == (5, 0.0, 0.5, 3, 7)
    assert (request.stop, request.presence_penalty, request.frequency_penalty) == (("a",), 1.0, 2.0)
    assert request.extra == {"options.num_ctx": Raw(b"4096"), "keep_alive": Raw(b'"5m"')}


def test_no_limit_is_none():
    """A negative num_predict is the server's word for none, and goes back to it as it was."""
    request = parse(options={"num_predict": -2})
    assert request.max_tokens is None
    assert msgspec.json.decode(OLLAMA_CHAT.render_request(request, Target("t")).body)["options"] == {"num_predict": -2}


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        ("json", ResponseFormat("json")),
        ("", None),
        (None, None),
        ({"type": "object"}, ResponseFormat("schema", schema=Raw(b'{"type":"object"}'))),
    ],
)
def test_formats(wanted, read):
    """Any JSON, a schema, or nothing, which older clients say with an empty string."""
    assert parse(format=wanted).response_format == read


def test_an_unknown_format_is_refused_where_it_has_to_be_understood():
    """It could not be carried anywhere."""
    with pytest.raises(InvalidRequest) as refused:
        parse(format="yaml")
    assert refused.value.param == "format"


@pytest.mark.parametrize(
    ("think", "read"),
    [
        (True, ReasoningRequest(enabled=True)),
        (False, ReasoningRequest(enabled=False)),
        ("high", ReasoningRequest(effort="high")),
        ("", None),
        (None, None),
    ],
)
def test_thinking(think, read):
    """Whether, or how much."""
    assert parse(think=think).reasoning == read


def test_calls_without_ids_get_stable_ones_and_results_find_them():
    """By the place of the call, so that every later request has the same; a result belongs to the first call that waits for it."""
    messages = [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": "",
            "thinking": "hm",
            "tool_calls": [
                {"function": {"name": "a", "arguments": {"x": 1}}},
                {"function": {"name": "b", "arguments": {}}},
                {"function": {"name": "a", "arguments": {"x": 2}}},
            ],
        },
        {"role": "tool", "content": "B", "tool_name": "b"},
        {"role": "tool", "content": "A1", "tool_name": "a"},
        {"role": "tool", "content": "A2"},
    ]
    request = parse(*messages)
    assert request.messages[1].parts == (
        Reasoning("hm"),
        ToolCall("call_1_0", "a", '{"x":1}'),
        ToolCall("call_1_1", "b", "{}"),
        ToolCall("call_1_2", "a", '{"x":2}'),
    )
    assert [message.parts for message in request.messages[2:]] == [
        (ToolResult("call_1_1", (Text("B"),)),),
        (ToolResult("call_1_0", (Text("A1"),)),),
        (ToolResult("call_1_2", (Text("A2"),)),),
    ]
    assert request.extra == {}
    longer = parse(*messages, {"role": "user", "content": "more"})
    assert longer.messages[:5] == request.messages


def test_ids_of_new_clients_are_kept():
    """They name the call, whatever the order."""
    request = parse(
        {
            "role": "assistant",
            "tool_calls": [{"id": "x", "function": {"name": "f"}}, {"id": "y", "function": {"name": "f", "index": 1}}],
        },
        {"role": "tool", "content": "2", "tool_call_id": "y"},
        {"role": "tool", "content": "1", "tool_name": "f"},
    )
    assert [part.id for message in request.messages for part in message.parts] == ["x", "y", "y", "x"]


def test_a_result_without_its_call():
    """Clients cut conversations: it gets an id of its own, and the tool's name is kept."""
    request = parse({"role": "tool", "content": "1", "tool_name": "f"}, {"role": "user", "content": "go"})
    assert request.messages[0].parts == (ToolResult("call_0", (Text("1"),)),)
    assert request.extra == {"messages[0].tool_name": Raw(b'"f"')}


def test_arguments_in_a_string_are_read():
    """Some clients encode them twice, as OpenAI does."""
    request = parse({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"a":1}'}}]})
    assert request.messages[0].parts == (ToolCall("call_0_0", "f", '{"a":1}'),)


def test_images():
    """Their type is read off the first bytes; a data URI is taken apart; a message may hold nothing else."""
    request = parse({"role": "user", "images": [PNG, "/9j/AA", "AAAA", "data:image/gif;base64,R0"]})
    assert request.messages[0].parts == (
        Image(data=PNG, media_type="image/png"),
        Image(data="/9j/AA", media_type="image/jpeg"),
        Image(data="AAAA"),
        Image(data="R0", media_type="image/gif"),
    )


def test_the_place_of_each_part_is_told():
    """Where it stands in the caller's document, for whoever has to name it."""
    messages = [
        {"role": "user", "content": "x", "images": [PNG]},
        {"role": "assistant", "thinking": "t", "tool_calls": [{"function": {"name": "f"}}]},
        {"role": "tool", "content": "1"},
        {"role": "control", "content": "thinking"},
    ]
    assert parse(*messages).places == (
        ("messages[0].content", "messages[0].images[0]"),
        ("messages[1].thinking", "messages[1].tool_calls[0]"),
        ("messages[2]",),
        ("messages[3]",),
    )
    assert generate(system="s", prompt="p", images=[PNG]).places == (("system",), ("prompt", "images[0]"))


def test_tools():
    """A function, or whatever else, whole."""
    request = parse(
        tools=[
            {"type": "function", "function": {"name": "f", "description": "F", "parameters": {"type": "object"}, "strict": True}},
            {"function": {"name": "g"}},
            {"type": "telepathy", "range": 3},
        ]
    )
    assert request.tools == (
        Tool("f", "F", Raw(b'{"type":"object"}')),
        Tool("g"),
        Tool("telepathy", dialect="ollama_chat", raw=Raw(b'{"type":"telepathy","range":3}')),
    )
    assert request.extra == {"tools[0].function.strict": Raw(b"true")}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"function": 1}]}, "tools[0].function"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages[0].tool_calls[0].function"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": 1}}]}]},
            "messages[0].tool_calls[0].function.name",
        ),
        ({"messages": []}, "messages"),
    ],
)
def test_what_cannot_be_understood_names_its_place(members, param):
    """As deep as it stands."""
    with pytest.raises(InvalidRequest) as refused:
        parse(**members)
    assert refused.value.param == param


def test_damage_inside_of_what_is_opened_later_is_malformed():
    """A lone surrogate escape in a message's text is no JSON, whenever it is found."""
    with pytest.raises(MalformedBody):
        OLLAMA_CHAT.parse_request(b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}')


def test_unknown_members_are_kept_by_their_path():
    """At every depth; null says nothing."""
    request = parse({"role": "user", "content": "x", "mood": 1, "tool_name": "f", "nil": None}, novelty={"a": 1}, nil=None)
    assert request.extra == {
        "novelty": Raw(b'{"a":1}'),
        "messages[0].mood": Raw(b"1"),
        "messages[0].tool_name": Raw(b'"f"'),
    }


def test_control_messages_are_this_dialects_own():
    """They go back whole, and others name them."""
    control = {"role": "control", "content": "thinking"}
    request = parse(control, {"role": "user", "content": "x"})
    assert isinstance(request.messages[0].parts[0], Opaque)
    assert msgspec.json.decode(OLLAMA_CHAT.render_request(request, Target("t")).body)["messages"][0] == control
    assert OPENAI_CHAT.render_request(request, Target("t")).dropped == ["messages[0]"]


def test_generate_is_a_conversation_of_one_turn():
    """The system prompt, then what is asked, with its images."""
    request = generate(
        prompt="p", system="s", images=[PNG], think="low", format="json", stream=False, options={"num_predict": 3, "num_ctx": 9}
    )
    assert request.messages == (
        Message("system", (Text("s"),)),
        Message("user", (Text("p"), Image(data=PNG, media_type="image/png"))),
    )
    assert (request.max_tokens, request.stream, request.dialect) == (3, False, "ollama_generate")
    assert request.extra == {"options.num_ctx": Raw(b"9")}


def test_what_generate_alone_has_is_named():
    """Empty members, which clients send by habit, say nothing."""
    quiet = generate(prompt="p", suffix="", template="", context=[], raw=False, images=[], format="", system="")
    assert (quiet.extra, quiet.messages) == ({}, (Message("user", (Text("p"),)),))
    loud = generate(prompt="p", template="T", context=[1], raw=True)
    for back in (OLLAMA_CHAT, OPENAI_CHAT):
        assert sorted(back.render_request(loud, Target("t")).dropped) == ["context", "raw", "template"]


def test_what_makes_no_sense_in_a_chat_is_refused():
    """Filling in before a suffix, and a request that only loads a model."""
    with pytest.raises(Unsupported) as refused:
        generate(prompt="p", suffix="s")
    assert refused.value.param == "suffix"
    with pytest.raises(InvalidRequest) as refused_too:
        generate()
    assert refused_too.value.param == "prompt"
