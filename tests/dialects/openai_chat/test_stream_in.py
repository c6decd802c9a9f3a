"""Chat streams, wire to events."""

from __future__ import annotations

import itertools

import pytest

from dialects.openai_chat.streams import START, chunk, read, sse, write
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.events import (
    AudioDelta,
    CitationDelta,
    Done,
    Event,
    Failure,
    Finish,
    OpaqueBlock,
    ReasoningDelta,
    ReasoningSignature,
    RedactedReasoning,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageUpdate,
)
from llm_gateway.core.usage import Usage


def inner(*deltas: object) -> list[Event]:
    """The events between Start and Finish."""
    events = read(sse(*(chunk(delta) for delta in deltas), chunk({}, "stop"), b"[DONE]"))
    assert events[0] == START
    assert [type(event) for event in events[-2:]] == [Finish, Done]
    return events[1:-2]


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        (None, []),
        ({}, []),
        ({"role": "assistant", "content": None}, []),
        ({"content": ""}, []),
        ({"content": "x"}, [TextDelta("x")]),
        ({"content": [{"type": "text", "text": "x"}]}, [TextDelta("x")]),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}]}, [ReasoningDelta("r")]),
        ({"reasoning": "r"}, [ReasoningDelta("r")]),
        ({"reasoning_content": "r", "content": None}, [ReasoningDelta("r")]),
        ({"reasoning": "r", "reasoning_details": [{"type": "reasoning.text", "text": "r", "index": 0}]}, [ReasoningDelta("r")]),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "r", "index": 0}]}, [ReasoningDelta("r")]),
        ({"reasoning_details": [{"type": "reasoning.text", "signature": "s", "index": 0}]}, [ReasoningSignature("s")]),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "z"}]}, [RedactedReasoning("z")]),
        ({"refusal": "no"}, [RefusalDelta("no")]),
        ({"annotations": [{"a": 1}]}, [CitationDelta({"a": 1})]),
        ({"audio": {"id": "a", "data": "QQ=="}}, [AudioDelta("QQ==", id="a")]),
        ({"tool_calls": None}, []),
        ({"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": ""}}]}, [ToolCallStart(0, "1", "f")]),
        ({"tool_calls": [{"index": 0, "id": "1", "custom": {"name": "f", "input": "x"}}]}, [ToolCallStart(0, "1", "f", custom=True), ToolCallDelta(0, "x")]),
        ({"function_call": {"name": "f", "arguments": "{}"}}, [ToolCallStart(0, "call_c-1_0", "f"), ToolCallDelta(0, "{}")]),
    ],
)  # fmt: skip
def test_every_delta_has_its_events(delta: object, expected: list[Event]):
    """OpenAI's, and those of the servers that follow it."""
    assert inner(delta) == expected


def test_another_familys_ciphertext_is_an_opaque_block():
    """It would be refused where Anthropic's redacted thinking is not."""
    (event,) = inner({"reasoning_details": [{"type": "reasoning.encrypted", "data": "z", "format": "openai-responses-v1"}]})
    assert isinstance(event, OpaqueBlock)
    assert read(write(START, event, Finish("stop"), Done()))[1] == event


def test_calls_are_numbered_by_their_beginning():
    """Whatever numbers a provider gives them: none, all zero, or from one on; pieces find their call."""

    def call(name: str | None, arguments: str, **members: object) -> dict:
        return {"tool_calls": [{"function": {"name": name, "arguments": arguments}, **members}]}

    expected = [
        ToolCallStart(0, "a", "f"),
        ToolCallDelta(0, "{}"),
        ToolCallStart(1, "b", "g"),
        ToolCallDelta(1, "[1"),
        ToolCallDelta(1, "]"),
    ]
    for numbers in ({}, {"index": 0}):  # Mistral; servers that number all calls 0
        assert (
            inner(call("f", "{}", id="a", **numbers), call("g", "[1", id="b", **numbers), call(None, "]", **numbers)) == expected
        )
    for first in (0, 1):
        pieces = [
            call("f", "{}", id="a", index=first),
            call("g", "[1", id="b", index=first + 1),
            call(None, "]", index=first + 1),
        ]
        assert inner(*pieces) == expected
    assert inner(call("f", "", index=0), call(None, "{}", index=0)) == [
        ToolCallStart(0, "call_c-1_0", "f"),
        ToolCallDelta(0, "{}"),
    ]


@pytest.mark.parametrize(
    "quirk",
    [
        {"id": "", "object": "", "model": "", "created": 0, "choices": [], "prompt_filter_results": []},  # Azure
        {"object": "chat.completion.chunk", "choices": None},
        b'{"x": 1}',
    ],
)
def test_a_first_chunk_of_nothing_starts_nothing(quirk: object):
    """The id and the model come with the second."""
    assert read(sse(quirk, chunk({"content": "x"}), chunk({}, "stop"), b"[DONE]")) == [
        START,
        TextDelta("x"),
        Finish("stop"),
        Done(),
    ]


def test_a_finish_reason_counts_once():
    """OpenRouter repeats it with the usage; an empty one is none."""
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    events = read(
        sse(
            chunk({"content": "x"}, ""),
            chunk({}, "stop"),
            chunk({"content": ""}, "stop") | {"usage": usage},
            b"[DONE]",
            b"[DONE]",
        )
    )
    assert events == [START, TextDelta("x"), Finish("stop"), UsageUpdate(Usage(input=1, output=1)), Done()]


def test_a_marker_without_a_reason_ends_well():
    """Who ends by the book means that it is whole (Snowflake sends no reasons)."""
    assert read(sse(chunk({"content": "x"}), b"[DONE]"))[-2:] == [Finish("stop"), Done()]


def test_done_is_implied_only_by_a_finish_of_every_choice():
    """A provider that sends no marker, and a stream that was cut."""
    assert read(sse(chunk({"content": "x"}), chunk({}, "length")))[-1] == Done()
    assert read(sse(chunk({"content": "x"})))[-1] == TextDelta("x")
    assert Done() not in read(sse(chunk({"content": "x"}), chunk({"content": "y"}, index=1), chunk({}, "stop")))
    assert read() == []


def test_an_error_inside_the_stream_is_a_failure_and_the_end():
    """Nothing after it counts."""
    error = {"error": {"message": "boom", "type": "server_error", "code": 502}}
    assert read(sse(chunk({"content": "x"}), error, chunk({}, "stop"), b"[DONE]")) == [
        START,
        TextDelta("x"),
        Failure("boom", "server_error", "502"),
    ]
    assert read(b"event: error\n" + sse({"message": "boom"})) == [Failure("boom")]


@pytest.mark.parametrize("bad", [b"{broken", b"null", b'{"choices":{}}', b'{"choices":[{"delta":{"tool_calls":"x"}}]}'])
def test_what_is_no_chunk_is_malformed(bad: bytes):
    """Unless it is an event of another name."""
    with pytest.raises(UpstreamMalformed):
        read(sse(bad))
    assert read(b"event: x-news\n" + sse(bad)) == []


def test_any_split_gives_the_same_events():
    """Cut once at every byte."""
    data = sse(chunk({"content": "h\u00e9"}), chunk({"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}]}), chunk({}, "stop"), b"[DONE]")  # fmt: skip
    whole = read(data)
    assert all(read(data[:at], data[at:]) == whole for at in range(len(data)))
    assert len(list(itertools.chain(whole))) == 6
