"""Whole answers, both ways."""

from __future__ import annotations

from typing import Any

import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from msgspec import Raw
from openai.types.responses import Response

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import replies, wire_damages, wire_replies
from llm_gateway.core.chat import (
    Audio,
    ChatReply,
    Choice,
    Finish,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES, OpenAIResponses

NAME = "openai_responses"
DIALECT = OpenAIResponses(FakeClock(), lambda: "resp_made")
SDK = pydantic.TypeAdapter[Any](Response)
EVERYTHING = DIALECT.parse_request(recorded(f"{NAME}/everything.request.json"))


def show(*parts: Part, finish: Finish | None = "stop", ident: str = "resp_1", **members: Any) -> dict[str, Any]:
    body = DIALECT.render_reply(ChatReply(ident, "m", (Choice(0, parts, finish),), **members))
    SDK.validate_json(body)
    return msgspec.json.decode(body)


def read(output: Any, **members: Any) -> ChatReply:
    return DIALECT.parse_reply(msgspec.json.encode({"id": "resp_1", "model": "m", "output": output, **members}))


def test_a_whole_answer():
    """All that an answer can hold, checked by eye; shown again it says the same."""
    body = recorded(f"{NAME}/rich.reply.json")
    reply = DIALECT.parse_reply(body)
    agrees(f"{NAME}/rich.reply.neutral.json", encode(reply))
    shown = DIALECT.reply_renderer(EVERYTHING, "resp_0").render(reply)
    SDK.validate_json(shown)
    agrees(f"{NAME}/rich.reply.shown.json", shown)
    assert DIALECT.parse_reply(shown) == reply
    assert DIALECT.check_reply(body) == ReplyFacts(reply.usage, "gpt-5-x")


@pytest.mark.parametrize("name", ["openai_chat", "anthropic_messages"])
def test_answers_of_other_dialects(name):
    """Shown to a client of this one, checked by eye and by the SDK."""
    back = {"openai_chat": OPENAI_CHAT, "anthropic_messages": ANTHROPIC_MESSAGES}[name]
    shown = DIALECT.render_reply(back.parse_reply(recorded(f"{name}/rich.reply.json")))
    SDK.validate_json(shown)
    agrees(f"{NAME}/{name}.rich.shown.json", shown)


@pytest.mark.parametrize(
    ("finish", "parts", "status", "reason"),
    [
        ("stop", (Text("a"),), "completed", None),
        (None, (Text("a"),), "completed", None),
        ("tool_calls", (ToolCall("c", "f", "{}"),), "completed", None),
        ("length", (Text("a"),), "incomplete", "max_output_tokens"),
        ("context_window", (Text("a"),), "incomplete", "max_output_tokens"),
        ("pause", (Text("a"),), "incomplete", "max_output_tokens"),
        ("content_filter", (), "incomplete", "content_filter"),
        ("refusal", (Text("a"),), "incomplete", "content_filter"),
        ("refusal", (Refusal("a"),), "completed", None),
        ("error", (Text("a"),), "failed", None),
    ],
)
def test_ends(finish, parts, status, reason):
    """Nothing that is not whole looks completed, and its last item says so too."""
    shown = show(*parts, finish=finish)
    assert (shown["status"], (shown["incomplete_details"] or {}).get("reason")) == (status, reason)
    assert (shown["error"] is not None) == (status == "failed")
    if status == "incomplete" and parts:
        assert shown["output"][-1]["status"] == "incomplete"


@pytest.mark.parametrize(
    ("members", "finish"),
    [
        ({"status": "completed"}, "stop"),
        ({}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete", "incomplete_details": {"reason": "a new one"}}, "error"),
        ({"status": "incomplete"}, "error"),
        ({"status": "cancelled"}, "error"),
    ],
)
def test_ends_are_read(members, finish):
    """A word that nobody knows is no success."""
    assert read([], **members).choices[0].finish == finish


def test_calls_end_an_answer_as_such():
    """The API says completed for them too."""
    assert read([{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]).choices[0].finish == "tool_calls"


def test_what_others_made_goes_into_reasoning_items():
    """Which clients send back as they are: signatures, redacted thinking, blocks of one dialect only."""
    parts = (Reasoning("t", "sig"), Reasoning(redacted="r"), Opaque("anthropic_messages", "server_tool_use", Raw(b'{"a":1}')))
    output = show(*parts)["output"]
    assert [item["encrypted_content"][:11] for item in output] == ["~signature:", "~redacted:r", '~opaque:{"d']
    given = {"model": "m", "input": [{"role": "user", "content": "x"}, *output]}
    again = DIALECT.parse_request(msgspec.json.encode(given))
    assert again.messages[1:] == (Message("assistant", parts),)


def test_ids_are_this_apis():
    """The provider's, or one made up; items are numbered."""
    shown = show(Reasoning("t"), Text("a"), ToolCall("c", "f", "{}"), ident="chatcmpl-9")
    assert shown["id"] == "resp_chatcmpl-9"
    assert [item["id"] for item in shown["output"]] == ["rs_chatcmpl-9_0", "msg_chatcmpl-9_1", "fc_chatcmpl-9_2"]
    assert show(Text("a"), ident="")["id"] == "resp_made"


def test_what_was_asked_is_repeated():
    """Instructions, limits and tools; what the caller did not say is null, as nobody knows the provider's defaults."""
    assert show(Text("a"))["temperature"] is None
    shown = msgspec.json.decode(DIALECT.reply_renderer(EVERYTHING).render(ChatReply("r", "m", (), created=1)))
    assert (shown["temperature"], shown["max_output_tokens"], shown["store"], shown["tool_choice"]["type"]) == (
        0.5,
        500,
        False,
        "allowed_tools",
    )
    request = DIALECT.parse_request(b'{"model":"m","instructions":"i","input":"x"}')
    assert msgspec.json.decode(DIALECT.reply_renderer(request).render(ChatReply("r", "m", ())))["instructions"] == "i"


def test_spoken_answers_are_their_transcripts():
    """The API does not speak."""
    assert show(Audio("AA", transcript="said"))["output"][0]["content"][0]["text"] == "said"
    assert show(Audio("AA"))["output"] == []


def test_servers_that_are_nearly_right():
    """Arguments as an object, calls without an id, a time in fractions."""
    reply = read([{"type": "function_call", "name": "f", "arguments": {"a": 1}}], created_at=1.5)
    assert reply.choices[0].parts == (ToolCall("call_resp_1_0", "f", '{"a":1}'),)
    assert reply.created == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"<html>",
        b"[]",
        b"{}",
        b'{"output":null}',
        b'{"output":3}',
        b'{"output":[3]}',
        b'{"error":{"message":"m"}}',
        b'{"output":[],"status":"failed","error":{"code":"server_error","message":"m"}}',
        b'{"output":[],"status":"failed"}',
    ],
)
def test_what_is_no_answer(body):
    """Not passed on, and not translated."""
    for look in (DIALECT.check_reply, DIALECT.parse_reply):
        with pytest.raises(UpstreamMalformed):
            look(body)


def test_an_answer_in_the_background_passes_and_is_not_translated():
    """It is one for who asked for it, and holds nothing for others."""
    body = b'{"id":"r","output":[],"status":"queued","usage":null}'
    assert DIALECT.check_reply(body) == ReplyFacts(None, "")
    with pytest.raises(UpstreamMalformed):
        DIALECT.parse_reply(body)


def test_damaged_text_is_repaired():
    """Invalid UTF-8 and half of a surrogate pair become U+FFFD."""
    body = b'{"output":[{"type":"message","content":[{"type":"output_text","text":"\xff\\ud800"}]}]}'
    assert DIALECT.parse_reply(body).choices[0].parts == (Text("\ufffd\ufffd"),)
    assert DIALECT.check_reply(body) == ReplyFacts(None, "")


def test_an_error_keeps_the_providers_words_and_nothing_of_the_answer():
    """The message of the error only."""
    with pytest.raises(UpstreamMalformed, match="too hot") as failed:
        read([{"type": "message", "content": [{"type": "output_text", "text": "s3cr3t"}]}], error={"message": "too hot"})
    assert "s3cr3t" not in failed.value.message


@settings(max_examples=80, deadline=None)
@given(replies())
def test_any_answer_can_be_shown(reply):
    """The SDK takes it, and what it says comes back: text, calls, refusals, reasoning by a client's way."""
    body = DIALECT.render_reply(reply)
    SDK.validate_json(body)
    shown = msgspec.json.decode(body)
    again = DIALECT.parse_request(msgspec.json.encode({"model": "m", "input": shown["output"]}))
    assert tuple([part for message in again.messages for part in message.parts]) == reply.choices[0].parts
    assert DIALECT.parse_reply(body).usage == reply.usage


@settings(max_examples=100, deadline=None)
@given(wire_replies, wire_damages)
def test_mutated_answers_are_read_or_refused(document, damage):
    """Nothing but UpstreamMalformed, and both looks agree."""
    document = {**document, "output": document.get("content")}
    body = msgspec.json.encode(document).replace(*damage)
    outcomes = []
    for look in (OPENAI_RESPONSES.check_reply, OPENAI_RESPONSES.parse_reply):
        try:
            outcomes.append(look(body).usage)
        except UpstreamMalformed:
            outcomes.append(UpstreamMalformed)
    assert outcomes[0] == outcomes[1] or outcomes[1] is UpstreamMalformed
