"""Chat streams, events to wire."""

from __future__ import annotations

import msgspec
from msgspec import Raw
from openai.types.chat import ChatCompletionChunk

from dialects.openai_chat.streams import ASKED, START, read, write
from llm_gateway.core.chat import ChatRequest, Reasoning, Text
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import UpstreamTimeout
from llm_gateway.core.events import (
    CitationDelta,
    Done,
    Failure,
    Finish,
    OpaqueBlock,
    ReasoningDelta,
    ReasoningSignature,
    RedactedReasoning,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageUpdate,
)
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_chat import OPENAI_CHAT, OpenAIChat


def test_the_shape_of_a_written_stream():
    """Role first, one id and date for all, reason last with an empty delta, usage by request, then the marker; the SDK's models agree."""
    usage = UsageUpdate(Usage(input=1, cache_read=2, output=3))
    events = [START, ToolCallStart(0, "1", "f"), ToolCallDelta(0, "{}"), TextDelta("x"), Finish("tool_calls"), usage, Done()]
    data = write(*events)
    assert data.endswith(b"\n\ndata: [DONE]\n\n")
    chunks = [msgspec.json.decode(line[6:]) for line in data.split(b"\n\n")[:-2]]
    for one in chunks:
        ChatCompletionChunk.model_validate(one)
    assert {(one["id"], one["created"], one["model"]) for one in chunks} == {("c-1", 1, "m")}
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert (chunks[-2]["choices"][0]["delta"], chunks[-2]["choices"][0]["finish_reason"]) == ({}, "tool_calls")
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["prompt_tokens_details"]["cached_tokens"]) == ([], 2)
    quiet = write(*events, asked=msgspec.structs.replace(ASKED, include_usage=False))
    assert b'"usage"' not in quiet


def test_a_stream_without_a_date_is_dated_by_the_clock():
    """Anthropic sends none."""
    data = OpenAIChat(FakeClock(77.5)).stream_writer(ASKED).feed([Start("i", "m"), TextDelta("x")])
    assert b'"created":77' in data


def test_every_choice_begins_with_its_role():
    """Also the second one of n = 2."""
    data = write(START, TextDelta("a"), TextDelta("b", 1))
    roles = [
        one["choices"][0]["index"]
        for one in map(msgspec.json.decode, (p[6:] for p in data.split(b"\n\n") if p))
        if "role" in one["choices"][0]["delta"]
    ]
    assert roles == [0, 1]


def test_thinking_that_a_client_gathers_parses_into_the_same_blocks():
    """Joined by index, as OpenAI's SDKs and others accumulate a stream."""
    data = write(
        START,
        ReasoningDelta("a"),
        ReasoningDelta("b"),
        ReasoningSignature("s1"),
        RedactedReasoning("z"),
        ReasoningDelta("c"),
        ReasoningSignature("s2"),
        TextDelta("d"),
    )
    message: dict = {"role": "assistant", "content": "", "reasoning_content": "", "reasoning_details": []}
    for piece in data.split(b"\n\n")[:-1]:
        delta = msgspec.json.decode(piece[6:])["choices"][0]["delta"]
        message["content"] += delta.get("content", "")
        message["reasoning_content"] += delta.get("reasoning_content", "")
        message["reasoning_details"] += delta.get("reasoning_details", [])
    assert message["reasoning_content"] == "abc"
    parsed = OPENAI_CHAT.parse_request(msgspec.json.encode({"model": "m", "messages": [message]})).messages[0].parts
    assert parsed == (Reasoning("ab", "s1"), Reasoning(redacted="z"), Reasoning("c", "s2"), Text("d"))


def test_sources_are_placed_at_the_text_before_them():
    """As annotations with the characters that they stand for, and whole in citations."""
    source = {"url": "https://a"}
    data = write(START, TextDelta("one "), CitationDelta(source), TextDelta("two"), CitationDelta(source), CitationDelta(source))
    deltas = [msgspec.json.decode(piece[6:])["choices"][0]["delta"] for piece in data.split(b"\n\n")[:-1]]
    places = [delta["annotations"][0]["url_citation"] for delta in deltas if "annotations" in delta]
    assert [(place["start_index"], place["end_index"]) for place in places] == [(0, 4), (4, 7), (4, 7)]
    assert [event for event in read(data) if isinstance(event, CitationDelta)] == [CitationDelta(source)] * 3


def test_failing_never_looks_complete():
    """No marker, no finish reason: an event named error."""
    writer = OPENAI_CHAT.stream_writer(ASKED)
    out = writer.feed([START, TextDelta("x"), Failure("boom")]) + writer.fail(UpstreamTimeout("Silent"), "req_1")
    assert b"[DONE]" not in out
    assert b'"finish_reason":"' not in out
    assert out.endswith(b'"request_id":"req_1"}}\n\n')
    assert isinstance(read(out)[-1], Failure)


def test_what_a_provider_wrote_over_several_lines_stays_one_event():
    """Logprobs and blocks are passed on as they came: indented ones would end the event in their middle."""
    pretty = Raw(b'{\r\n  "content": [\n    {"token": "a\\nb"}\n  ]\n}')
    writer = OPENAI_CHAT.stream_writer(ChatRequest("m", ()))
    events = [Start("c1", "m"), TextDelta("a", 0, pretty), OpaqueBlock("anthropic_messages", "k", pretty), Finish("stop"), Done()]
    lines = writer.feed(events).splitlines()
    assert all(line.startswith(b"data: ") for line in lines if line)
    chunks = [msgspec.json.decode(line[6:]) for line in lines if line.startswith(b"data: {")]
    assert [chunk["choices"][0]["logprobs"] for chunk in chunks[1:2]] == [{"content": [{"token": "a\nb"}]}]
