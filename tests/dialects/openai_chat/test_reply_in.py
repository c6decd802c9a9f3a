"""The quick look at a whole answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from msgspec import Raw

from dialects.strategies import wire_damages, wire_replies
from llm_gateway.core.chat import Audio, Opaque, Text, ToolCall
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.openai_chat.reply_in import _check_closely, check_reply, parse_reply


def outcome(look, body: bytes) -> object:
    try:
        return look(body)
    except UpstreamMalformed as error:
        return error.message


@given(wire_replies, wire_damages)
def test_the_quick_look_is_the_thorough_one(reply, damage):
    """The same facts or the same refusal, also of bytes that have to be repaired first."""
    body = encode(reply).replace(*damage)
    assert outcome(check_reply, body) == outcome(_check_closely, body)


def _said(**message: object) -> bytes:
    return encode({"id": "c1", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (
            {"tool_calls": [{"id": "a", "type": "function", "new": 1, "function": {"name": "f", "arguments": "{}", "new": 1}}]},
            (ToolCall("a", "f", "{}"),),
        ),
        ({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": None}}]}, (ToolCall("a", "f", ""),)),
        ({"tool_calls": [{"id": "a", "custom": {"name": "c", "input": "x", "new": 1}}]}, (ToolCall("a", "c", "x", custom=True),)),
        ({"function_call": {"name": "f", "arguments": "{}", "new": 1}}, (ToolCall("call_c1_0", "f", "{}"),)),
        ({"function_call": {"name": None, "arguments": None}, "content": "hi"}, (Text("hi"),)),
        ({"audio": {"id": "a", "data": "AA", "expires_at": 1.5, "new": 1}}, (Audio("AA", "", "a", None, None),)),
        ({"audio": {"data": "AA"}}, (Audio("AA", "", None, None, None),)),
        ({"opaque_blocks": [{"dialect": "d", "kind": "k", "block": {}, "new": 1}]}, (Opaque("d", "k", Raw(b"{}")),)),
        ({"content": ["a", {"type": "text", "text": "b"}]}, (Text("a"), Text("b"))),
    ],
)
def test_members_that_are_new_or_empty_are_no_harm(message, parts):
    """What a provider adds to a call, to speech or to a block tomorrow must not make its answers unreadable."""
    assert parse_reply(_said(**message)).choices[0].parts == parts
