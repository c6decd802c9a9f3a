"""Callers' streams, events to bytes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given as all_of
from hypothesis import settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import replies
from llm_gateway.core import events as ev
from llm_gateway.core.chat import ChatRequest, Message, Text
from llm_gateway.core.errors import UpstreamMalformed, UpstreamUnavailable
from llm_gateway.core.unfold import unfold
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.gemini import GEMINI, GeminiFront
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

REQUEST = ChatRequest("asked", (Message("user", (Text("hi"),)),), stream=True)
START = ev.Start("r", "m", 1_767_323_045)


def write(*batches: list[ev.Event], array: bool = False) -> bytes:
    writer = GeminiFront("asked", stream=True, array=array).stream_writer(REQUEST)
    return b"".join([writer.feed(batch) for batch in batches])


def pieces(data: bytes) -> list[dict]:
    return [msgspec.json.decode(event.removeprefix(b"data: ")) for event in data.split(b"\n\n") if event]


def parts(piece: dict) -> list[dict]:
    return piece["candidates"][0]["content"]["parts"]


def test_pieces_are_written_at_once():
    """One for each batch, each with the model, the id and the usage known so far; nothing for a start alone."""
    writer = GeminiFront("asked", stream=True).stream_writer(REQUEST)
    assert writer.feed([START]) == b""
    (piece,) = pieces(writer.feed([ev.UsageUpdate(Usage(input=2)), ev.TextDelta("a"), ev.TextDelta(""), ev.TextDelta("b")]))
    assert piece == {
        "candidates": [{"content": {"parts": [{"text": "a"}, {"text": "b"}], "role": "model"}, "index": 0}],
        "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 0, "totalTokenCount": 2},
        "modelVersion": "m",
        "responseId": "r",
        "createTime": "2026-01-02T03:04:05Z",
    }


def test_the_last_piece_says_why_and_how_much():
    """Usage that comes behind the finish reason is in it."""
    last = pieces(write([START, ev.TextDelta("a"), ev.Finish("length"), ev.UsageUpdate(Usage(input=1, output=2)), ev.Done()]))[-1]
    assert last["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert last["usageMetadata"]["totalTokenCount"] == 3


def test_calls_are_shown_whole():
    """In order, however their arguments came."""
    out = write(
        [START, ev.ToolCallStart(0, "a", "f"), ev.ToolCallStart(1, "b", "g"), ev.ToolCallDelta(1, '{"y":')],
        [ev.ToolCallDelta(0, '{"x":1}'), ev.ToolCallDelta(1, "2}"), ev.ToolCallDelta(7, "lost")],
        [ev.Finish("tool_calls"), ev.Done()],
    )
    (last,) = pieces(out)
    assert parts(last) == [
        {"functionCall": {"name": "f", "args": {"x": 1}, "id": "a"}},
        {"functionCall": {"name": "g", "args": {"y": 2}, "id": "b"}},
    ]
    assert last["candidates"][0]["finishReason"] == "STOP"


def test_thoughts_and_what_signs_them():
    """Other families' state in its envelope, Gemini's own on its part."""
    out = write(
        [START, ev.ReasoningDelta("hm"), ev.ReasoningSignature("sig"), ev.RedactedReasoning("red")],
        [ev.TextDelta("a"), ev.ReasoningSignature("gemini/x:dGV4dA=="), ev.ReasoningSignature("gemini/c0:Y2FsbA==")],
        [ev.ToolCallStart(0, "a", "f"), ev.Finish("stop"), ev.Done()],
    )
    first, second, last = pieces(out)
    assert [part["thought"] for part in parts(first)] == [True, True, True]
    assert [bool(part.get("thoughtSignature")) for part in parts(first)] == [False, True, True]
    assert parts(second) == [{"text": "a", "thoughtSignature": "dGV4dA=="}]
    assert parts(last) == [{"functionCall": {"name": "f", "args": {}, "id": "a"}, "thoughtSignature": "Y2FsbA=="}]


def test_refusals_sound_and_sources():
    """Each in the place that Gemini has for it."""
    source = {"type": "url_citation", "url_citation": {"url": "https://a.test", "title": "A", "start_index": 0, "end_index": 2}}
    out = write(
        [START, ev.TextDelta("no", logprobs=Raw(b'{"content":[{"token":"no","logprob":-1.0}]}')), ev.CitationDelta(source)],
        [ev.AudioDelta("AAAA", "spoken"), ev.RefusalDelta("never"), ev.OpaqueBlock("anthropic_messages", "x", Raw(b"{}"))],
        [ev.Finish("stop"), ev.Done()],
    )
    first, second, last = pieces(out)
    assert first["candidates"][0]["logprobsResult"]["chosenCandidates"] == [{"token": "no", "logProbability": -1.0}]
    assert [next(iter(part)) for part in parts(second)] == ["text", "inlineData", "text"]
    assert last["candidates"][0]["finishReason"] == "SAFETY"
    assert last["candidates"][0]["groundingMetadata"]["groundingSupports"][0]["segment"]["text"] == "no"


def test_choices_stand_side_by_side():
    """Each with its index and its end."""
    out = write([START, ev.TextDelta("a"), ev.TextDelta("b", 1)], [ev.Finish("stop", 1), ev.Finish("length"), ev.Done()])
    last = pieces(out)[-1]["candidates"]
    assert [(one["index"], one["finishReason"]) for one in last] == [(0, "MAX_TOKENS"), (1, "STOP")]


def test_an_array():
    """Its elements are the same pieces; it is closed at the end, and an error is its last element."""
    batches = [[START, ev.TextDelta("a")], [ev.TextDelta("b")], [ev.Finish("stop"), ev.Done()]]
    assert msgspec.json.decode(write(*batches, array=True)) == pieces(write(*batches))
    writer = GeminiFront("m", stream=True, array=True).stream_writer(REQUEST)
    data = (
        writer.feed(batches[0])
        + writer.fail(UpstreamUnavailable("later"), "req_1")
        + writer.fail(UpstreamUnavailable("again"), "r")
    )
    assert msgspec.json.decode(data)[1]["error"]["message"] == "later"
    assert msgspec.json.decode(GeminiFront("m", True, True).stream_writer(REQUEST).fail(UpstreamUnavailable("x"), "r"))


@pytest.mark.parametrize("array", [True, False])
def test_a_failure_never_looks_complete(array):
    """No finish reason, and nothing behind it."""
    data = write([START, ev.TextDelta("a"), ev.Failure("Busy", status=503), ev.Done()], [ev.Done()], array=array)
    assert b"finishReason" not in data
    shown = msgspec.json.decode(data) if array else pieces(data)
    assert shown[-1] == {"error": {"code": 503, "message": "Busy", "status": "UNAVAILABLE"}}


def test_arguments_have_a_bound():
    """All together."""
    with pytest.raises(UpstreamMalformed):
        write([ev.ToolCallStart(0, "a", "f")], *[[ev.ToolCallDelta(0, "x" * (1 << 20))]] * 9)


@pytest.mark.parametrize(
    ("back", "name"),
    [
        (OPENAI_CHAT, "openrouter"),
        (OPENAI_CHAT, "mistral"),
        (OPENAI_CHAT, "azure"),
        (ANTHROPIC_MESSAGES, "tools"),
        (ANTHROPIC_MESSAGES, "search"),
    ],
)
def test_streams_of_other_providers(back, name):
    """Translated as they come."""
    reader = back.stream_reader()
    events = reader.feed(recorded(f"{back.name}/{name}.stream.sse")) + reader.end()
    agrees(f"gemini/{back.name}.{name}.written.sse", write(*[[event] for event in events]))


@settings(max_examples=40, deadline=None)
@all_of(replies(), st.lists(st.integers(0, 60), max_size=4), st.booleans())
def test_a_stream_and_a_whole_answer_agree(reply, ends, array):
    """What a reader makes of the stream is what it makes of the whole, however the events came."""
    events = unfold(reply)
    marks = sorted(end % (len(events) + 1) for end in ends)
    batches = [events[start:end] for start, end in zip([0, *marks], [*marks, len(events)], strict=True)]
    reader = GEMINI.stream_reader()
    texts: dict[int, str] = {}
    calls: list[tuple[str, str]] = []
    read = reader.feed(write(*batches, array=array)) + reader.end()
    for event in read:
        if isinstance(event, ev.TextDelta):
            texts[event.choice] = texts.get(event.choice, "") + event.text
        if isinstance(event, ev.ToolCallStart):
            calls.append((event.id, event.name))
    whole = GEMINI.parse_reply(GeminiFront("m").render_reply(reply))
    for choice in whole.choices:
        assert texts.get(choice.index, "") == "".join(part.text for part in choice.parts if isinstance(part, Text))
    assert calls == [(part.id, part.name) for choice in whole.choices for part in choice.parts if hasattr(part, "arguments")]
    assert isinstance(read[-1], ev.Done)
