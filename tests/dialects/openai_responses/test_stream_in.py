"""Streams, wire to events."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageUpdate,
)
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.dialects.openai_responses.stream_wire import READ
from splits import bytewise, cut, points

NAME = "openai_responses"
STREAMS = ["plain", "tools", "search"]


def event(kind: str, **members: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))


def final(kind: str = "completed", **members: object) -> bytes:
    return event(f"response.{kind}", response={"id": "resp_1", "model": "m", "output": [], **members})


START = event("response.created", response={"id": "resp_1", "model": "m", "created_at": 5, "output": []})
ENDED = [Finish("stop"), Done()]


def read(*reads: bytes) -> list[Event]:
    reader = OPENAI_RESPONSES.stream_reader()
    return [event for data in reads for event in reader.feed(data)] + reader.end()


def inner(*pieces: bytes) -> list[Event]:
    """The events of content."""
    events = read(START, *pieces, final())
    assert events[0] == Start("resp_1", "m", 5)
    assert events[-1] == Done()
    return events[1:-2]


@pytest.mark.parametrize("name", STREAMS)
def test_whole_streams(name):
    """Events that were checked by eye, and the same however the bytes arrive."""
    data = recorded(f"{NAME}/{name}.stream.sse")
    events = read(data)
    assert events == read(*bytewise(data)) == read(data.replace(b"\n", b"\r\n"))
    agrees_on_events(f"{NAME}/{name}.events.json", events)


@settings(max_examples=50, deadline=None)
@given(points)
def test_reads_make_no_difference(ends):
    """Any way of cutting the bytes gives the same events."""
    data = recorded(f"{NAME}/tools.stream.sse")
    assert read(*cut(data, ends)) == read(data)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_says_what_the_whole_answer_says(name):
    """The last event repeats all; read alone it gives the same texts, calls, end and usage."""
    data = recorded(f"{NAME}/{name}.stream.sse")
    last = data.rstrip().rsplit(b"data: ", 1)[1]
    whole = read(b"data: " + last + b"\n\n")

    def told(events: list[Event]) -> list[object]:
        text = "".join([event.text for event in events if isinstance(event, TextDelta)])
        thought = "".join([event.text for event in events if isinstance(event, ReasoningDelta)])
        arguments = "".join([event.arguments for event in events if isinstance(event, ToolCallDelta)])
        others = (ToolCallStart, OpaqueBlock, CitationDelta, ReasoningSignature, UsageUpdate, Finish, Done)
        return [text, thought, arguments, [event for event in events if isinstance(event, others)]]

    assert told(whole) == told(read(data))


def test_the_end_says_why_and_how_much():
    """Usage of the last response, and what its status means."""
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    assert read(START, final(usage=usage))[1:] == [UsageUpdate(Usage(input=3, output=2)), *ENDED]
    cut_off = final("incomplete", incomplete_details={"reason": "content_filter"})
    assert read(START, cut_off)[1:] == [Finish("content_filter"), Done()]


def test_without_its_end_a_stream_is_not_done():
    """However much came before, and whatever Chat's marker says."""
    assert not any(
        isinstance(event, Done) for event in read(START, event("response.output_text.delta", delta="x"), b"data: [DONE]\n\n")
    )


def test_the_end_may_lack_its_blank_line():
    """If all of it is there."""
    assert read(START, final().rstrip(b"\n") + b"\n")[-1] == Done()


@pytest.mark.parametrize(
    "data",
    [
        event("error", code="c", message="m", param=None),
        event("error", error={"type": "t", "code": "c", "message": "m"}),
        event("response.failed", response={"status": "failed", "error": {"code": "c", "message": "m"}}),
        b'data: {"error":{"code":"c","message":"m"}}\n\n',
        b'event: error\ndata: {"code":"c","message":"m"}\n\n',
    ],
)
def test_errors_end_a_stream(data):
    """In the API's shapes, old and new, and in those of other servers."""
    events = read(START, data, final())
    assert len(events) == 2
    assert isinstance(events[1], Failure)
    assert (events[1].message, events[1].code) == ("m", "c")


def test_what_comes_whole_is_read_at_its_end():
    """Servers that send no pieces: of texts, of arguments, of items."""
    assert inner(event("response.output_text.done", text="all")) == [TextDelta("all")]
    assert inner(event("response.refusal.done", refusal="no")) == [RefusalDelta("no")]
    call = {"type": "function_call", "call_id": "c", "name": "f"}
    added = event("response.output_item.added", item={**call, "arguments": ""})
    expected = [ToolCallStart(0, "c", "f"), ToolCallDelta(0, "{}")]
    assert inner(added, event("response.function_call_arguments.done", arguments="{}")) == expected
    assert inner(event("response.output_item.done", item={**call, "arguments": "{}"})) == expected
    assert inner(event("response.output_item.added", item={**call, "arguments": "{}"})) == expected
    message = {"type": "message", "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}]}
    assert inner(event("response.output_item.done", item=message)) == [TextDelta("a"), RefusalDelta("b")]
    thought = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "e"}
    assert inner(event("response.output_item.done", item=thought)) == [
        ReasoningDelta("t"),
        ReasoningSignature("openai_responses/r##e"),
    ]


def test_nothing_is_told_twice():
    """Pieces, then the whole text, the whole part, the whole item, the whole response."""
    message = {"type": "message", "content": [{"type": "output_text", "text": "ab"}]}
    pieces = [event("response.output_text.delta", delta=piece) for piece in ("a", "b")]
    done = event("response.output_text.done", text="ab") + event("response.output_item.done", item=message)
    assert read(START, *pieces, done, final(output=[message]))[1:] == [TextDelta("a"), TextDelta("b"), *ENDED]


def test_custom_calls_and_plain_reasoning():
    """Free text for a tool; thinking as content; summaries of several parts."""
    added = event("response.output_item.added", item={"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": ""})
    said = event("response.custom_tool_call_input.delta", delta="ls")
    assert inner(added, said) == [ToolCallStart(0, "c", "sh", custom=True), ToolCallDelta(0, "ls")]
    assert inner(event("response.reasoning_text.delta", delta="t")) == [ReasoningDelta("t")]
    parts = [event("response.reasoning_summary_text.delta", summary_index=place, delta=text) for place, text in enumerate("ab")]
    assert inner(*parts) == [ReasoningDelta("a"), ReasoningDelta("\n\nb")]


def test_log_probabilities_and_sources():
    """As the other dialects have them."""
    token = {"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}
    (first,) = inner(event("response.output_text.delta", delta="a", logprobs=[token]))
    assert isinstance(first, TextDelta)
    assert msgspec.json.decode(first.logprobs or Raw(b"")) == {"content": [token], "refusal": None}
    source = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
    (cited,) = inner(event("response.output_text.annotation.added", annotation=source))
    assert cited == CitationDelta({"type": "url_citation", "url_citation": {n: source[n] for n in source if n != "type"}})


def test_unknown_events_are_passed_over():
    """Whatever they hold, and keep-alives."""
    odd = event("response.new_thing.delta", delta={"a": 1}, output_index="x") + event("keepalive") + b"event: ping\ndata: x\n\n"
    assert inner(odd) == []


@pytest.mark.parametrize(
    "data",
    [
        b"data: {\n\n",
        b"data: 3\n\n",
        event("response.output_item.added", item=3),
        event("response.completed", response=[]),
        event("response.output_text.delta", output_index="x"),
    ],
)
def test_what_is_no_stream(data):
    """No event of a response."""
    with pytest.raises(UpstreamMalformed):
        read(START, data)


def test_items_are_bounded():
    """10,000 of them."""
    data = b"".join([event("response.output_text.delta", output_index=index, delta="x") for index in range(10_001)])
    with pytest.raises(UpstreamMalformed):
        read(data)


json_values = st.recursive(
    st.none() | st.integers(-2, 9) | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2), max_leaves=3
)
odd_items = st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "reasoning", "function_call", "custom_tool_call", "x"])},
    optional=dict.fromkeys(
        ["id", "call_id", "name", "arguments", "input", "content", "summary", "encrypted_content"], json_values
    ),
)
odd_events = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(READ))},
    optional={
        "item": odd_items | json_values,
        "response": st.fixed_dictionaries({}, optional={"output": st.lists(odd_items, max_size=2), "error": json_values})
        | json_values,
        **dict.fromkeys(["delta", "text", "arguments", "output_index", "summary_index", "annotation", "error"], json_values),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(odd_events, max_size=4))
def test_mutated_streams_are_read_or_refused(documents):
    """Nothing but UpstreamMalformed, by reader and relay, and what was read can be written."""
    data = b"".join([b"data: " + msgspec.json.encode(document) + b"\n\n" for document in documents])
    request = OPENAI_RESPONSES.parse_request(b'{"model":"m","input":"x"}')
    try:
        events = read(data)
    except UpstreamMalformed:
        pass
    else:
        OPENAI_RESPONSES.stream_writer(request).feed(events)
    relay = OPENAI_RESPONSES.relay()
    try:
        relay.feed(data)
        relay.end()
    except UpstreamMalformed:
        pass


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete"}, "error"),
        ({"status": "cancelled"}, "error"),
        ({"status": "completed"}, "stop"),
        ({"status": None}, "stop"),
    ],
)
def test_the_response_says_how_it_ended_not_the_events_name(said, reason):
    """Some servers end every stream with response.completed; a cut answer must not seem whole."""
    assert [event.reason for event in read(final("completed", **said)) if isinstance(event, Finish)] == [reason]
