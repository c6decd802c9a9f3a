"""Chat requests, wire to neutral and back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import requests, texts
from llm_gateway.core.chat import (
    Audio,
    CacheMark,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Reasoning,
    ReasoningRequest,
    Refusal,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llm_gateway.core.errors import InvalidRequest, MalformedBody, Unsupported
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.openai_chat import OPENAI_CHAT, request_in
from llm_gateway.dialects.openai_chat.messages_in import Messages
from llm_gateway.dialects.openai_chat.wire import MessageWire

FULL = Target("m-1", max_tokens_field="max_completion_tokens", developer_role=True, reasoning_field="reasoning_details")
PLAIN = Target("m-1")
HI = {"role": "user", "content": "hi"}


def parse(*messages: dict, **members: object) -> ChatRequest:
    return OPENAI_CHAT.parse_request(msgspec.json.encode({"model": "m", "messages": list(messages) or [HI], **members}))


def only_part(**message: object) -> Any:
    (part,) = parse({"role": "assistant", **message}).messages[0].parts
    return part


def user_part(**part: object) -> Any:
    return parse({"role": "user", "content": [part]}).messages[0].parts[0]


def render(request: ChatRequest, target: Target = PLAIN) -> tuple[dict, list[str]]:
    rendered = OPENAI_CHAT.render_request(request, target)
    return msgspec.json.decode(rendered.body), rendered.dropped


def foreign(*messages: Message, **members: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=messages or (Message("user", (Text("hi"),)),), dialect="anthropic_messages", **members)


@settings(max_examples=200)
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


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, Text("x", CacheMark("1h"))),
        (
            {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
            Image(url="https://a/b.png", detail="low"),
        ),
        ({"type": "image_url", "image_url": "https://a/b.png"}, Image(url="https://a/b.png")),
        ({"type": "image_url", "image_url": {"url": "data:image/webp;base64,QUJD"}}, Image(data="QUJD", media_type="image/webp")),
        (
            {"type": "image_url", "image_url": {"url": "data:image/svg+xml,%3Csvg/%3E"}},
            Image(url="data:image/svg+xml,%3Csvg/%3E"),
        ),
        ({"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}}, Audio("QUJD", "mp3")),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
            Document(data="QUJD", media_type="application/pdf", name="a.pdf"),
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, Document(file_id="file-1")),
        ({"type": "file", "file": {"file_data": "https://a/b.pdf"}}, Document(url="https://a/b.pdf")),
        ({"type": "refusal", "refusal": "no"}, Refusal("no")),
        ({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, Reasoning("hm")),
        (
            {"type": "video_url", "video_url": {"url": "https://a/b.mp4"}},
            Opaque("openai_chat", "video_url", Raw(b'{"type":"video_url","video_url":{"url":"https://a/b.mp4"}}')),
        ),
    ],
)
def test_every_part_has_its_neutral_form(part: dict, expected: object):
    """And what has none keeps its place as an opaque block."""
    assert user_part(**part) == expected


def test_reasoning_comes_back_with_its_signature():
    """An assistant message that shows our own reply: the text in plain, the blocks in reasoning_details."""
    details = [
        {"type": "reasoning.text", "index": 0, "text": "a", "signature": "s1"},
        {"type": "reasoning.encrypted", "index": 1, "data": "xyz"},
        {"type": "reasoning.text", "index": 2, "text": "b", "signature": "s2"},
    ]
    message = parse({"role": "assistant", "content": "c", "reasoning_content": "ab", "reasoning_details": details}).messages[0]
    assert message.parts == (Reasoning("a", "s1"), Reasoning(redacted="xyz"), Reasoning("b", "s2"), Text("c"))


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"reasoning_content": "a"}, Reasoning("a")),
        ({"reasoning": "a"}, Reasoning("a")),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "a"}]}, Reasoning("a")),
        ({"reasoning": "ab", "reasoning_details": [{"type": "reasoning.summary", "summary": "ab"}]}, Reasoning("ab")),
        (
            {
                "reasoning_details": [
                    {"type": "reasoning.text", "index": 0, "text": "a"},
                    {"type": "reasoning.text", "index": 0, "text": "b"},
                    {"type": "reasoning.text", "index": 0, "signature": "s", "format": "anthropic-claude-v1"},
                ]
            },
            Reasoning("ab", "s"),
        ),
        (
            {"reasoning_details": [{"type": "reasoning.encrypted", "data": "z", "format": "openai-responses-v1"}]},
            Opaque(
                "openai_chat",
                "reasoning.encrypted",
                Raw(b'{"type":"reasoning.encrypted","data":"z","format":"openai-responses-v1"}'),
            ),
        ),
    ],
)
def test_reasoning_of_other_servers(members: dict, expected: object):
    """DeepSeek, vLLM and OpenRouter each have their own; another family's ciphertext is opaque."""
    assert only_part(**members) == expected


def test_text_of_blocks_that_were_not_signed_is_kept():
    """The plain text may be longer than what the details repeat."""
    details = [{"type": "reasoning.text", "index": 0, "text": "a", "signature": "s"}]
    assert parse({"role": "assistant", "reasoning_content": "ab", "reasoning_details": details}).messages[0].parts == (
        Reasoning("a", "s"),
        Reasoning("b"),
    )


def test_functions_from_before_tools_become_calls_and_results():
    """They had no ids: a result belongs to the last call of its name."""
    request = parse(
        HI,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
        functions=[{"name": "f"}],
    )
    call, result = request.messages[1].parts[0], request.messages[2].parts[0]
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert call.id == result.id != ""
    assert request.extra == {"functions": Raw(b'[{"name":"f"}]')}


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


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"role": "user", "content": 3}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "text", "text": 3}]}], "messages[0].content[0].text"),
        ([{"role": "user", "content": [{"text": "x"}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "file", "file": {}}]}], "messages[0].content[0].file"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "messages[0].content[0].image_url"),
        ([{"role": "robot"}], "messages[0].role"),
        ([{"role": "assistant", "tool_calls": [{"id": 1}]}], "messages[0].tool_calls[0].id"),
        ([], "messages"),
        (["x"], "messages[0]"),
    ],
)
def test_a_wrong_message_is_named(messages: list, param: str):
    """The translated way checks in full what the view left alone."""
    with pytest.raises(InvalidRequest) as caught:
        OPENAI_CHAT.parse_request(msgspec.json.encode({"model": "m", "messages": messages}))
    assert caught.value.param == param


def test_no_json_is_malformed_here_too():
    """parse_request stands on its own."""
    with pytest.raises(MalformedBody):
        OPENAI_CHAT.parse_request(b"{")


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


def outcome(body: bytes) -> ChatRequest | tuple:
    """What becomes of `body`, or all that the caller is told."""
    try:
        return OPENAI_CHAT.parse_request(body)
    except (InvalidRequest, MalformedBody) as error:
        return type(error), str(error), error.code, error.param


odd_members = st.dictionaries(
    st.sampled_from(["store", "logit_bias", "user", "metadata", "stop", "tool_choice", "messages", "model", "n"]),
    st.sampled_from([None, 1, "a", "", [], {}, {"a": "\xe9"}, [{"role": "user", "content": "hi", "odd": 1}]]),
    max_size=2,
)
damages = st.none() | st.tuples(st.integers(0, 400), st.sampled_from([b"", b'"', b"}", b"\xff", b"\\ud800", b"\xc3\xa9"]))


@given(requests("openai_chat"), odd_members, damages)
def test_reading_at_one_go_gives_what_reading_step_by_step_gives(request: ChatRequest, odd: dict, damage: tuple | None):
    """The usual case is read in one go, everything else in steps: which of the two it was makes no difference to anybody."""
    body = msgspec.json.encode(msgspec.json.decode(OPENAI_CHAT.render_request(request, FULL).body) | odd)
    if damage is not None:
        at, piece = damage[0] % len(body), damage[1]
        body = body[:at] + piece + body[at + 1 :]
    at_one_go = outcome(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_in, "_decode_closed", refuses)
        assert at_one_go == outcome(body)


def refuses(_: bytes) -> Any:
    raise msgspec.ValidationError


@given(
    st.sampled_from(["system", "developer", "user", "assistant"]),
    st.none() | st.just("") | texts | st.lists(texts.map(lambda text: {"type": "text", "text": text}), max_size=2),
    st.none() | st.just("zoe"),
)
def test_a_message_of_nothing_but_content_is_what_every_message_is(role: Any, content: Any, name: str | None):
    """The short way for the usual message gives what the long one would."""
    message = msgspec.convert({"role": role, "content": content, "name": name}, MessageWire)
    longer = Message(role, tuple(Messages({})._parts(message, 0)), name)
    assert Messages({}).parse([message]) == (longer,)


def test_a_schema_that_is_not_utf8_is_refused():
    """msgspec hands a schema through unread, so a request read in one go must be looked at first."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"description": "@"}}}
    body = msgspec.json.encode({"model": "m", "messages": [HI], "tools": [tool]}).replace(b"@", b"\xff")
    with pytest.raises(MalformedBody):
        OPENAI_CHAT.parse_request(body)


def test_tools_that_may_not_be_called_are_not_sent():
    """A choice among some tools (Responses' allowed_tools) means the same here and at Anthropic: the others are left out."""
    tools = tuple(Tool(name) for name in ("a", "b", "c"))
    request = ChatRequest("m", (Message("user", (Text("hi"),)),), tools=tools, tool_choice=ToolChoice("auto", allowed=("a", "c")))
    for back in (OPENAI_CHAT, ANTHROPIC_MESSAGES):
        rendered = back.render_request(request, Target("m"))
        sent = msgspec.json.decode(rendered.body)["tools"]
        assert [tool.get("name") or tool["function"]["name"] for tool in sent] == ["a", "c"]
        assert rendered.dropped == []
