"""Whole answers, both ways."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw, structs

from dialects.looks import usage_told
from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import replies, wire_damages
from llm_gateway.core.chat import Audio, ChatReply, Choice, Opaque, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT, OLLAMA_GENERATE, OllamaChat, OllamaGenerate
from llm_gateway.dialects.ollama_chat.sealed import unseal
from llm_gateway.dialects.ollama_chat.times import parse_time, render_time
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

GOOD = {
    "model": "llama",
    "created_at": "2026-01-02T03:04:05.123456789Z",
    "message": {"role": "assistant", "content": "hi"},
    "done": True,
    "done_reason": "stop",
    "total_duration": 9,
    "prompt_eval_count": 3,
    "eval_count": 2,
}
IDENT = "ollama-20260102030405123456789"
FRONT = OllamaChat(FakeClock(1_700_000_000.5))
GENERATE = OllamaGenerate(FakeClock(1_700_000_000.5))


def answer(**members: object) -> bytes:
    return msgspec.json.encode({name: value for name, value in (GOOD | members).items() if value is not msgspec.UNSET})


def said(**members: object) -> Choice:
    return OLLAMA_CHAT.parse_reply(answer(message={"role": "assistant"} | members)).choices[0]


def show(*parts: Any, finish: Any = "stop", **members: Any) -> dict[str, Any]:
    return msgspec.json.decode(FRONT.render_reply(ChatReply("c-1", "m", (Choice(0, parts, finish),), **members)))


def test_the_plainest_answer():
    """Everything that the neutral form has a place for; its id is the moment it was made."""
    assert OLLAMA_CHAT.parse_reply(answer()) == ChatReply(
        IDENT, "llama", (Choice(0, (Text("hi"),), "stop"),), Usage(input=3, output=2), 1_767_323_045
    )
    assert OLLAMA_CHAT.check_reply(answer()) == ReplyFacts(Usage(input=3, output=2), "llama")


def test_a_rich_answer():
    """Thinking, text and two calls, and as clients of all dialects see it; checked by eye."""
    reply = OLLAMA_CHAT.parse_reply(recorded("ollama_chat/rich.reply.json"))
    agrees("ollama_chat/rich.reply.neutral.json", msgspec.json.encode(reply))
    for name, front in (("own", FRONT), ("openai", OPENAI_CHAT), ("anthropic", ANTHROPIC_MESSAGES), ("generate", GENERATE)):
        agrees(f"ollama_chat/rich.{name}.shown.json", front.render_reply(reply))


@pytest.mark.parametrize("name", ["openai_chat/rich.reply.json", "openai_chat/mistral.reply.json"])
def test_answers_of_other_dialects(name):
    """The goldens of OpenAI's dialect as an Ollama client sees them; checked by eye."""
    made = FRONT.render_reply(OPENAI_CHAT.parse_reply(recorded(name)))
    agrees(f"ollama_chat/{name.replace('/', '.').removesuffix('.reply.json')}.shown.json", made)


def test_calls():
    """Their bytes as the model wrote them; ids of new servers are kept, old ones get their own."""
    choice = said(
        tool_calls=[
            {"function": {"name": "f", "arguments": {"b": 1, "a": 2}}},
            {"id": "x", "function": {"name": "g", "arguments": {}, "index": 1}},
            {"function": {"name": "h"}},
        ]
    )
    assert choice.parts == (
        ToolCall(f"call_{IDENT}_0", "f", '{"b":1,"a":2}'),
        ToolCall("x", "g", "{}"),
        ToolCall(f"call_{IDENT}_2", "h", "{}"),
    )
    assert choice.finish == "tool_calls"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", "stop"), ("length", "length"), ("load", "stop"), ("unload", "stop"), (None, "stop"), ("haywire", "error")],
)
def test_reasons(reason, finish):
    """A server that says none is an old one; a word that nobody knows is no success."""
    assert OLLAMA_CHAT.parse_reply(answer(done_reason=reason)).choices[0].finish == finish


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        (None, "stop"),
        ("stop", "stop"),
        ("tool_calls", "stop"),
        ("length", "length"),
        ("pause", "length"),
        ("context_window", "length"),
        ("content_filter", "content_filter"),
        ("refusal", "content_filter"),
        ("error", "error"),
    ],
)
def test_reasons_are_shown(finish, reason):
    """Where Ollama has no word, what is not whole never looks whole."""
    assert show(Text("t"), finish=finish)["done_reason"] == reason


@pytest.mark.parametrize(
    ("members", "usage"),
    [
        ({"prompt_eval_count": msgspec.UNSET}, Usage(output=2)),
        ({"prompt_eval_count": msgspec.UNSET, "eval_count": msgspec.UNSET}, None),
        ({"eval_count": -1}, None),
    ],
)
def test_usage_as_far_as_it_is_told(members, usage):
    """Old servers do not count a prompt that was cached; a count that cannot be is none."""
    assert OLLAMA_CHAT.check_reply(answer(**members)).usage == usage


def test_a_shown_answer():
    """In one message; refusals and transcripts are text; what has no place is left out, but for what a call's id can carry
    (test_sealed.py); durations nobody measured.
    """
    parts = (
        Reasoning("hm", "sig"),
        Reasoning(redacted="r"),
        Text("a"),
        Refusal("b"),
        Audio(data="AA", transcript="c"),
        Opaque("elsewhere", "x", Raw(b"{}")),
        ToolCall("i", "f", '{"a":1}'),
        ToolCall("", "g", "oops"),
    )
    shown = show(*parts, created=60, usage=Usage(1, 2, output=3, reasoning=4))
    first = shown["message"]["tool_calls"][0]
    first["id"], thoughts = unseal(first["id"])
    assert [thought[:3] for thought in thoughts] == [(2, "sig", None), (0, None, "r")]
    assert shown == {
        "model": "m",
        "created_at": "1970-01-01T00:01:00Z",
        "message": {
            "role": "assistant",
            "content": "abc",
            "thinking": "hm",
            "tool_calls": [
                {"id": "i", "function": {"name": "f", "arguments": {"a": 1}}},
                {"function": {"name": "g", "arguments": {"_raw": "oops"}}},
            ],
        },
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 3,
        "eval_count": 7,
    }


def test_the_clock_stands_in():
    """Where a provider did not say when."""
    assert show()["created_at"] == "2023-11-14T22:13:20.500000Z"
    assert show() == show() | {"message": {"role": "assistant", "content": ""}}


def test_logprobs_change_their_shape():
    """OpenAI's object around the list is put on and taken off; what cannot be read is no reason to lose an answer."""
    item = {"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1.5}]}
    reply = OLLAMA_CHAT.parse_reply(answer(logprobs=[item]))
    held = msgspec.json.decode(reply.choices[0].logprobs)
    assert held == {
        "content": [item | {"bytes": None, "top_logprobs": [{"token": "b", "logprob": -1.5, "bytes": None}]}],
        "refusal": None,
    }
    assert msgspec.json.decode(FRONT.render_reply(reply))["logprobs"] == held["content"]
    assert "logprobs" not in show(Text("t"))
    for odd in ([], None, "x", [{"token": 1}]):
        assert OLLAMA_CHAT.parse_reply(answer(logprobs=odd)).choices[0].logprobs is None
    choice = Choice(0, (Text("t"),), "stop", logprobs=Raw(b'"odd"'))
    assert b"logprobs" not in FRONT.render_reply(ChatReply("i", "m", (choice,)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"<html>",
        b"[]",
        b'"x"',
        answer()[:-9],
        answer() + b"\n" + answer(),
        answer(message=None),
        answer(message="x"),
        answer(message={"content": 1}),
        answer(done=False),
        answer(eval_count="1"),
        b'{"choices":[]}',
    ],
    ids=["empty", "null", "html", "list", "string", "cut", "stream", "none", "text", "number", "undone", "usage", "other"],
)
def test_what_is_no_answer_is_malformed(body):
    """Whether it passes or is translated."""
    for look in (OLLAMA_CHAT.check_reply, OLLAMA_CHAT.parse_reply):
        with pytest.raises(UpstreamMalformed) as raised:
            look(body)
        assert "html" not in raised.value.message


def test_an_error_under_a_status_of_success_is_one():
    """With what it says."""
    for body in (b'{"error":"model is busy"}', answer(error={"message": "model is busy"})):
        for look in (OLLAMA_CHAT.check_reply, OLLAMA_CHAT.parse_reply):
            with pytest.raises(UpstreamMalformed, match="model is busy"):
                look(body)


def test_generated_answers():
    """Pass by what they hold; shown are text and thinking."""
    body = answer(message=msgspec.UNSET, response="hi", context=[1, 2])
    assert OLLAMA_GENERATE.check_reply(body) == ReplyFacts(Usage(input=3, output=2), "llama")
    reply = ChatReply("i", "m", (Choice(0, (Reasoning("hm"), Text("t")), "length"),))
    assert msgspec.json.decode(GENERATE.render_reply(reply)) == {
        "model": "m",
        "created_at": "2023-11-14T22:13:20.500000Z",
        "response": "t",
        "thinking": "hm",
        "done": True,
        "done_reason": "length",
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:01:00Z", 60),
        ("2025-08-20T13:48:24.316155123+02:00", 1_755_690_504),
        ("soon", None),
        ("", None),
        (None, None),
        ("0001-01-01T00:00:00Z", -62_135_596_800),
    ],
)
def test_times_are_read(text, seconds):
    """With nine digits of a second and any zone."""
    assert parse_time(text) == seconds


def test_times_of_no_calendar():
    """A provider may say anything."""
    assert render_time(1e30) == "1970-01-01T00:00:00Z"


@settings(max_examples=60, deadline=None)
@given(replies())
def test_answers_survive_as_far_as_the_dialect_goes(reply):
    """The first choice: texts joined, calls to the byte of their values, usage as two numbers."""
    again = OLLAMA_CHAT.parse_reply(FRONT.render_reply(reply))
    first, (choice,) = reply.choices[0], again.choices
    for kind in ((Text, Refusal), Reasoning):
        assert "".join(part.text for part in choice.parts if isinstance(part, kind)) == "".join(
            part.text for part in first.parts if isinstance(part, kind)
        )
    calls = [[part for part in parts if isinstance(part, ToolCall)] for parts in (first.parts, choice.parts)]
    assert calls[0] == [structs.replace(call, id=unseal(call.id)[0]) for call in calls[1]]
    assert (again.model, again.created) == (reply.model, reply.created)
    if reply.usage is not None and again.usage is not None:
        assert (again.usage.prompt, again.usage.completion) == (reply.usage.prompt, reply.usage.completion)


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "message": st.sampled_from(
                [None, {}, {"content": "é"}, {"tool_calls": [{}]}, {"tool_calls": [{"function": {"arguments": 1}}]}, 3]
            )
        },
        optional={
            "done": st.sampled_from([True, False, None, 1]),
            "error": st.sampled_from([None, "", "no", {"message": 3}]),
            "created_at": st.sampled_from(["é", 3, None]),
            "eval_count": st.sampled_from([1, -1, 1.5, None]),
            "logprobs": st.sampled_from([None, [1], {}]),
            "done_reason": st.sampled_from([None, "stop", 3]),
        },
    ),
    wire_damages,
)
def test_whatever_a_server_answers(document, damage):
    """It is an answer or UpstreamMalformed, and the two ways of looking agree on which."""
    body = msgspec.json.encode(document).replace(*damage)
    told = usage_told(OLLAMA_CHAT, body)
    assert told[0] == told[1]
