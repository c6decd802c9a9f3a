"""Whole answers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from llm_gateway.core.chat import Opaque, Reasoning, Text, ToolCall
from llm_gateway.core.errors import Unsupported, UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

RICH = "bedrock_converse/rich.reply.json"


def answer(*content: Any, **members: Any) -> bytes:
    return msgspec.json.encode(
        {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn"} | members
    )


def parse(*content: Any, **members: Any) -> Any:
    return BEDROCK_CONVERSE.parse_reply(answer(*content, **members)).choices[0]


def test_a_whole_answer():
    """Everything that one can hold, as checked by eye; the look at it tells the same facts."""
    reply = BEDROCK_CONVERSE.parse_reply(recorded(RICH))
    agrees("bedrock_converse/rich.reply.neutral.json", msgspec.json.encode(reply))
    assert BEDROCK_CONVERSE.check_reply(recorded(RICH)) == ReplyFacts(reply.usage, reply.model)


@pytest.mark.parametrize("front", [OPENAI_CHAT, ANTHROPIC_MESSAGES])
def test_how_callers_see_it(front):
    """In the dialects that they speak."""
    reply = msgspec.structs.replace(BEDROCK_CONVERSE.parse_reply(recorded(RICH)), created=1)
    agrees(f"bedrock_converse/rich.{front.name}.shown.json", front.render_reply(reply))


def test_arguments_keep_their_bytes():
    """Spacing and order of a call's input, as the provider sent them."""
    body = b'{"output":{"message":{"content":[{"toolUse":{"toolUseId":"a","name":"f","input":{"b": 1,"a":[ ]}}}]}}}'
    (part,) = BEDROCK_CONVERSE.parse_reply(body).choices[0].parts
    assert part == ToolCall("a", "f", '{"b": 1,"a":[ ]}')


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "context_window"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_model_output", "error"),
        ("malformed_tool_use", "error"),
        ("tomorrows_word", "error"),
        (None, None),
    ],
)
def test_why_it_ended(reason, finish):
    """A word that nobody knows is no success."""
    assert parse({"text": "x"}, stopReason=reason).finish == finish


@pytest.mark.parametrize("fields", [{"stop_sequence": "END"}, {"delta": {"stop_sequence": "END"}}])
def test_the_stop_sequence_that_was_met(fields):
    """Where the model says it."""
    assert parse({"text": "x"}, additionalModelResponseFields=fields).stop_sequence == "END"
    assert parse({"text": "x"}, additionalModelResponseFields=[1]).stop_sequence is None


def test_blocks():
    """Thinking without a signature, a block of an unknown kind whole, nothing for an empty one."""
    image = {"image": {"format": "png", "source": {"bytes": "AA"}}}
    parts = parse({"reasoningContent": {"reasoningText": {"text": "t"}}}, {"text": ""}, {}, image).parts
    assert parts[:2] == (Reasoning("t"), Text(""))
    (whole,) = parts[2:]
    assert (whole.dialect, whole.kind) == ("bedrock_converse", "image")
    assert msgspec.json.decode(whole.raw) == image


def test_what_the_provider_ran_itself_is_no_call_of_the_caller():
    """Clients would wait for a tool that they do not have."""
    block = {"toolUse": {"toolUseId": "a", "name": "f", "input": {}, "type": "server_tool_use"}}
    (part,) = parse(block).parts
    assert part == Opaque("bedrock_converse", "toolUse", Raw(msgspec.json.encode(block)))
    own = block["toolUse"] | {"type": "tool_use"}
    assert parse({"toolUse": own}).parts == (ToolCall("a", "f", "{}"),)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html>",
        b"{}",
        b'{"output":{}}',
        b'{"output":{"message":{"content":null}}}',
        b'{"output":{"message":{"content":["x"]}}}',
        b'{"output":{"message":{"content":[{"text":3}]}}}',
        b'{"output":{"message":{"content":[]}},"usage":{"inputTokens":-1}}',
        b'{"output":{"message":{"content":[' + b"[" * 100_000,
    ],
)
def test_no_answers(body):
    """Under a status of success, too; no piece of it travels on."""
    with pytest.raises(UpstreamMalformed) as refused:
        BEDROCK_CONVERSE.parse_reply(body)
    assert "html" not in refused.value.message


def test_an_error_under_a_status_of_success():
    """Its message is told."""
    with pytest.raises(UpstreamMalformed, match="Too many"):
        BEDROCK_CONVERSE.check_reply(b'{"message":"Too many tokens"}')
    with pytest.raises(UpstreamMalformed, match="UnknownOperation"):
        BEDROCK_CONVERSE.check_reply(b'{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"}}')


def test_an_answer_of_nothing():
    """Guardrails and silent models give no content, which is an answer."""
    reply = BEDROCK_CONVERSE.parse_reply(answer())
    assert reply.choices[0].parts == ()
    assert BEDROCK_CONVERSE.check_reply(answer(usage={"inputTokens": 1})) == ReplyFacts(Usage(1), "")


def test_damaged_characters():
    """A lone surrogate becomes U+FFFD."""
    body = b'{"output":{"message":{"content":[{"text":"a\\ud800b"}]}}}'
    assert BEDROCK_CONVERSE.parse_reply(body).choices[0].parts == (Text("a\ufffdb"),)


def test_streams_do_not_pass_through():
    """No caller speaks this dialect to us."""
    with pytest.raises(Unsupported):
        BEDROCK_CONVERSE.relay()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 40), st.binary(max_size=6))
def test_mutated_answers(at, length, put):
    """Any damage gives an answer or UpstreamMalformed, and both readers agree that it is one where the parser does."""
    body = recorded(RICH)
    damaged = body[:at] + put + body[at + length :]
    try:
        reply = BEDROCK_CONVERSE.parse_reply(damaged)
    except UpstreamMalformed:
        return
    assert BEDROCK_CONVERSE.check_reply(damaged).usage == reply.usage
    OPENAI_CHAT.render_reply(reply)
    ANTHROPIC_MESSAGES.render_reply(reply)
