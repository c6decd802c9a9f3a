"""Streams, events to wire."""

from __future__ import annotations

from typing import Any

import msgspec
import pydantic
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from dialects.strategies import argument_texts, base64s, names, replies, texts, usages
from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.errors import UpstreamMalformed, UpstreamUnavailable
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
from llm_gateway.http.framing.sse import SseReader

NAME = "anthropic_messages"
ASKED = ChatRequest(model="asked", messages=(), stream=True)
SDK_EVENT = pydantic.TypeAdapter[Any](RawMessageStreamEvent)
START = Start("c-1", "m")
END = [Finish("stop"), Done()]


def write(*events: Event) -> bytes:
    return ANTHROPIC_MESSAGES.stream_writer(ASKED).feed(list(events))


def singly(*events: Event) -> bytes:
    writer = ANTHROPIC_MESSAGES.stream_writer(ASKED)
    return b"".join([writer.feed([event]) for event in events])


def documents(data: bytes) -> list[dict[str, Any]]:
    """The events on the wire, each named as its document says."""
    events = SseReader().feed(data)
    assert b"".join(b"event: %b\ndata: %b\n\n" % (event.event, event.data) for event in events) == data
    shown = [msgspec.json.decode(event.data) for event in events]
    assert [document["type"].encode() for document in shown] == [event.event for event in events]
    return shown


def grammar(shown: list[dict[str, Any]]) -> None:
    """The API's rules for a complete stream."""
    kinds = [document["type"] for document in shown]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("message_start") == kinds.count("message_delta") == kinds.count("message_stop") == 1
    index, is_open = 0, False
    for document in shown[1:-2]:
        assert document["index"] == index
        if document["type"] == "content_block_start":
            assert not is_open
            is_open = True
        elif document["type"] == "content_block_delta":
            assert is_open
        else:
            assert document["type"] == "content_block_stop"
            is_open, index = False, index + 1
    assert not is_open


def accumulated(data: bytes) -> Message:
    """What the SDK's own accumulator makes of a complete stream."""
    shown = documents(data)
    grammar(shown)
    message: Any = None
    pieces: dict[int, bytes] = {}
    for document in shown:
        event = SDK_EVENT.validate_python(document)
        message = accumulate_event(event=event, current_snapshot=message, json_bufs=pieces)
    return Message.model_validate(message.to_dict())


def blocks(*events: Event) -> list[dict[str, Any]]:
    return [block.to_dict() for block in accumulated(write(START, *events, *END)).content]


def test_the_plainest_stream():
    """The whole grammar, once, to the byte."""
    agrees(f"{NAME}/hello.written.sse", write(START, TextDelta("Hel"), TextDelta("lo"), *END))


def test_single_events_make_the_same_bytes():
    """Batches are only batches, but for usage that may go into message_start."""
    events = [START, ReasoningDelta("a"), TextDelta("b"), ToolCallStart(0, "t", "f"), ToolCallDelta(0, "{}"), *END]
    assert singly(*events) == write(*events)


def test_blocks_open_and_close_as_kinds_change():
    """Thinking with its signature, redacted thinking, text, calls, blocks of our own dialect."""
    shown = blocks(
        ReasoningDelta("h"),
        ReasoningDelta("m"),
        ReasoningSignature("s1"),
        ReasoningSignature("s2"),
        RedactedReasoning("r"),
        TextDelta("t"),
        TextDelta("u"),
        OpaqueBlock(NAME, "server_tool_use", Raw(b'{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}}')),
        OpaqueBlock("elsewhere", "x", Raw(b"{}")),
        TextDelta("v"),
        ToolCallStart(0, "t1", "f"),
        ToolCallDelta(0, '{"a":'),
        ToolCallDelta(0, "1}"),
    )
    assert shown == [
        {"type": "thinking", "thinking": "hm", "signature": "s1"},
        {"type": "thinking", "thinking": "", "signature": "s2"},
        {"type": "redacted_thinking", "data": "r"},
        {"type": "text", "text": "tu"},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}},
        {"type": "text", "text": "v"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
    ]


def test_thinking_without_a_signature_has_an_empty_one():
    """The SDK's type demands the member."""
    assert blocks(ReasoningDelta("hm"), TextDelta("t"))[0] == {"type": "thinking", "thinking": "hm", "signature": ""}


def test_empty_pieces_open_no_blocks():
    """OpenAI's streams begin and end with them."""
    assert blocks(TextDelta(""), ReasoningDelta(""), RefusalDelta(""), AudioDelta("AA"), ToolCallDelta(5, "x")) == []


def test_sources():
    """Of the text that is open, in this dialect's shape; odd ones are left out."""
    own = {"type": "char_location", "cited_text": "a", "document_index": 0, "start_char_index": 0, "end_char_index": 1}
    foreign = {"type": "url_citation", "url_citation": {"url": "https://example.test", "title": "T"}}
    (block,) = blocks(TextDelta("t"), CitationDelta(own), CitationDelta(foreign), CitationDelta("odd"))
    assert [source["type"] for source in block["citations"]] == ["char_location", "web_search_result_location"]


def test_pieces_of_the_open_call_go_out_at_once():
    """A client sees arguments as they are written."""
    writer = ANTHROPIC_MESSAGES.stream_writer(ASKED)
    writer.feed([START, ToolCallStart(0, "t", "f")])
    (delta,) = documents(writer.feed([ToolCallDelta(0, '{"a"')]))
    assert delta["delta"] == {"type": "input_json_delta", "partial_json": '{"a"'}


def test_a_next_call_goes_out_at_once_when_the_one_before_is_whole():
    """Calls that come one after another are not held."""
    writer = ANTHROPIC_MESSAGES.stream_writer(ASKED)
    writer.feed([START, ToolCallStart(0, "t", "f"), ToolCallDelta(0, '{"a":1}'), ToolCallStart(1, "u", "g")])
    (delta,) = documents(writer.feed([ToolCallDelta(1, "{")]))
    assert delta["index"] == 1


def test_interleaved_calls_wait_for_their_turn():
    """OpenAI's parallel calls: arguments of both in turn, and text between them."""
    shown = blocks(
        ToolCallStart(0, "t0", "f"),
        ToolCallStart(1, "t1", "g"),
        ToolCallDelta(0, '{"a'),
        ToolCallDelta(1, '{"b"'),
        TextDelta("x"),
        ToolCallDelta(0, '":1}'),
        TextDelta("y"),
        ToolCallDelta(1, ":2}"),
    )
    assert shown == [
        {"type": "tool_use", "id": "t0", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "t1", "name": "g", "input": {"b": 2}},
        {"type": "text", "text": "xy"},
    ]


@settings(max_examples=80, deadline=None)
@given(st.lists(argument_texts, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_any_order_of_pieces_gives_every_call_its_own(arguments, chance):
    """However the pieces of parallel calls are mixed, each call ends up with its own arguments."""
    queues: list[list[Event]] = []
    for index, text in enumerate(arguments):
        at = chance.randrange(len(text) + 1)
        queues.append([ToolCallStart(index, f"t{index}", "f"), ToolCallDelta(index, text[:at]), ToolCallDelta(index, text[at:])])
    events = []
    while any(queues):
        events.append(chance.choice([queue for queue in queues if queue]).pop(0))
    shown = blocks(*events)
    assert {block["id"]: block["input"] for block in shown} == {
        f"t{index}": msgspec.json.decode(text) for index, text in enumerate(arguments)
    }


@pytest.mark.parametrize("text", ["[1]", "plain text", '"x"'])
def test_arguments_that_are_no_object_are_wrapped(text):
    """As in a whole answer."""
    events = [ToolCallStart(0, "t", "f"), *(ToolCallDelta(0, piece) for piece in text)]
    assert blocks(*events)[0]["input"] == {"_raw": text}
    assert blocks(*events, ToolCallStart(1, "u", "g"), ToolCallDelta(1, "{}"))[1]["id"] == "u"


def test_calls_without_arguments_and_without_ids():
    """An empty input, and an id to answer with."""
    shown = blocks(ToolCallStart(0, "", "f"), ToolCallDelta(0, " "), ToolCallStart(0, "", "f"), ToolCallStart(1, "", "g"))
    assert [block["input"] for block in shown] == [{}, {}]
    assert len({block["id"] for block in shown}) == 2


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([Finish("stop")], "end_turn"),
        ([], "end_turn"),
        ([Finish("length")], "max_tokens"),
        ([Finish("content_filter")], "refusal"),
        ([RefusalDelta("No."), Finish("stop")], "refusal"),
        ([ToolCallStart(0, "t", "f"), Finish("stop")], "tool_use"),
        ([ToolCallStart(0, "t", "f")], "tool_use"),
        ([Finish("tool_calls")], "end_turn"),
        ([Finish("stop", stop_sequence="END")], "stop_sequence"),
        ([Finish("length"), Finish("stop")], "max_tokens"),
        ([Finish("stop"), Finish("length", choice=1)], "end_turn"),
    ],
)
def test_why_it_ended(events, reason):
    """The reason fits what the answer held, and the first one counts."""
    message = accumulated(write(START, *events, Done()))
    assert message.stop_reason == reason


def test_usage_that_comes_last():
    """OpenAI's way: zeros first, and the SDK's accumulator ends up with the right numbers."""
    usage = Usage(input=5, cache_read=3, output=2, reasoning=7)
    message = accumulated(write(START, TextDelta("x"), Finish("stop"), UsageUpdate(usage), Done()))
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens) == (5, 3, 9)
    assert message.usage.output_tokens_details is not None
    assert message.usage.output_tokens_details.thinking_tokens == 7


def test_usage_that_comes_first():
    """It is in message_start when it is known by then."""
    shown = documents(write(START, UsageUpdate(Usage(input=5)), TextDelta("x")))
    assert shown[0]["message"]["usage"]["input_tokens"] == 5


def test_other_choices_are_left_out():
    """The API has one."""
    assert blocks(TextDelta("a"), TextDelta("b", choice=1), ToolCallStart(0, "t", "f", choice=1)) == [
        {"type": "text", "text": "a"}
    ]


def test_a_stream_without_a_start_has_one():
    """The model is the one that was asked for."""
    message = accumulated(write(TextDelta("x"), *END))
    assert message.model == "asked"


def test_nothing_follows_the_end():
    """Neither content nor a second end."""
    writer = ANTHROPIC_MESSAGES.stream_writer(ASKED)
    grammar(documents(writer.feed([START, *END, TextDelta("x"), *END])))
    assert writer.feed([TextDelta("x"), Done()]) == b""
    assert writer.fail(UpstreamUnavailable("x"), "r") == b""


def test_a_failure_ends_a_stream_without_closing_anything():
    """Nothing may look complete: no block's end, no reason, no message_stop."""
    writer = ANTHROPIC_MESSAGES.stream_writer(ASKED)
    before = writer.feed([START, TextDelta("x")])
    shown = documents(writer.fail(UpstreamUnavailable("Gone"), "req_1"))
    assert shown == [{"type": "error", "error": {"type": "overloaded_error", "message": "Gone"}, "request_id": "req_1"}]
    assert b"content_block_stop" not in before
    assert writer.feed([Done()]) == b""


@pytest.mark.parametrize(
    ("kind", "said"), [("overloaded_error", "overloaded_error"), ("server_error", "api_error"), (None, "api_error")]
)
def test_a_providers_failure_is_an_error(kind, said):
    """Under a type of this dialect's closed list."""
    shown = documents(write(START, TextDelta("x"), Failure("Busy", kind), Done()))
    assert shown[-1]["error"] == {"type": said, "message": "Busy"}
    assert "message_stop" not in {document["type"] for document in shown}


def test_an_answer_that_ended_with_an_error_is_one():
    """There is no reason that says so, and any other would be a lie."""
    shown = documents(write(START, TextDelta("x"), Finish("error"), Done()))
    assert shown[-1]["type"] == "error"


def test_what_waits_is_bounded():
    """A provider cannot fill our memory with calls that never end."""
    with pytest.raises(UpstreamMalformed):
        write(START, ToolCallStart(0, "t", "f"), ToolCallDelta(0, "{"), *[TextDelta("x" * (1 << 20))] * 9)


# What survives


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
