"""Whole chat answers, wire to neutral and back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from msgspec import Raw
from openai.types.chat import ChatCompletion

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import replies, texts
from llm_gateway.core.chat import Audio, ChatReply, Choice, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_chat import OPENAI_CHAT, OpenAIChat


def reply(message: dict | None = None, finish: object = "stop", **members: object) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"} | (message or {}), "finish_reason": finish}
    return msgspec.json.encode(
        {"id": "c-1", "object": "chat.completion", "created": 5, "model": "m", "choices": [choice]} | members
    )


def parts(**message: object) -> tuple[Part, ...]:
    return OPENAI_CHAT.parse_reply(reply(message)).choices[0].parts


def shown(*given: Part, finish: str = "stop") -> dict:
    made = OPENAI_CHAT.render_reply(ChatReply("c-1", "m", (Choice(0, given, finish),)))
    ChatCompletion.model_validate_json(made, strict=False)
    return msgspec.json.decode(made)["choices"][0]


@given(replies())
def test_a_reply_survives_rendering_and_parsing(given: ChatReply):
    """Everything that the dialect can carry comes back the same; the official SDK's model accepts it."""
    made = OPENAI_CHAT.render_reply(given)
    assert OPENAI_CHAT.parse_reply(made) == given
    facts = OPENAI_CHAT.check_reply(made)
    assert (facts.model, facts.usage) == (given.model, given.usage)
    document = msgspec.json.decode(made)
    for choice in document["choices"]:
        choice["logprobs"] = None  # of any shape here
    ChatCompletion.model_validate(document)


@pytest.mark.parametrize("name", ["rich", "mistral"])
def test_whole_replies_against_their_goldens(name: str):
    """What a reply becomes in neutral form, and what a caller sees of it."""
    parsed = OPENAI_CHAT.parse_reply(recorded(f"openai_chat/{name}.reply.json"))
    agrees(f"openai_chat/{name}.reply.neutral.json", msgspec.json.encode(parsed))
    agrees(f"openai_chat/{name}.reply.shown.json", OpenAIChat(FakeClock()).render_reply(parsed))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"<html>", b'{"id":"c', b"{}", b'{"choices":[]}', b'{"choices":null}', b'{"choices":"x"}',
        b'{"choices":[{}]}', b'{"choices":[{"message":null}]}', b'{"choices":[null]}', b'{"choices":[{"message":"x"}]}',
        b'{"error":{"message":"boom"}}', b'{"error":"boom","choices":[{"message":{}}]}', b'{"model":3,"choices":[{"message":{}}]}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_answer_is_malformed(body: bytes):
    """faults.md U20: never a success of nothing, on either way."""
    for look in (OPENAI_CHAT.check_reply, OPENAI_CHAT.parse_reply):
        with pytest.raises(UpstreamMalformed) as caught:
            look(body)
        assert (b"boom" in body) == ("boom" in caught.value.message)


def test_an_answers_text_is_never_in_the_error():
    """Messages of errors are public, answers are not."""
    with pytest.raises(UpstreamMalformed) as caught:
        OPENAI_CHAT.parse_reply(reply({"tool_calls": "very secret"}))
    assert "secret" not in caught.value.message


def test_bad_utf8_and_a_wrong_usage_do_not_lose_an_answer():
    """The one becomes U+FFFD, the other is left out."""
    body = reply({"content": "a?b"}, usage={"prompt_tokens": "many"}).replace(b"?", b"\xff")
    parsed = OPENAI_CHAT.parse_reply(body)
    assert parsed.choices[0].parts == (Text("a\ufffdb"),)
    assert parsed.usage is None
    assert OPENAI_CHAT.check_reply(body).usage is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": None, "refusal": "No"}, (Refusal("No"),)),
        ({"content": ""}, ()),
        ({"reasoning": "r"}, (Reasoning("r"), Text("Hi"))),
        ({"reasoning_content": "r", "reasoning": "r"}, (Reasoning("r"), Text("Hi"))),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}, {"type": "text", "text": "Hi"}]},
            (Reasoning("r"), Text("Hi")),
        ),
        ({"content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}, (ToolCall("call_c-1_0", "f", "{}"),)),
        ({"content": None, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"a": 1}}}]}, (ToolCall("1", "f", '{"a":1}'),)),
        ({"content": None, "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "c", "input": "x"}}]}, (ToolCall("1", "c", "x", custom=True),)),
        ({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, (ToolCall("call_c-1_0", "f", "{}"),)),
        ({"tool_calls": [{"id": "", "function": {"name": "", "arguments": ""}}], "refusal": "", "audio": {"id": ""}}, (Text("Hi"),)),
        (
            {"content": None, "audio": {"id": "a", "data": "QQ==", "transcript": "t", "expires_at": 9}},
            (Audio("QQ==", "", "a", "t", 9),),
        ),
        (
            {"annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}]},
            (Text("Hi", citations=({"type": "url_citation", "url_citation": {"url": "u"}},)),),
        ),
    ],
)  # fmt: skip
def test_every_servers_message_is_read(message: dict, expected: tuple[Part, ...]):
    """OpenAI, DeepSeek, vLLM, OpenRouter, Mistral, Snowflake; ids that are missing are made from the reply's."""
    assert parts(**message) == expected


def test_sources_beside_the_choices_belong_to_the_text():
    """Perplexity's list of URLs."""
    parsed = OPENAI_CHAT.parse_reply(reply(citations=["https://a", "https://b"]))
    assert parsed.choices[0].parts == (Text("Hi", citations=({"url": "https://a"}, {"url": "https://b"})),)


@pytest.mark.parametrize(
    ("reason", "members", "expected"),
    [
        ("stop", {}, "stop"), ("eos", {}, "stop"), ("length", {}, "length"), ("content_filter", {}, "content_filter"),
        ("function_call", {}, "tool_calls"), ("", {}, None), (None, {}, None), ("made_up", {}, "error"),
        ("stop", {"native_finish_reason": "refusal"}, "refusal"), ("length", {"native_finish_reason": "STOP"}, "length"),
    ],
)  # fmt: skip
def test_finish_reasons(reason: object, members: dict, expected: object):
    """Each server has its own words; one that nobody knows is no success."""
    body = msgspec.json.decode(reply(finish=reason))
    body["choices"][0] |= members
    assert OPENAI_CHAT.parse_reply(msgspec.json.encode(body)).choices[0].finish == expected


def test_stop_with_calls_means_tool_calls():
    """OpenAI says stop when the caller named the tool, and many servers always do."""
    call = {"id": "1", "function": {"name": "f", "arguments": "{}"}}
    assert OPENAI_CHAT.parse_reply(reply({"tool_calls": [call]})).choices[0].finish == "tool_calls"


@pytest.mark.parametrize(
    ("finish", "word", "native"),
    [
        ("refusal", "content_filter", "refusal"),
        ("pause", "length", "pause"),
        ("context_window", "length", "context_window"),
        ("stop", "stop", None),
    ],
)
def test_reasons_that_openai_lacks(finish: str, word: str, native: str | None):
    """The nearest word of OpenAI's, and the true one beside it."""
    choice = shown(Text("x"), finish=finish)
    assert (choice["finish_reason"], choice.get("native_finish_reason")) == (word, native)


def test_thinking_is_shown_and_comes_back():
    """Text as reasoning_content; signed and redacted blocks in reasoning_details, which parse into the same blocks."""
    blocks = (Reasoning("a", "s1"), Reasoning(redacted="z"), Reasoning("b"))
    message = shown(*blocks, Text("c"))["message"]
    assert message["reasoning_content"] == "ab"
    sent = msgspec.json.encode({"model": "m", "messages": [message]})
    assert OPENAI_CHAT.parse_request(sent).messages[0].parts == (
        Reasoning("a", "s1"),
        Reasoning(redacted="z"),
        Reasoning("b"),
        Text("c"),
    )
    assert "reasoning_details" not in shown(Reasoning("a"), Text("c"))["message"]


def test_foreign_blocks_and_sources_are_shown_and_come_back():
    """A web search of another dialect: its blocks in opaque_blocks, its sources as annotations and whole in citations."""
    block = Opaque("anthropic_messages", "server_tool_use", Raw(b'{"type":"server_tool_use","id":"s"}'))
    source = {"type": "web_search_result_location", "url": "https://a", "title": "A", "encrypted_index": "x"}
    message = shown(block, Text("one "), Text("two", citations=(source,)))["message"]
    place = {"start_index": 4, "end_index": 7, "url": "https://a", "title": "A"}
    assert message["annotations"] == [{"type": "url_citation", "url_citation": place}]
    sent = msgspec.json.encode({"model": "m", "messages": [message]})
    assert OPENAI_CHAT.parse_request(sent).messages[0].parts == (block, Text("one two", citations=(source,)))


def test_a_reply_without_a_date_is_dated_by_the_clock():
    """OpenAI's clients expect one; Anthropic sends none."""
    dialect = OpenAIChat(FakeClock(1234.5))
    assert msgspec.json.decode(dialect.render_reply(ChatReply("i", "m", (Choice(0, (Text("x"),), "stop"),))))["created"] == 1234


def test_tiers_that_openais_clients_do_not_know_are_not_shown():
    """Their models refuse them; standard is what OpenAI calls default."""
    for tier, expected in (("standard", "default"), ("flex", "flex"), ("on_demand", None), (None, None)):
        made = OPENAI_CHAT.render_reply(ChatReply("i", "m", (), service_tier=tier))
        assert msgspec.json.decode(made).get("service_tier") == expected


def test_usage_of_a_reply_is_disjoint():
    """prompt_tokens includes cached ones on the wire only."""
    body = reply(
        usage={"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "prompt_tokens_details": {"cached_tokens": 4}}
    )
    assert OPENAI_CHAT.parse_reply(body).usage == OPENAI_CHAT.check_reply(body).usage == Usage(input=6, cache_read=4, output=2)


@given(texts)
def test_a_text_alone_is_shown_as_texts_are(text: str):
    """The short way for an answer of one text gives what the long one gives for that text and an empty one."""
    assert shown(Text(text)) == shown(Text(text), Text(""))
