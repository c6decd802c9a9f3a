"""Chat streams, wire to events and back."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from openai.types.chat import ChatCompletionChunk

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import raws, texts, usages
from llm_gateway.core.chat import ChatRequest, Reasoning, Text
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import UpstreamMalformed, UpstreamTimeout
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
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageUpdate,
)
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_chat import OPENAI_CHAT, OpenAIChat
from splits import bytewise, cut, points

ASKED = ChatRequest(model="m", messages=(), stream=True, include_usage=True)
START = Start("c-1", "m", 1)


def sse(*documents: object) -> bytes:
    return b"".join(b"data: " + (d if isinstance(d, bytes) else msgspec.json.encode(d)) + b"\n\n" for d in documents)


def chunk(delta: object = None, finish: object = None, index: object = 0, **choice: object) -> dict:
    one = {"index": index, "delta": delta, "finish_reason": finish} | choice
    return {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [one]}


def read(*reads: bytes) -> list[Event]:
    reader = OPENAI_CHAT.stream_reader()
    return [event for data in reads for event in reader.feed(data)] + reader.end()


def inner(*deltas: object) -> list[Event]:
    """The events between Start and Finish."""
    events = read(sse(*(chunk(delta) for delta in deltas), chunk({}, "stop"), b"[DONE]"))
    assert events[0] == START
    assert [type(event) for event in events[-2:]] == [Finish, Done]
    return events[1:-2]


def write(*events: Event, asked: ChatRequest = ASKED) -> bytes:
    return OPENAI_CHAT.stream_writer(asked).feed(list(events))


def merged(events: list[Event]) -> list[Event]:
    """Pieces of one text put together, as a client would see them."""
    out: list[Event] = []
    for event in events:
        last = out[-1] if out else None
        match last, event:
            case (TextDelta(logprobs=None), TextDelta(logprobs=None)) | (ReasoningDelta(), ReasoningDelta()) if (
                last.choice == event.choice
            ):
                out[-1] = type(event)(last.text + event.text, event.choice)
            case _:
                out.append(event)
    return out


bodies = st.one_of(
    st.builds(TextDelta, texts),
    st.builds(TextDelta, texts, st.just(0), raws),
    st.builds(ReasoningDelta, texts),
    st.builds(ReasoningSignature, texts),
    st.builds(RedactedReasoning, texts),
    st.builds(RefusalDelta, texts),
    st.builds(AudioDelta, data=st.just("QQ=="), transcript=texts, id=st.just("a"), expires_at=st.just(9)),
    raws.map(lambda raw: OpaqueBlock("anthropic_messages", "server_tool_use", raw)),
    st.builds(CitationDelta, st.dictionaries(st.just("cited_text"), texts, min_size=1)),
)


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """A whole stream of events of one or two choices, calls among them."""
    events: list[Event] = [START]
    for choice in range(draw(st.integers(1, 2))):
        events += [msgspec.structs.replace(event, choice=choice) for event in draw(st.lists(bodies, max_size=6))]
        count = draw(st.integers(0, 2))
        for number in range(count):
            events.append(ToolCallStart(number, f"call_{number}", "f", choice, custom=draw(st.booleans())))
            events += [ToolCallDelta(number, piece, choice) for piece in draw(st.lists(texts, max_size=2))]
        events.append(
            Finish(
                "tool_calls" if count else draw(st.sampled_from(["length", "refusal", "stop"])), choice, draw(st.none() | texts)
            )
        )
    return [*events, UsageUpdate(draw(usages)), Done()]


@given(answers(), points)
def test_a_stream_survives_writing_and_reading(events: list[Event], ends: list[int]):
    """However the bytes are cut, the same events come back, but for how a text is cut into pieces."""
    data = write(*events)
    assert merged(read(*cut(data, ends))) == merged(events)
    relay = OPENAI_CHAT.relay()
    assert b"".join(relay.feed(piece) for piece in cut(data, ends)) + relay.end() == data
    assert relay.done


@pytest.mark.parametrize("name", ["tools", "azure", "openrouter", "mistral", "groq"])
def test_whole_streams_against_their_goldens(name: str):
    """What a provider's stream becomes in events, and what a caller sees of it; byte by byte it reads the same."""
    data = recorded(f"openai_chat/{name}.stream.sse")
    events = read(data)
    assert read(*bytewise(data)) == events
    agrees(f"openai_chat/{name}.events.json", msgspec.json.encode([{type(event).__name__: event} for event in events]))
    agrees(f"openai_chat/{name}.written.sse", write(*events))


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


def test_any_split_gives_the_same_events():
    """Cut once at every byte."""
    data = sse(chunk({"content": "h\u00e9"}), chunk({"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}]}), chunk({}, "stop"), b"[DONE]")  # fmt: skip
    whole = read(data)
    assert all(read(data[:at], data[at:]) == whole for at in range(len(data)))
    assert len(list(itertools.chain(whole))) == 6


def test_logprobs_travel_with_their_text():
    """Untouched."""
    events = read(sse(chunk({"content": "x"}, logprobs={"content": [{"token": "x"}]}), chunk({}, "stop"), b"[DONE]"))
    assert events[1] == TextDelta("x", 0, Raw(b'{"content":[{"token":"x"}]}'))


def test_what_a_provider_wrote_over_several_lines_stays_one_event():
    """Logprobs and blocks are passed on as they came: indented ones would end the event in their middle."""
    pretty = Raw(b'{\r\n  "content": [\n    {"token": "a\\nb"}\n  ]\n}')
    writer = OPENAI_CHAT.stream_writer(ChatRequest("m", ()))
    events = [Start("c1", "m"), TextDelta("a", 0, pretty), OpaqueBlock("anthropic_messages", "k", pretty), Finish("stop"), Done()]
    lines = writer.feed(events).splitlines()
    assert all(line.startswith(b"data: ") for line in lines if line)
    chunks = [msgspec.json.decode(line[6:]) for line in lines if line.startswith(b"data: {")]
    assert [chunk["choices"][0]["logprobs"] for chunk in chunks[1:2]] == [{"content": [{"token": "a\nb"}]}]
