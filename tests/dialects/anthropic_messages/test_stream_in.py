"""Streams, wire to events."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from msgspec import Raw

from dialects.recorded import agrees_on_events
from dialects.recorded import given as recorded
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.events import (
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
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageUpdate,
)
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from splits import bytewise, cut, points

STREAMS = ["plain", "tools", "search"]


def event(kind: str, **members: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))


START = event("message_start", message={"id": "msg_1", "model": "claude", "usage": {"input_tokens": 3, "output_tokens": 1}})
STOP = event("message_stop")


def read(*reads: bytes) -> list[Event]:
    reader = ANTHROPIC_MESSAGES.stream_reader()
    return [event for data in reads for event in reader.feed(data)] + reader.end()


def block(head: dict, *deltas: dict, index: int = 0) -> bytes:
    return b"".join(
        [
            event("content_block_start", index=index, content_block=head),
            *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
            event("content_block_stop", index=index),
        ]
    )


def inner(*blocks: bytes) -> list[Event]:
    """The events of content."""
    events = read(START, *blocks)
    assert events[:2] == [Start("msg_1", "claude"), UsageUpdate(Usage(input=3, output=1))]
    return events[2:]


def ending(**delta: object) -> list[Event]:
    return read(START, event("message_delta", delta=delta, usage={"output_tokens": 9}), STOP)[2:]


@pytest.mark.parametrize("name", STREAMS)
def test_whole_streams(name):
    """Events that were checked by eye, and the same however the bytes arrive."""
    data = recorded(f"anthropic_messages/{name}.stream.sse")
    events = read(data)
    assert events == read(*bytewise(data)) == read(data.replace(b"\n", b"\r\n"))
    agrees_on_events(f"anthropic_messages/{name}.events.json", events)


@settings(max_examples=50, deadline=None)
@given(points)
def test_reads_make_no_difference(ends):
    """Any way of cutting the bytes gives the same events."""
    data = recorded("anthropic_messages/search.stream.sse")
    assert read(*cut(data, ends)) == read(data)


def test_what_a_block_begins_with_counts():
    """Some servers put all of it there."""
    assert inner(block({"type": "text", "text": "a", "citations": [{"type": "page_location"}]})) == [
        TextDelta("a"),
        CitationDelta({"type": "page_location"}),
    ]
    assert inner(block({"type": "thinking", "thinking": "b", "signature": "s"})) == [ReasoningDelta("b"), ReasoningSignature("s")]
    assert inner(block({"type": "redacted_thinking", "data": "r"})) == [RedactedReasoning("r")]
    assert inner(block({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}})) == [
        ToolCallStart(0, "t", "f"),
        ToolCallDelta(0, '{"a":1}'),
    ]


def test_calls_are_counted_apart_from_blocks():
    """The second call has index 1 whatever stands between."""
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    piece = {"type": "input_json_delta", "partial_json": "{}"}
    events = inner(block(call, piece), block({"type": "text", "text": "x"}, index=1), block(call, piece, index=2))
    assert [event.index for event in events if isinstance(event, ToolCallStart | ToolCallDelta)] == [0, 0, 1, 1]


def test_blocks_of_other_kinds_come_whole():
    """With the input that arrived in pieces, and with deltas that nobody knows yet."""
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"q":', "1}")]
    compaction = {"type": "compaction", "content": ""}
    summed = [{"type": "compaction_delta", "content": piece, "n": 1} for piece in ("a", "b")]
    first, second = inner(block(search, *pieces), block(compaction, *summed, index=1))
    assert isinstance(first, OpaqueBlock)
    assert isinstance(second, OpaqueBlock)
    assert (first.dialect, first.kind) == ("anthropic_messages", "server_tool_use")
    assert msgspec.json.decode(first.raw) == search | {"input": {"q": 1}}
    assert msgspec.json.decode(second.raw) == {"type": "compaction", "content": "ab", "n": 1}
    assert isinstance(first.raw, Raw)


def test_unknown_events_and_deltas_are_skipped():
    """The API's versioning policy asks for it, whatever they hold."""
    unknown = [
        event("hologram", index="x", usage=[1], delta=5),
        b"event: hologram\ndata: not json\n\n",
        b": comment\n\n",
        event("ping"),
        b"data: [DONE]\n\n",
    ]
    assert inner(*unknown, block({"type": "text", "text": ""}, {"type": "smell_delta", "smell": "x"})) == []


def test_the_end():
    """Usage is a total, the reason comes with its sequence, and the marker is the end: nothing after it counts."""
    assert ending(stop_reason="stop_sequence", stop_sequence="END") == [
        UsageUpdate(Usage(input=3, output=9)),
        Finish("stop", stop_sequence="END"),
        Done(),
    ]
    events = read(START, STOP, START, STOP)
    assert events.count(Done()) == 1


def test_a_refusal_is_explained():
    """As it is in a whole answer."""
    events = ending(stop_reason="refusal", stop_details={"type": "refusal", "explanation": "Not this."})
    assert events[0] == RefusalDelta("Not this.")
    assert Finish("refusal") in events


def test_an_implied_end():
    """Everything but the marker was seen: the answer is whole; without the reason it is not."""
    reason = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2})
    assert read(START, reason)[-1] == Done()
    assert read(START, reason + STOP[:-2])[-1] == Done()
    assert Done() not in read(START, block({"type": "text", "text": "a"}))
    assert Done() not in read(START, reason[:-20])


@pytest.mark.parametrize(
    "failed",
    [
        event("error", error={"type": "overloaded_error", "message": "Busy"}),
        b'data: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}\n\n',
        b'event: error\ndata: {"error":{"type":"overloaded_error","message":"Busy"}}\n\n',
    ],
)
def test_the_providers_error_is_a_failure(failed):
    """And the last event."""
    assert read(START, failed, STOP)[2:] == [Failure("Busy", "overloaded_error")]


@pytest.mark.parametrize(
    "bad",
    [
        b"data: <html>\n\n",
        b'data: {"type":"content_block_delta"\n\n',
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "x"}),
        event("content_block_start", index=0),
        event("content_block_start", index=0, content_block={"type": "text", "text": 1}),
        event("message_delta", delta={}, usage={"output_tokens": -1}),
        block({"type": "server_tool_use", "input": {}}, {"type": "input_json_delta", "partial_json": "{"}),
        b"data: " + b"x" * (2 << 20) + b"\n\n",
    ],
    ids=["html", "cut", "no block", "no head", "head", "negative", "input", "endless"],
)
def test_what_is_not_the_dialect_is_malformed(bad):
    """And the message holds nothing of it."""
    with pytest.raises(UpstreamMalformed) as raised:
        read(START, bad)
    assert "html" not in raised.value.message


def test_content_before_its_message_is_malformed():
    """An answer has an id and a model first."""
    with pytest.raises(UpstreamMalformed):
        read(block({"type": "text", "text": "x"}))
    with pytest.raises(UpstreamMalformed):
        read(event("message_start"))


def test_damage_that_can_be_repaired_is():
    """Invalid UTF-8 costs a character, a BOM nothing."""
    data = START + block({"type": "text", "text": "a~b"}).replace(b"~", b"\xff")
    assert read(b"\xef\xbb\xbf" + data)[2] == TextDelta("a\ufffdb")


def test_an_end_without_a_reason_is_one():
    """Some servers leave stop_reason out; a stream of nothing but its frame still has no content, and no finish."""
    said = read(START, block({"type": "text", "text": ""}, {"type": "text_delta", "text": "hi"}), STOP)
    assert said[-2:] == [Finish("stop"), Done()]
    called = read(START, block({"type": "tool_use", "id": "t", "name": "f", "input": {}}), event("message_delta", delta={}), STOP)
    assert called[-2:] == [Finish("tool_calls"), Done()]
    assert Finish("stop") not in read(START, STOP)


def test_calls_without_ids_are_told_apart():
    """Their results could not be matched otherwise."""
    calls = [block({"type": "tool_use", "name": "f", "input": {}}, index=n) for n in range(2)]
    started = [event for event in read(START, *calls, STOP) if isinstance(event, ToolCallStart)]
    assert [call.id for call in started] == ["call_msg_1_0", "call_msg_1_1"]
