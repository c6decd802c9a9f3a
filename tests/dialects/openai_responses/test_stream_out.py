"""Streams, events to wire."""

from __future__ import annotations

from typing import Any

import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from openai.types.responses import Response

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import replies
from llm_gateway.core.chat import ChatReply, Message, Opaque, Part, Reasoning, Refusal, Text, ToolCall
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
from llm_gateway.core.unfold import unfold
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OpenAIResponses, stream_items

NAME = "openai_responses"
DIALECT = OpenAIResponses(FakeClock(), lambda: "resp_made")
SDK = pydantic.TypeAdapter[Any](Response)
REQUEST = DIALECT.parse_request(b'{"model":"asked","input":"x","instructions":"i"}')
START = Start("resp_1", "m")
END: list[Event] = [Finish("stop"), Done()]


def write(*events: Event) -> bytes:
    return DIALECT.stream_writer(REQUEST).feed(list(events))


def events_of(data: bytes) -> list[dict[str, Any]]:
    """All events; each is checked for its name and its number."""
    out = []
    for number, block in enumerate(data.decode().removesuffix("\n\n").split("\n\n")):
        name, line = block.split("\n")
        event = msgspec.json.decode(line.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == number
        out.append(event)
    return out


def check(data: bytes) -> list[dict[str, Any]]:
    """The grammar: every item and part that begins ends, its pieces are its whole, and the last event repeats all items."""
    events = events_of(data)
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    items: dict[int, Any] = {}
    pieces: dict[Any, str] = {}
    for event in events:
        kind, _, step = event["type"].rpartition(".")
        place = (kind, event.get("output_index"), event.get("content_index"))
        if step == "delta":
            assert event["output_index"] in items
            pieces[place] = pieces.get(place, "") + event["delta"]
        elif step == "done" and kind not in {"response.output_item", "response.content_part"} and not kind.endswith("_part"):
            whole = next(event[name] for name in ("text", "refusal", "arguments", "input") if name in event)
            assert whole == pieces.pop(place, "")
        elif event["type"] == "response.output_item.added":
            assert event["output_index"] == len(items)
            items[event["output_index"]] = None
        elif event["type"] == "response.output_item.done":
            assert items[event["output_index"]] is None
            items[event["output_index"]] = event["item"]
    assert not pieces
    last = events[-1]["response"]
    SDK.validate_json(msgspec.json.encode(last))
    assert last["output"] == [items[index] for index in range(len(items))]
    assert all(items.values())
    assert events[-1]["type"] == f"response.{last['status']}"
    return events


def inner(*events: Event) -> list[str]:
    """The types of the events of content."""
    return [event["type"].removeprefix("response.") for event in check(write(START, *events, *END))[2:-1]]


def output(*events: Event) -> list[dict[str, Any]]:
    return check(write(START, *events, *END))[-1]["response"]["output"]


@pytest.mark.parametrize("name", ["plain", "tools", "search"])
def test_streams_come_back(name):
    """Read and written, they say the same; checked by eye."""
    reader = DIALECT.stream_reader()
    events = reader.feed(recorded(f"{NAME}/{name}.stream.sse"))
    written = write(*events)
    check(written)
    agrees(f"{NAME}/{name}.written.sse", written)
    if name != "tools":  # the encrypted content goes wrapped there, for its item has another id now
        assert DIALECT.stream_reader().feed(written) == events


@pytest.mark.parametrize("name", ["tools", "mistral", "openrouter"])
def test_streams_of_chat(name):
    """What a client of this dialect gets of them, checked by eye."""
    reader = OPENAI_CHAT.stream_reader()
    written = write(*reader.feed(recorded(f"openai_chat/{name}.stream.sse")), *reader.end())
    check(written)
    agrees(f"{NAME}/openai_chat.{name}.written.sse", written)


def test_streams_of_messages():
    """Searches of Anthropic's, which only it has, go along in reasoning items; checked by eye."""
    reader = ANTHROPIC_MESSAGES.stream_reader()
    written = write(*reader.feed(recorded("anthropic_messages/search.stream.sse")), *reader.end())
    check(written)
    agrees(f"{NAME}/anthropic_messages.search.written.sse", written)


def test_a_text():
    """Every event of it, in order; nothing for an empty piece."""
    assert inner(TextDelta("a"), TextDelta(""), TextDelta("b")) == [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ]


def test_a_refusal_is_a_part_of_the_message():
    """Behind its text; an answer that refuses is complete."""
    (message,) = output(TextDelta("a"), RefusalDelta("no"))
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]
    last = check(write(START, RefusalDelta("no"), Finish("refusal"), Done()))[-1]["response"]
    assert last["status"] == "completed"


def test_calls_may_interleave():
    """A call whose arguments are whole ends when something else begins; another one goes on."""
    items = output(
        ToolCallStart(0, "a", "f"),
        ToolCallDelta(0, "{"),
        ToolCallStart(1, "b", "g"),
        ToolCallDelta(1, "{}"),
        ToolCallDelta(0, "}"),
        ToolCallStart(2, "c", "h", custom=True),
        ToolCallDelta(2, "ls"),
        ToolCallDelta(1, "more"),
    )
    assert [(item["call_id"], item.get("arguments", item.get("input"))) for item in items] == [
        ("a", "{}"),
        ("b", "{}"),
        ("c", "ls"),
    ]
    kinds = inner(ToolCallStart(0, "a", "f"), ToolCallDelta(0, "{}"), TextDelta("x"))
    assert kinds.index("function_call_arguments.done") < kinds.index("output_text.delta")


def test_reasoning_of_any_family():
    """With its signature in encrypted_content; a new thought after a signature is a new item."""
    items = output(
        ReasoningDelta("a"), ReasoningSignature("s"), ReasoningDelta("b"), RedactedReasoning("r"), ReasoningSignature("t")
    )
    assert [(len(item["summary"]), item.get("encrypted_content")) for item in items] == [
        (1, "~signature:s"),
        (1, None),
        (0, "~redacted:r"),
        (0, "~signature:t"),
    ]


def test_sources_stand_in_their_text():
    """As annotations where they can; each for what was said since the one before."""
    link = {"url": "u", "title": "t"}
    (message,) = output(TextDelta("ab"), CitationDelta(link), TextDelta("cd"), CitationDelta(link), CitationDelta({"type": "x"}))
    part = message["content"][0]
    assert [(source["start_index"], source["end_index"]) for source in part["annotations"]] == [(0, 2), (2, 4)]
    assert part["citations"] == [link, link, {"type": "x"}]


def test_blocks_come_whole():
    """This dialect's as they were, another's in a reasoning item."""
    own = msgspec.Raw(b'{"type":"web_search_call","id":"ws","status":"completed","action":{"type":"search","query":"q"}}')
    items = output(
        OpaqueBlock(NAME, "web_search_call", own), OpaqueBlock("gemini", "k", msgspec.Raw(b"1")), AudioDelta("AA", "said")
    )
    assert [item["type"] for item in items] == ["web_search_call", "reasoning", "message"]


def test_the_request_is_repeated_and_usage_told():
    """In the first event and in the last."""
    events = check(write(START, TextDelta("a"), UsageUpdate(Usage(input=3, output=4)), *END))
    assert events[0]["response"]["instructions"] == events[-1]["response"]["instructions"] == "i"
    assert events[-1]["response"]["usage"]["total_tokens"] == 7


def test_an_answer_that_was_cut_off_is_incomplete():
    """With its last item."""
    last = check(write(START, TextDelta("a"), Finish("length"), Done()))[-1]["response"]
    assert (last["status"], last["output"][0]["status"]) == ("incomplete", "incomplete")
    called = check(write(START, ToolCallStart(0, "a", "f"), ToolCallDelta(0, "{"), Finish("length"), Done()))[-1]["response"]
    assert called["output"][0]["status"] == "incomplete"
    assert check(write(START, Finish("error"), Done()))[-1]["type"] == "response.failed"


def test_nothing_looks_complete_after_a_failure():
    """The error event is the last one, with the next number; nothing is closed before it."""
    writer = DIALECT.stream_writer(REQUEST)
    began = writer.feed([START, TextDelta("a")])
    failed = events_of(began + writer.fail(UpstreamTimeout("Too slow"), "req_1"))
    assert failed[-1]["type"] == "error"
    assert failed[-1]["error"]["request_id"] == "req_1"
    assert not any(event["type"].endswith(".done") for event in failed)
    assert writer.feed(END) == writer.fail(UpstreamTimeout("x"), "r") == b""
    events = events_of(write(START, Failure("m", "t", "c"), TextDelta("late")))
    assert (events[-1]["type"], events[-1]["message"], events[-1]["code"]) == ("error", "m", "c")


def test_one_choice_only():
    """The API knows one."""
    assert output(TextDelta("a"), TextDelta("b", 1))[0]["content"][0]["text"] == "a"


def test_answers_are_bounded(monkeypatch):
    """Since the last event repeats all of it."""
    monkeypatch.setattr(stream_items, "LIMIT_CHARS", 10)
    with pytest.raises(UpstreamMalformed):
        write(START, TextDelta("x" * 11))
    monkeypatch.setattr(stream_items, "MAX_ITEMS", 2)
    with pytest.raises(UpstreamMalformed):
        write(START, *[ToolCallStart(index, "c", "f") for index in range(3)])


@settings(max_examples=80, deadline=None)
@given(replies())
def test_any_answer_can_be_streamed(reply: ChatReply):
    """It obeys the grammar, and a client that sends its items back sends what was said."""
    events = check(write(*unfold(reply)))
    given_back = msgspec.json.encode({"model": "m", "input": events[-1]["response"]["output"]})
    again = DIALECT.parse_request(given_back).messages
    assert _merged([part for message in again for part in message.parts]) == _merged(reply.choices[0].parts)


def _merged(parts: Any) -> list[Part]:
    """Without the borders between texts, which a stream does not have."""
    out: list[Part] = []
    for part in parts:
        if out and isinstance(part, Text | Refusal) and type(out[-1]) is type(part):
            out[-1] = type(part)(out[-1].text + part.text)
        else:
            out.append(part)
    return out


def test_a_conversation_goes_on_through_a_client():
    """Items of an answer, sent back, are the message that they were made of."""
    parts = (Reasoning("t", "s"), Text("a"), ToolCall("c", "f", "{}"), Opaque("gemini", "k", msgspec.Raw(b"1")))
    items = output(
        ReasoningDelta("t"),
        ReasoningSignature("s"),
        TextDelta("a"),
        ToolCallStart(0, "c", "f"),
        ToolCallDelta(0, "{}"),
        OpaqueBlock("gemini", "k", msgspec.Raw(b"1")),
    )
    again = DIALECT.parse_request(msgspec.json.encode({"model": "m", "input": items}))
    assert again.messages == (Message("assistant", parts),)
