"""Chat streams, wire to events and back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from dialects.openai_chat.streams import START, chunk, read, sse, write
from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import raws, texts, usages
from llm_gateway.core.events import (
    AudioDelta,
    CitationDelta,
    Done,
    Event,
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
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from splits import bytewise, cut, points


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


def test_logprobs_travel_with_their_text():
    """Untouched."""
    events = read(sse(chunk({"content": "x"}, logprobs={"content": [{"token": "x"}]}), chunk({}, "stop"), b"[DONE]"))
    assert events[1] == TextDelta("x", 0, Raw(b'{"content":[{"token":"x"}]}'))
