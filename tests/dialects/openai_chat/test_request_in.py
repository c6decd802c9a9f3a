"""Chat requests, wire to neutral."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from dialects.openai_chat.asked import FULL, HI, parse
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
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from llm_gateway.core.errors import InvalidRequest, MalformedBody
from llm_gateway.dialects.openai_chat import OPENAI_CHAT, request_in
from llm_gateway.dialects.openai_chat.messages_in import Messages
from llm_gateway.dialects.openai_chat.wire import MessageWire


def only_part(**message: object) -> Any:
    (part,) = parse({"role": "assistant", **message}).messages[0].parts
    return part


def user_part(**part: object) -> Any:
    return parse({"role": "user", "content": [part]}).messages[0].parts[0]


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
