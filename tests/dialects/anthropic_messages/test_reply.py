"""Whole answers, both ways."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from anthropic.types import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import replies, wire_damages, wire_replies
from llm_gateway.core.chat import Audio, ChatReply, Choice, Opaque, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.anthropic_messages import reply as reply_module
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

NAME = "anthropic_messages"
GOOD = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2, "service_tier": "standard"},
}


def answer(**members: object) -> bytes:
    return msgspec.json.encode(GOOD | members)


def parts(*blocks: dict) -> tuple:
    return ANTHROPIC_MESSAGES.parse_reply(answer(content=blocks)).choices[0].parts


def show(*shown: Any, finish: Any = "stop", **members: Any) -> dict:
    """As a client reads it, by the SDK's own type."""
    body = ANTHROPIC_MESSAGES.render_reply(ChatReply("c-1", "m", (Choice(0, shown, finish),), **members))
    Message.model_validate_json(body)
    return msgspec.json.decode(body)


def test_the_plainest_answer():
    """Everything that the neutral form has a place for."""
    assert ANTHROPIC_MESSAGES.parse_reply(answer()) == ChatReply(
        "msg_1", "claude", (Choice(0, (Text("hi"),), "stop"),), Usage(input=3, output=2), service_tier="standard"
    )
    assert ANTHROPIC_MESSAGES.check_reply(answer()) == ReplyFacts(Usage(input=3, output=2), "claude")


def test_blocks():
    """Thinking to the byte, arguments as the model wrote them, sources as they are, and other kinds whole."""
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}}
    read = parts(
        {"type": "thinking", "thinking": "hm", "signature": "s/+="},
        {"type": "redacted_thinking", "data": "r"},
        {"type": "text", "text": "t", "citations": [{"type": "page_location"}]},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
        search,
    )
    assert read[:4] == (
        Reasoning("hm", "s/+="),
        Reasoning(redacted="r"),
        Text("t", citations=({"type": "page_location"},)),
        ToolCall("t1", "f", '{"a":1}'),
    )
    assert (read[4].dialect, read[4].kind, msgspec.json.decode(read[4].raw)) == (NAME, "server_tool_use", search)


def test_a_refusal_is_explained():
    """Where the API says why, a client of another dialect hears it as a refusal."""
    body = answer(
        content=[], stop_reason="refusal", stop_details={"type": "refusal", "explanation": "Not this.", "category": None}
    )
    (choice,) = ANTHROPIC_MESSAGES.parse_reply(body).choices
    assert (choice.finish, choice.parts) == ("refusal", (Refusal("Not this."),))


def test_a_stop_sequence_is_told():
    """Which one it was."""
    (choice,) = ANTHROPIC_MESSAGES.parse_reply(answer(stop_reason="stop_sequence", stop_sequence="END")).choices
    assert (choice.finish, choice.stop_sequence) == ("stop", "END")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"<html>",
        b"[]",
        b'"x"',
        answer()[:-9],
        answer(content=None),
        answer(content="x"),
        answer(content=[1]),
        answer(usage={"input_tokens": -1}),
        answer(usage={"input_tokens": "1"}),
        b'{"choices":[]}',
    ],
    ids=["empty", "null", "html", "list", "string", "cut", "no content", "text", "numbers", "negative", "usage", "other"],
)
def test_what_is_no_answer_is_malformed(body):
    """Whether it passes or is translated."""
    for look in (ANTHROPIC_MESSAGES.check_reply, ANTHROPIC_MESSAGES.parse_reply):
        with pytest.raises(UpstreamMalformed):
            look(body)


def test_an_error_under_a_status_of_success_is_one():
    """And the provider's words are passed on."""
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}'
    for look in (ANTHROPIC_MESSAGES.check_reply, ANTHROPIC_MESSAGES.parse_reply):
        with pytest.raises(UpstreamMalformed, match="Busy"):
            look(body)


def test_a_block_that_cannot_be_read_is_malformed_and_not_repeated():
    """Public messages hold nothing of the answer."""
    with pytest.raises(UpstreamMalformed) as raised:
        parts({"type": "text", "text": {"s3cr3t": 1}})
    assert "s3cr3t" not in raised.value.message


def test_damage_that_can_be_repaired_is():
    """A BOM and bytes that are no UTF-8 do not cost the answer."""
    assert ANTHROPIC_MESSAGES.parse_reply(b"\xef\xbb\xbf" + answer()).id == "msg_1"
    damaged = answer(content=[{"type": "text", "text": "a~b"}]).replace(b"~", b"\xff")
    assert ANTHROPIC_MESSAGES.parse_reply(damaged).choices[0].parts == (Text("a\ufffdb"),)


def test_calls_of_openai_are_tool_use():
    """Arguments become an object; none are an empty one."""
    shown = show(ToolCall("call_1", "f", '{"a": 1}'), ToolCall("call_2", "g", ""), finish="tool_calls")
    assert shown["stop_reason"] == "tool_use"
    assert shown["content"] == [
        {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "call_2", "name": "g", "input": {}},
    ]


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "text", '{"a":1}{}'])
def test_arguments_that_are_no_object_are_shown_as_they_are(arguments):
    """Nothing is invented, and nothing is hidden: their text is the one member of the input."""
    assert show(ToolCall("c", "f", arguments))["content"][0]["input"] == {"_raw": arguments}


def test_what_other_families_make():
    """Thinking without a signature has an empty one, refusals and transcripts are texts, foreign blocks are left out."""
    shown = show(
        Reasoning("hm"),
        Refusal("No."),
        Audio(data="AA", transcript="said"),
        Audio(data="AA"),
        Opaque("elsewhere", "x", Raw(b"{}")),
        Opaque(NAME, "server_tool_use", Raw(b'{"type":"server_tool_use","id":"s","name":"web_search","input":{}}')),
    )
    assert shown["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "No."},
        {"type": "text", "text": "said"},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
    ]
    assert shown["stop_reason"] == "refusal"


def test_sources_of_openai_are_shown():
    """As results of a web search, with the text that they stand for."""
    source = {
        "type": "url_citation",
        "url_citation": {"url": "https://example.test", "title": "T", "start_index": 0, "end_index": 2},
    }
    (block,) = show(Text("hi there", citations=(source,)))["content"]
    assert (block["citations"][0]["url"], block["citations"][0]["cited_text"]) == ("https://example.test", "hi")


def test_only_the_first_choice_is_shown():
    """The API has no others."""
    body = ANTHROPIC_MESSAGES.render_reply(
        ChatReply("c", "m", (Choice(0, (Text("a"),), "stop"), Choice(1, (Text("b"),), "stop")))
    )
    assert [block["text"] for block in msgspec.json.decode(body)["content"]] == ["a"]


def test_usage_and_tier():
    """Unknown usage is zeros, and OpenAI's default tier has another name here."""
    assert show()["usage"]["output_tokens"] == 0
    shown = show(usage=Usage(input=5, cache_read=2, output=3, reasoning=4), service_tier="default")["usage"]
    assert (shown["input_tokens"], shown["cache_read_input_tokens"], shown["output_tokens"]) == (5, 2, 7)
    assert (shown["output_tokens_details"], shown["service_tier"]) == ({"thinking_tokens": 4}, "standard")
    assert "service_tier" not in show(service_tier="flex")["usage"]


@settings(max_examples=60, deadline=None)
@given(replies())
def test_what_the_dialect_can_say_survives(reply):
    """Shown and read, an answer's first choice is the same, a refusal aside, which is a text here; the SDK takes all of it."""
    body = ANTHROPIC_MESSAGES.render_reply(reply)
    Message.model_validate_json(body)
    again = ANTHROPIC_MESSAGES.parse_reply(body)
    (choice,) = again.choices
    texts = tuple(Text(part.text) if isinstance(part, Refusal) else part for part in reply.choices[0].parts)
    assert (again.id, again.model, choice.parts) == (reply.id, reply.model, texts)
    assert choice.stop_sequence == reply.choices[0].stop_sequence
    used = reply.usage or Usage()
    assert again.usage is not None
    assert (again.usage.prompt, again.usage.completion, again.usage.reasoning) == (used.prompt, used.completion, used.reasoning)


def test_a_whole_answer():
    """Neutral form, and the same shown again, checked by eye."""
    reply = ANTHROPIC_MESSAGES.parse_reply(recorded(f"{NAME}/rich.reply.json"))
    agrees(f"{NAME}/rich.reply.neutral.json", msgspec.json.encode(reply))
    agrees(f"{NAME}/rich.reply.shown.json", ANTHROPIC_MESSAGES.render_reply(reply))


@pytest.mark.parametrize("name", ["rich", "mistral"])
def test_answers_of_openai(name):
    """What openai_chat's own examples become, checked by eye."""
    reply = OPENAI_CHAT.parse_reply(recorded(f"openai_chat/{name}.reply.json"))
    agrees(f"{NAME}/openai.{name}.shown.json", ANTHROPIC_MESSAGES.render_reply(reply))


def outcome(body: bytes) -> ChatReply | str:
    try:
        return ANTHROPIC_MESSAGES.parse_reply(body)
    except UpstreamMalformed as error:
        return str(error)


blocks = st.lists(
    st.sampled_from(
        [
            {"type": "text", "text": "\xe9"},
            {"type": "text", "text": "a", "citations": [{"type": "char_location"}]},
            {"type": "text", "text": None},
            {"type": "thinking", "thinking": "a", "signature": "b"},
            {"type": "redacted_thinking", "data": "a"},
            {"type": "tool_use", "id": "1", "name": "f", "input": {"a": "\xe9"}},
            {"type": "server_tool_use", "id": "1"},
            {"type": 1},
            "a",
        ]
    ),
    max_size=3,
)
odd_members = st.dictionaries(
    st.sampled_from(["error", "type", "usage", "stop_details", "stop_reason", "id"]),
    st.sampled_from([None, "error", {"explanation": "no"}, {"message": "no"}, {"input_tokens": -1}, 1]),
    max_size=2,
)
damages = st.none() | st.tuples(st.integers(0, 400), st.sampled_from([b"", b'"', b"\xff", b"\\ud800"]))


@given(blocks, odd_members, damages)
def test_reading_at_one_go_gives_what_reading_block_by_block_gives(content: list, odd: dict, damage: tuple | None):
    """An answer of known blocks is read in one go, any other block by block: the answer is the same, and so is what is wrong."""
    body = answer(content=content, **odd)
    if damage is not None:
        at, piece = damage[0] % len(body), damage[1]
        body = body[:at] + piece + body[at + 1 :]
    at_one_go = outcome(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reply_module, "_read_usual", lambda _: None)
        assert at_one_go == outcome(body)


@given(wire_replies, wire_damages)
def test_the_quick_look_is_the_thorough_one(reply, damage):
    """The same facts or the same refusal, also of bytes that have to be repaired first."""
    body = msgspec.json.encode(reply).replace(*damage)

    def facts(look) -> object:
        try:
            return look(body)
        except UpstreamMalformed as error:
            return error.message

    quick = facts(ANTHROPIC_MESSAGES.check_reply)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reply_module, "_decode_checked", lambda body: reply_module._read(body, reply_module.Checked))
        assert quick == facts(ANTHROPIC_MESSAGES.check_reply)


def test_a_call_whose_input_is_not_utf8_is_repaired():
    """msgspec hands a call's input through unread, so an answer read in one go must be looked at first."""
    body = answer(content=[{"type": "tool_use", "id": "1", "name": "f", "input": {"a": "@"}}]).replace(b"@", b"\xff")
    (call,) = ANTHROPIC_MESSAGES.parse_reply(body).choices[0].parts
    assert call == ToolCall("1", "f", '{"a":"\ufffd"}')


def test_calls_without_ids_and_input():
    """Servers that follow the API loosely: each call gets an id of its own, and an input of nothing is an empty one."""
    call = {"type": "tool_use", "name": "f", "input": None}
    found = ANTHROPIC_MESSAGES.parse_reply(answer(id="m1", content=[call, call | {"id": "t"}])).choices[0].parts
    assert found == (ToolCall("call_m1_0", "f", "{}"), ToolCall("t", "f", "{}"))
