"""Streams of Cohere's, read and passed on."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.recorded import agrees, agrees_on_events
from dialects.recorded import given as recorded
from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.events import (
    CitationDelta,
    Done,
    Event,
    Failure,
    Finish,
    ReasoningDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageUpdate,
)
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.cohere_chat import COHERE_CHAT
from llm_gateway.dialects.cohere_chat.relay import CohereRelay
from llm_gateway.dialects.openai_chat import OpenAIChat
from splits import bytewise, cut, points

STREAMS = ["tools", "cited"]
DONE = b"data: [DONE]\n\n"


def event(kind: str, **members: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))


def told(kind: str, index: int = 0, **message: object) -> bytes:
    return event(kind, index=index, delta={"message": message})


def end(reason: str | None = "COMPLETE", **more: object) -> bytes:
    usage = {"tokens": {"input_tokens": 9, "output_tokens": 2}, "cached_tokens": 4}
    return event("message-end", delta={"finish_reason": reason, "usage": usage, **more})


START = event(
    "message-start", id="c-1", delta={"message": {"role": "assistant", "content": [], "tool_calls": [], "citations": []}}
)
BEGIN = told("content-start", content={"type": "text", "text": ""})
HELLO = told("content-delta", content={"text": "Hello"})
WHOLE = START + BEGIN + HELLO + told("content-end") + end() + DONE
ENDED = [UsageUpdate(Usage(5, 4, output=2)), Finish("stop"), Done()]


def read(*reads: bytes) -> list[Event]:
    reader = COHERE_CHAT.stream_reader()
    return [event for data in reads for event in reader.feed(data)] + reader.end()


def run(*reads: bytes) -> tuple[bytes, CohereRelay]:
    relay = COHERE_CHAT.relay()
    return b"".join([relay.feed(data) for data in reads]) + relay.end(), relay


def state(relay: CohereRelay) -> tuple[bool, bool, ProviderFault | None]:
    return relay.committed, relay.done, relay.failure


@pytest.mark.parametrize("name", STREAMS)
def test_whole_streams(name):
    """Events that were checked by eye, the same however the bytes arrive, and what clients see of them."""
    data = recorded(f"cohere_chat/{name}.stream.sse")
    events = read(data)
    assert events == read(*bytewise(data)) == read(data.replace(b"\n", b"\r\n"))
    agrees_on_events(f"cohere_chat/{name}.events.json", events)
    for client, front in (("openai", OpenAIChat(FakeClock())), ("anthropic", ANTHROPIC_MESSAGES)):
        agrees(f"cohere_chat/{name}.{client}.written.sse", front.stream_writer(ChatRequest("asked", ())).feed(events))


@pytest.mark.parametrize("name", STREAMS)
def test_whole_streams_pass_to_the_byte(name):
    """In one read and byte by byte."""
    data = recorded(f"cohere_chat/{name}.stream.sse")
    for reads in ([data], bytewise(data)):
        out, relay = run(*reads)
        assert out == data
        assert (state(relay), relay.usage) == ((True, True, None), Usage(45, 64, output=14))


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(STREAMS), points)
def test_reads_make_no_difference(name, ends):
    """Any way of cutting the bytes gives the same events, bytes and state."""
    data = recorded(f"cohere_chat/{name}.stream.sse")
    assert read(*cut(data, ends)) == read(data)
    out, relay = run(*cut(data + b"trailing", ends))
    assert (out, state(relay)) == (data, (True, True, None))


def test_pieces():
    """Plans and thinking, texts with what they begin with, sources, and calls numbered from 0 in the order of their beginning."""
    call = {"id": "x", "function": {"name": "f", "arguments": ""}}
    events = read(
        START,
        told("tool-plan-delta", tool_plan="I will"),
        told("content-start", content={"type": "thinking", "thinking": "hm"}),
        told("content-delta", content={"thinking": "m"}),
        told("content-start", 1, content={"type": "text", "text": "a"}),
        told("citation-start", citations={"start": 0}),
        told("tool-call-start", 3, tool_calls=call),
        told("tool-call-delta", 3, tool_calls={"function": {"arguments": "{}"}}),
        told("tool-call-start", 4, tool_calls={"function": {"name": "g", "arguments": "{"}}),
        event("debug", prompt="p"),
        end(),
    )
    assert events == [
        Start("c-1", ""),
        ReasoningDelta("I will"),
        ReasoningDelta("hm"),
        ReasoningDelta("m"),
        TextDelta("a"),
        CitationDelta({"start": 0}),
        ToolCallStart(0, "x", "f"),
        ToolCallDelta(0, "{}"),
        ToolCallStart(1, "call_c-1_1", "g"),
        ToolCallDelta(1, "{"),
        ENDED[0],
        Finish("tool_calls"),
        Done(),
    ]


def test_logprobs_come_along():
    """With their piece of text."""
    piece = event("content-delta", delta={"message": {"content": {"text": "a"}}}, logprobs={"text": "a", "logprobs": [-1.0]})
    (text,) = [event for event in read(piece) if isinstance(event, TextDelta)]
    assert msgspec.json.decode(text.logprobs)["content"][0]["logprob"] == -1.0


@pytest.mark.parametrize("data", [WHOLE, WHOLE.removesuffix(DONE), WHOLE + HELLO + end("MAX_TOKENS"), WHOLE[:-1]])
def test_the_end(data):
    """The marker may be missing, since the reason was told; nothing counts behind it, and the relay supplies it."""
    assert read(data)[2:] == ENDED
    out, relay = run(data)
    assert (out, relay.done) == (WHOLE, True)


@pytest.mark.parametrize("data", [b"", START, START + HELLO, START + HELLO + end(None), START + HELLO + end()[:-20]])
def test_a_cut_stream_is_never_done(data):
    """Who closes without a reason has not finished."""
    assert Done() not in read(data)
    assert not run(data)[1].done


def test_a_marker_without_a_reason_is_no_end():
    """It says that nothing more comes, not that the answer is whole."""
    assert Done() not in read(START + HELLO + DONE)


FAILED = end("ERROR", error="invalid tool generation", error_type="INVALID_TOOL_GENERATION")


@pytest.mark.parametrize(
    ("failed", "fault"),
    [
        (FAILED, ProviderFault("invalid tool generation", "INVALID_TOOL_GENERATION")),
        (end("TIMEOUT"), ProviderFault("The provider ended its answer with an error", "TIMEOUT")),
        (end("HAYWIRE"), ProviderFault("The provider ended its answer with an error", "HAYWIRE")),
        (b'data: {"message":"too many"}\n\n', ProviderFault("too many")),
        (b'event: error\ndata: {"id":"x","message":"too many"}\n\n', ProviderFault("too many")),
        (b'data: {"error":"too many"}\n\n', ProviderFault("too many")),
    ],
)
@pytest.mark.parametrize("before", [b"", START + HELLO])
def test_the_providers_error(before, failed, fault):
    """Is a failure and the last event; passing on, it is held back."""
    events = read(before + failed + end() + DONE)
    assert events[-1] == Failure(fault.message, fault.type or None)
    assert Done() not in events
    for reads in ([before + failed + DONE], bytewise(before + failed + DONE)):
        out, relay = run(*reads)
        assert (out, state(relay)) == (before, (bool(before), False, fault))


@pytest.mark.parametrize(
    "data", [START, BEGIN, event("debug", prompt="p"), told("content-delta", content={"text": ""}), told("content-end")]
)
def test_nothing_is_committed_before_content(data):
    """A head, an empty block, an empty piece: the answer may still fail over."""
    relay = COHERE_CHAT.relay()
    assert relay.feed(data) == data
    assert not relay.committed


@pytest.mark.parametrize(
    "data",
    [
        HELLO,
        told("content-delta", content={"thinking": "a"}),
        told("tool-plan-delta", tool_plan="a"),
        told("tool-call-start", tool_calls={"id": "x", "function": {"name": "f"}}),
        told("citation-start", citations={"start": 0}),
        end(),
    ],
)
def test_content_commits(data):
    """So does the reason why there is none."""
    relay = COHERE_CHAT.relay()
    relay.feed(data)
    assert relay.committed


def test_unknown_events_are_skipped():
    """Whatever they hold; they pass."""
    unknown = event("smell-delta", delta=3) + b"event: smell\ndata: not json\n\n" + b": comment\n\n"
    assert read(START + unknown + HELLO + end() + DONE) == [Start("c-1", ""), TextDelta("Hello"), *ENDED]
    assert run(START + unknown + HELLO + end() + DONE)[0] == START + unknown + HELLO + end() + DONE


@pytest.mark.parametrize(
    "bad",
    [
        b"data: <html>\n\n",
        HELLO.replace(b"}}", b"}"),
        BEGIN.replace(b'"content":', b'"content":3,'),
        told("content-delta", content={"text": 1}),
        b"data: " + b"x" * (2 << 20),
    ],
    ids=["html", "brace", "both", "number", "endless"],
)
def test_what_is_not_the_dialect_is_malformed(bad):
    """Read or passed on, and the message holds nothing of it."""
    for look in (read, run):
        with pytest.raises(UpstreamMalformed) as raised:
            look(START, HELLO, bad)
        assert "html" not in raised.value.message


def test_a_call_that_never_began_is_malformed():
    """Nobody could say what is called."""
    with pytest.raises(UpstreamMalformed):
        read(START + told("tool-call-delta", tool_calls={"function": {"arguments": "{}"}}))


def test_damage_that_can_be_repaired_is():
    """Invalid UTF-8 costs a character, a BOM nothing."""
    assert read(b"\xef\xbb\xbf" + START + HELLO.replace(b"ll", b"\xff"))[1] == TextDelta("He\ufffdo")


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, len(WHOLE)), st.integers(0, 20), st.binary(max_size=4) | st.sampled_from([b"[]", b'"x"', b"\\ud800", b"\n\n"])
)
def test_mutated_streams_raise_nothing_else(at, length, word):
    """A stream with something else in the middle is read or malformed, never a crash."""
    data = WHOLE[:at] + word + WHOLE[at + length :]
    for look in (read, run):
        with suppress(UpstreamMalformed):
            look(data)
