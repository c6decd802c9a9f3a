"""Whole answers of Cohere's."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.looks import usage_told
from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import wire_damages
from llm_gateway.core.chat import ChatReply, Choice, Reasoning, Text, ToolCall
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import ProviderFault, ReplyFacts
from llm_gateway.dialects.cohere_chat import COHERE_CHAT
from llm_gateway.dialects.openai_chat import OpenAIChat

GOOD = {
    "id": "c-1",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "hi"}]},
    "finish_reason": "COMPLETE",
    "usage": {"tokens": {"input_tokens": 9, "output_tokens": 2}, "cached_tokens": 4},
}


def answer(**members: object) -> bytes:
    return msgspec.json.encode({name: value for name, value in (GOOD | members).items() if value is not msgspec.UNSET})


def said(**members: object) -> Choice:
    return COHERE_CHAT.parse_reply(answer(message={"role": "assistant"} | members)).choices[0]


def test_the_plainest_answer():
    """Everything that the neutral form has a place for; the model is not told."""
    assert COHERE_CHAT.parse_reply(answer()) == ChatReply("c-1", "", (Choice(0, (Text("hi"),), "stop"),), Usage(5, 4, output=2))
    assert COHERE_CHAT.check_reply(answer()) == ReplyFacts(Usage(5, 4, output=2), "")


def test_a_rich_answer():
    """Thinking, two texts with their sources, all usage; and as clients see it; checked by eye."""
    reply = COHERE_CHAT.parse_reply(recorded("cohere_chat/rich.reply.json"))
    agrees("cohere_chat/rich.reply.neutral.json", msgspec.json.encode(reply))
    for name, front in (("openai", OpenAIChat(FakeClock())), ("anthropic", ANTHROPIC_MESSAGES)):
        agrees(f"cohere_chat/rich.{name}.shown.json", front.render_reply(reply))


def test_a_plan_is_thinking():
    """And stands before the calls it led to, whose arguments are to the byte."""
    calls = [{"id": "x", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}, {"function": {"name": "g"}}]
    assert said(tool_plan="I will", tool_calls=calls) == Choice(
        0, (Reasoning("I will"), ToolCall("x", "f", '{"a": 1}'), ToolCall("call_c-1_1", "g", "")), "tool_calls"
    )


def test_sources_belong_to_a_text():
    """To the one they name, or to the last; without a text there is nothing to belong to."""
    texts = [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": "t"}, {"type": "text", "text": "b"}]
    first, plan, odd = {"content_index": 0}, {"type": "PLAN"}, "odd"
    parts = said(content=texts, citations=[first, plan, {"content_index": 1}, odd]).parts
    assert parts == (
        Text("a", citations=(first,)),
        Reasoning("t"),
        Text("b", citations=(plan, {"content_index": 1}, odd)),
    )
    assert said(content=[], citations=[first]).parts == ()


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR_TOXIC", "content_filter"),
        (None, None),
    ],
)
def test_reasons(reason, finish):
    """As the neutral form has them."""
    assert COHERE_CHAT.parse_reply(answer(finish_reason=reason)).choices[0].finish == finish


@pytest.mark.parametrize("reason", ["ERROR", "TIMEOUT", "HAYWIRE"])
def test_an_answer_that_ends_with_an_error_is_none(reason):
    """It would look whole to a client who does not read reasons."""
    with pytest.raises(UpstreamMalformed, match="ended its answer with an error"):
        COHERE_CHAT.parse_reply(answer(finish_reason=reason))


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"tokens": {"input_tokens": 9.0, "output_tokens": 5}, "cached_tokens": 20}, Usage(0, 9, output=5)),
        (
            {"tokens": {"input_tokens": 34, "output_tokens": 56, "reasoning_tokens": 50, "image_tokens": 259}},
            Usage(293, output=6, reasoning=50),
        ),
        ({"billed_units": {"input_tokens": 3, "output_tokens": 2}}, Usage(3, output=2)),
        ({"tokens": {"input_tokens": 9}, "billed_units": {"input_tokens": 3}}, Usage(9)),
        ({"tokens": {"input_tokens": -1, "output_tokens": 2}}, None),
        ({"tokens": {"input_tokens": "9"}}, None),
        ({"tokens": {"input_tokens": 1e300}}, None),
        ({"billed_units": {"search_units": 1}}, None),
        ({"billed_units": {"images": 2}}, MediaUsage(input_images=2)),
        ({"billed_units": {"images": 2, "input_tokens": 3}}, MediaUsage(input=3, input_images=2)),
        ({}, None),
        (None, None),
        (3, None),
    ],
)
def test_usage(usage, told):
    """Disjoint classes of what went through the model, never more than there is; a count that cannot be loses no answer."""
    assert COHERE_CHAT.check_reply(answer(usage=usage)).usage == told


def test_logprobs():
    """A piece of text is as likely as its tokens together; what cannot be read loses no answer."""
    items = [{"text": "hé", "token_ids": [1, 2], "logprobs": [-0.5, -1.0]}, {"token_ids": [3]}]
    choice = COHERE_CHAT.parse_reply(answer(logprobs=items)).choices[0]
    assert msgspec.json.decode(choice.logprobs) == {
        "content": [{"token": "hé", "logprob": -1.5, "bytes": [104, 195, 169], "top_logprobs": []}],
        "refusal": None,
    }
    for odd in (None, [], "x", [3], {"text": 1}):
        assert COHERE_CHAT.parse_reply(answer(logprobs=odd)).choices[0].logprobs is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"<html>",
        b"[]",
        b'"x"',
        answer()[:-9],
        answer(message=None),
        answer(message=msgspec.UNSET),
        answer(message={"content": "text"}),
        answer(message={"content": [1]}),
        answer(message={"tool_calls": [{"function": {"arguments": {}}}]}),
        b'{"choices":[]}',
        b'{"text":"an answer of version 1"}',
    ],
)
def test_what_is_no_answer_is_malformed(body):
    """Whether it passes or is translated, and the message holds nothing of it."""
    for look in (COHERE_CHAT.check_reply, COHERE_CHAT.parse_reply):
        with pytest.raises(UpstreamMalformed) as raised:
            look(body)
        assert "html" not in raised.value.message


def test_an_error_under_a_status_of_success_is_one():
    """With what it says."""
    for body in (b'{"id":"x","message":"trial limit"}', b'{"error":{"message":"trial limit"}}'):
        for look in (COHERE_CHAT.check_reply, COHERE_CHAT.parse_reply):
            with pytest.raises(UpstreamMalformed, match="trial limit"):
                look(body)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"message":"no such model"}', ProviderFault("no such model")),
        (b'{"id":"x","message":"invalid api token"}', ProviderFault("invalid api token")),
        (b'{"data":"x"}', ProviderFault("")),
        (b"<html>", ProviderFault("")),
        (b"null", ProviderFault("")),
        (b"", ProviderFault("")),
    ],
)
def test_error_bodies_are_read_and_never_raise(body, fault):
    """What cannot be read gives an empty fault."""
    assert COHERE_CHAT.parse_error(500, body) == fault


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "message": st.sampled_from(
                [None, {}, "no", {"content": [{"text": "é"}]}, {"content": [{}], "citations": [None]}, {"tool_calls": [{}]}, 3]
            )
        },
        optional={
            "usage": st.sampled_from([None, {}, {"tokens": None}, {"tokens": {"input_tokens": 1.5}}, []]),
            "error": st.sampled_from([None, "", "no", {"message": 3}]),
            "id": st.sampled_from(["é", 3, None]),
            "logprobs": st.sampled_from([None, [1], {}]),
            "finish_reason": st.sampled_from([None, "COMPLETE", 3]),
        },
    ),
    wire_damages,
)
def test_whatever_a_server_answers(document, damage):
    """It is an answer or UpstreamMalformed, and the two ways of looking agree on which."""
    body = msgspec.json.encode(document).replace(*damage)
    told = usage_told(COHERE_CHAT, body)
    assert told[0] == told[1]
