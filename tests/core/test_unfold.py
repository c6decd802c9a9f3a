"""A whole answer as the stream that it could have been."""

from __future__ import annotations

from msgspec import Raw

from llm_gateway.core import chat
from llm_gateway.core.events import (
    AudioDelta,
    CitationDelta,
    Done,
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
from llm_gateway.core.unfold import unfold
from llm_gateway.core.usage import Usage


def test_every_part_has_its_events_in_order():
    """Start, then each part as its kind of event, the finish of its choice, the usage, and Done last."""
    parts = (
        chat.Reasoning("hm", "signed"),
        chat.Reasoning(redacted="blob"),
        chat.Text("hello", citations=({"url": "u"},)),
        chat.ToolCall("t1", "f", "{}"),
        chat.ToolCall("t2", "g", "[]", custom=True),
        chat.Refusal("no"),
        chat.Opaque("anthropic_messages", "weird", Raw(b"{}")),
    )
    reply = chat.ChatReply("id", "model", (chat.Choice(0, parts, "tool_calls", None),), Usage(1, output=2), 5, "flex", "fp")
    assert unfold(reply) == [
        Start("id", "model", 5, "flex", "fp"),
        ReasoningDelta("hm", 0),
        ReasoningSignature("signed", 0),
        RedactedReasoning("blob", 0),
        TextDelta("hello", 0),
        CitationDelta({"url": "u"}, 0),
        ToolCallStart(0, "t1", "f", 0, False),
        ToolCallDelta(0, "{}", 0),
        ToolCallStart(1, "t2", "g", 0, True),
        ToolCallDelta(1, "[]", 0),
        RefusalDelta("no", 0),
        OpaqueBlock("anthropic_messages", "weird", Raw(b"{}"), 0),
        Finish("tool_calls", 0, None),
        UsageUpdate(Usage(1, output=2)),
        Done(),
    ]


def test_choices_keep_their_number():
    """Each choice numbers its own tool calls, and says by which number it goes."""
    call = chat.ToolCall("t", "f", "{}")
    reply = chat.ChatReply("id", "m", (chat.Choice(0, (call,)), chat.Choice(1, (call,), "stop", "END")))
    events = unfold(reply)
    assert [(event.index, event.choice) for event in events if isinstance(event, ToolCallStart)] == [(0, 0), (0, 1)]
    assert [event for event in events if isinstance(event, Finish)] == [Finish("stop", 0), Finish("stop", 1, "END")]


def test_without_usage_none_is_invented():
    """An answer that did not say what it used gives no usage event."""
    assert not any(isinstance(event, UsageUpdate) for event in unfold(chat.ChatReply("id", "m", ())))


def test_speech_and_logprobs_are_not_lost():
    """A spoken answer keeps its sound and transcript; logprobs come with the first text, or alone where there is none."""
    logprobs = Raw(b'{"content":[]}')
    spoken = chat.Choice(0, (chat.Audio("AA", "wav", "a1", "beep", 7),), "stop", logprobs=logprobs)
    written = chat.Choice(1, (chat.Text("a"), chat.Text("b")), "stop", logprobs=logprobs)
    events = unfold(chat.ChatReply("id", "m", (spoken, written)))
    assert events[1:3] == [AudioDelta("AA", "beep", "a1", 7, 0), TextDelta("", 0, logprobs)]
    assert events[4:7] == [TextDelta("", 1, logprobs), TextDelta("a", 1), TextDelta("b", 1)]
