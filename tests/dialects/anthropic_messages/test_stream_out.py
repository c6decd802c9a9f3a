"""Streams, events to wire."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.anthropic_messages.streams import ASKED, NAME, accumulated, documents, grammar, singly, write
from dialects.recorded import agrees
from dialects.strategies import argument_texts
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
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES

START = Start("c-1", "m")
END = [Finish("stop"), Done()]


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
