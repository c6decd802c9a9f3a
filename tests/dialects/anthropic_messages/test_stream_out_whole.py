"""Whole streams, written: what survives, and what the SDK reads in them."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.anthropic_messages.streams import NAME, SDK_EVENT, accumulated, singly, write
from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import argument_texts, base64s, names, replies, texts, usages
from llm_gateway.core.events import (
    Done,
    Event,
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
from llm_gateway.core.unfold import unfold
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.http.framing.sse import SseReader


def merged(events: list[Event]) -> list[Event]:
    """Content alone, pieces of one text put together."""
    out: list[Event] = []
    for event in events:
        match (out[-1] if out else None), event:
            case _, Start() | UsageUpdate():
                pass
            case TextDelta(text=before), TextDelta(text=text):
                out[-1] = TextDelta(before + text)
            case ReasoningDelta(text=before), ReasoningDelta(text=text):
                out[-1] = ReasoningDelta(before + text)
            case ToolCallDelta(index=index, arguments=before), ToolCallDelta(index=same, arguments=text) if index == same:
                out[-1] = ToolCallDelta(index, before + text)
            case _:
                out.append(event)
    return out


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    out: list[Event] = [Start(draw(names), draw(names))]
    calls = 0
    for kind in draw(st.lists(st.sampled_from(["thinking", "redacted", "text", "call", "opaque"]), max_size=6)):
        if kind == "thinking":
            out += [ReasoningDelta(draw(texts)), ReasoningSignature(draw(names))]
        elif kind == "redacted":
            out.append(RedactedReasoning(draw(base64s)))
        elif kind == "text":
            out += [TextDelta(draw(texts)), TextDelta(draw(texts))]
        elif kind == "opaque":
            out.append(OpaqueBlock(NAME, "novelty", Raw(b'{"type":"novelty","x":1}')))
        else:
            out += [ToolCallStart(calls, draw(names), draw(names)), ToolCallDelta(calls, draw(argument_texts))]
            calls += 1
    reasons: Any = ["length", "pause", "context_window", "refusal"]
    finish = Finish("tool_calls" if calls else draw(st.sampled_from(reasons)), stop_sequence=draw(st.none() | names))
    return [*out, UsageUpdate(draw(usages)), finish, Done()]


@settings(max_examples=80, deadline=None)
@given(answers())
def test_what_the_dialect_can_say_survives(events):
    """Written and read, the events are the same up to the cuts between pieces; so is the usage."""
    reader = ANTHROPIC_MESSAGES.stream_reader()
    again = reader.feed(write(*events))
    assert merged(again) == merged(events)
    assert again[0] == events[0]
    usage = [event.usage for event in again if isinstance(event, UsageUpdate)][-1]
    used = [event.usage for event in events if isinstance(event, UsageUpdate)][-1]
    assert (usage.prompt, usage.completion, usage.reasoning) == (used.prompt, used.completion, used.reasoning)


@settings(max_examples=40, deadline=None)
@given(replies())
def test_a_stream_says_what_the_whole_answer_says(reply):
    """To the SDK: the message that its accumulator makes is the one that a whole answer would have been."""
    whole = Message.model_validate_json(ANTHROPIC_MESSAGES.render_reply(reply))
    message = accumulated(write(*unfold(reply)))
    assert message.stop_reason == whole.stop_reason
    texts_of = ["".join(getattr(block, "text", "") for block in one.content) for one in (message, whole)]
    assert texts_of[0] == texts_of[1]
    calls = [[block.to_dict() for block in one.content if block.type in {"tool_use", "thinking"}] for one in (message, whole)]
    assert calls[0] == calls[1]


@pytest.mark.parametrize("name", ["plain", "tools", "search"])
def test_own_streams(name):
    """Read and written again, to the SDK it is the same message."""
    data = recorded(f"{NAME}/{name}.stream.sse")
    written = singly(*ANTHROPIC_MESSAGES.stream_reader().feed(data))
    message: Any = None
    pieces: dict[int, bytes] = {}
    for event in SseReader().feed(data):
        if event.event != b"ping":
            sdk = SDK_EVENT.validate_json(event.data)
            message = accumulate_event(event=sdk, current_snapshot=message, json_bufs=pieces)
    again = accumulated(written)
    assert [bare(block) for block in again.content] == [bare(block) for block in message.content]
    assert (again.id, again.model, again.stop_reason, again.stop_sequence) == (
        message.id,
        message.model,
        message.stop_reason,
        message.stop_sequence,
    )
    agrees(f"{NAME}/{name}.written.sse", written)


def bare(block: Any) -> dict[str, Any]:
    return {key: value for key, value in block.to_dict().items() if key not in {"caller", "parsed_output"}}


@pytest.mark.parametrize("name", ["azure", "groq", "mistral", "openrouter", "tools"])
def test_streams_of_openai(name):
    """What openai_chat's own examples become, checked by eye, and read by the SDK."""
    reader = OPENAI_CHAT.stream_reader()
    written = singly(*reader.feed(recorded(f"openai_chat/{name}.stream.sse")), *reader.end())
    accumulated(written)
    agrees(f"{NAME}/openai.{name}.written.sse", written)
