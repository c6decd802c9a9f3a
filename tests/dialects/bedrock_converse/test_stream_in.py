"""Streams, wire to events."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amount import examples
from dialects.bedrock_converse.frames import END, START, delta, event, exception, read, start, stop
from dialects.recorded import agrees, agrees_on_events
from dialects.recorded import given as recorded
from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.events import (
    CitationDelta,
    Done,
    Failure,
    Finish,
    OpaqueBlock,
    RedactedReasoning,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageUpdate,
)
from llm_gateway.core.unfold import unfold
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.http.framing.eventstream import encode
from splits import bytewise, cut, points

RICH = b"".join(event(kind, **members) for kind, members in msgspec.json.decode(recorded("bedrock_converse/rich.frames.json")))


def test_a_whole_stream():
    """Events that were checked by eye, and the same however the bytes arrive."""
    events = read(RICH)
    assert events == read(*bytewise(RICH))
    agrees_on_events("bedrock_converse/rich.events.json", events)


@settings(max_examples=50, deadline=None)
@given(points)
def test_reads_make_no_difference(ends):
    """Any way of cutting the bytes gives the same events."""
    assert read(*cut(RICH, ends)) == read(RICH)


@pytest.mark.parametrize("front", [OPENAI_CHAT, ANTHROPIC_MESSAGES])
def test_how_callers_see_it(front):
    """In the dialects that they speak."""
    events = [msgspec.structs.replace(event, id="x", created=1) if isinstance(event, Start) else event for event in read(RICH)]
    writer = front.stream_writer(ChatRequest("m", (), stream=True, include_usage=True))
    agrees(f"bedrock_converse/rich.{front.name}.written.sse", writer.feed(events))


def test_a_stream_is_done_when_it_stopped_and_closed():
    """Metadata may follow or not; without messageStop it was cut."""
    assert read(START, delta(text="x"), stop(), END) == [Start("", ""), TextDelta("x"), Finish("stop"), Done()]
    told = read(START, END, event("metadata", usage={"inputTokens": 3, "outputTokens": 1}))
    assert told == [Start("", ""), Finish("stop"), UsageUpdate(Usage(input=3, output=1)), Done()]
    assert read(START, delta(text="x"), stop()) == [Start("", ""), TextDelta("x")]
    assert read() == []


def test_no_stream_begins_like_a_whole_answer():
    """So the two are told apart by their first byte; a BOM or blanks are none of a stream's either."""
    assert RICH[:1] == b"\0"
    assert RICH[:1] not in BEDROCK_CONVERSE.whole_starts


def test_nothing_follows_the_end():
    """A reader that has ended stays so."""
    reader = BEDROCK_CONVERSE.stream_reader()
    reader.feed(START + END)
    assert reader.end() == [Done()]
    assert reader.end() == []
    assert reader.feed(START) == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("throttlingException", 429),
        ("modelStreamErrorException", 424),
        ("internalServerException", 500),
        ("validationException", 400),
        ("serviceUnavailableException", 503),
        ("ModelTimeoutException", 408),
        ("tomorrowsException", None),
    ],
)
def test_exceptions_end_the_stream(kind, status):
    """At any time, even behind messageStop; nothing comes after one."""
    failure = Failure("no", kind, None, status)
    assert read(exception(kind)) == [failure]
    assert read(START, delta(text="x"), exception(kind) + delta(text="y")) == [Start("", ""), TextDelta("x"), failure]
    assert read(START + END + exception(kind))[-1] == failure


def test_errors_of_the_framing():
    """They have their code and text in headers, and a payload that need not be JSON."""
    headers = {":message-type": "error", ":error-code": "InternalError", ":error-message": "lost"}
    assert read(encode(headers, b"<x>")) == [Failure("lost", "InternalError", None, None)]


def test_unknown_frames_are_skipped():
    """Whatever they hold (faults U30)."""
    assert read(START, event("tomorrow", x=1), encode({":event-type": "y"}, b"\xff"), END)[1:] == [Finish("stop"), Done()]


def test_calls_are_counted_apart_from_blocks():
    """The second call has index 1 whatever stands between; arguments may be missing."""
    events = read(
        START,
        start(1, toolUse={"toolUseId": "a", "name": "f"}),
        delta(1, toolUse={"input": "{}"}),
        stop(1),
        delta(2, text="x"),
        start(3, toolUse={"toolUseId": "b", "name": "g"}),
        stop(3),
    )
    assert events[1:] == [ToolCallStart(0, "a", "f"), ToolCallDelta(0, "{}"), TextDelta("x"), ToolCallStart(1, "b", "g")]


def test_blocks_that_go_on_whole():
    """With or without a beginning, and when messageStop comes before their end."""
    pieces = [{"source": {"bytes": "AA"}}, {"error": {"message": "m"}}]
    events = read(
        START, start(0, image={"format": "png"}), *(delta(0, image=piece) for piece in pieces), delta(1, video={"a": "b"}), END
    )
    blocks = [msgspec.json.decode(event.raw) for event in events if isinstance(event, OpaqueBlock)]
    assert blocks == [{"image": {"format": "png", "source": {"bytes": "AA"}, "error": {"message": "m"}}}, {"video": {"a": "b"}}]
    assert [type(event) for event in events[-2:]] == [Finish, Done]


def test_redacted_thinking_is_one_blob():
    """Whole, and byte-exact, whatever pieces it came in."""
    events = read(
        START,
        delta(0, reasoningContent={"redactedContent": "/wA="}),
        delta(0, reasoningContent={"redactedContent": "Qg=="}),
        stop(0),
    )
    assert events[1:] == [RedactedReasoning("bedrock:/wBC")]


def test_sources():
    """In Anthropic's shape, as in a whole answer."""
    (_, source) = read(START, delta(0, citation={"location": {"web": {"url": "https://a.test/"}}}))
    assert isinstance(source, CitationDelta)
    assert source.citation["type"] == "url_citation"


def test_the_stop_sequence_that_was_met():
    """Where the model says it."""
    fields = {"delta": {"stop_sequence": "END"}}
    assert read(START, event("messageStop", stopReason="stop_sequence", additionalModelResponseFields=fields))[1:] == [
        Finish("stop", stop_sequence="END"),
        Done(),
    ]
    assert read(START, event("messageStop"))[1] == Finish("error")


@pytest.mark.parametrize(
    "data",
    [
        delta(text="x"),
        END,
        START + END + delta(text="x"),
        START + END + END,
        START + delta(toolUse={"input": "{}"}),
        START + delta(text=3),
        START + event("contentBlockDelta", contentBlockIndex=0),
        START + start(0, toolUse={"toolUseId": 3}),
        START + start(0, toolUse={"type": "server_tool_use"}) + delta(0, toolUse={"input": "{"}) + stop(0),
        START
        + delta(0, reasoningContent={"redactedContent": "#"})
        + delta(0, reasoningContent={"redactedContent": "#"})
        + stop(0),
        encode({":event-type": "messageStart"}, b"no json"),
        START + END[:-1],
        START[:-1] + b"x",
        b"\0" * 12,
        b'{"message":"no stream at all"}',
        b"".join([START, *(start(index, toolUse={"toolUseId": "a", "name": "f"}) for index in range(2000))]),
    ],
)
def test_damage_is_told(data):
    """A stream that is none, is cut inside of a frame, or has its pieces in no order (faults U32)."""
    with pytest.raises(UpstreamMalformed):
        read(data)


def test_blocks_that_go_on_whole_are_bounded():
    """Together, and thinking that is redacted too."""
    big = "A" * (5 << 20)
    for piece in ({"video": {"a": big}}, {"reasoningContent": {"redactedContent": big}}):
        with pytest.raises(UpstreamMalformed, match="larger"):
            read(START, delta(0, **piece), delta(0, **piece))


def test_stream_and_whole_answer_agree():
    """The same answer in both forms gives the same text, calls and ending."""
    reply = BEDROCK_CONVERSE.parse_reply(
        msgspec.json.encode(
            {
                "output": {
                    "message": {"content": [{"text": "x"}, {"toolUse": {"toolUseId": "a", "name": "f", "input": {"b": 1}}}]}
                },
                "stopReason": "tool_use",
                "usage": {"inputTokens": 1, "outputTokens": 2},
            }
        )
    )
    assert unfold(reply) == read(
        START,
        delta(0, text="x"),
        stop(0),
        start(1, toolUse={"toolUseId": "a", "name": "f"}),
        delta(1, toolUse={"input": '{"b":1}'}),
        stop(1),
        event("messageStop", stopReason="tool_use"),
        event("metadata", usage={"inputTokens": 1, "outputTokens": 2}),
    )


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "delta",
                    "start",
                    "text",
                    "toolUse",
                    "toolResult",
                    "input",
                    "reasoningContent",
                    "redactedContent",
                    "citation",
                    "image",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)
kinds = st.sampled_from(["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"])


@examples(50)
@given(
    st.lists(
        st.tuples(kinds, st.dictionaries(st.sampled_from(["delta", "start", "contentBlockIndex", "usage"]), json)), max_size=6
    )
)
def test_any_frames(frames):
    """Events or UpstreamMalformed, and writers take what comes."""
    try:
        events = read(START, *(event(kind, **members) for kind, members in frames))
    except UpstreamMalformed:
        return
    OPENAI_CHAT.stream_writer(ChatRequest("m", ())).feed(events)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 4000))
def test_any_bytes(noise, at):
    """Noise anywhere gives the events before it, or UpstreamMalformed."""
    try:
        read(RICH[:at] + noise)
    except UpstreamMalformed:
        return
