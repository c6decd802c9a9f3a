"""Streams, both ways."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dialects.recorded import agrees, agrees_on_events
from dialects.recorded import given as recorded
from dialects.strategies import replies
from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import UpstreamError, UpstreamMalformed
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
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT, OllamaChat, OllamaGenerate
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from splits import bytewise, cut, points

FRONT = OllamaChat(FakeClock(60.0))
GENERATE = OllamaGenerate(FakeClock(60.0))
ASKED = ChatRequest("asked", ())
START = Start("i", "m", 120)


def line(**members: object) -> bytes:
    return msgspec.json.encode({"model": "m", "created_at": "1970-01-01T00:02:00Z", **members}) + b"\n"


def piece(content: str = "", **members: object) -> bytes:
    return line(message={"role": "assistant", "content": content, **members}, done=False)


END = line(message={"role": "assistant", "content": ""}, done=True, done_reason="stop", prompt_eval_count=3, eval_count=2)


def read(*reads: bytes) -> list[Event]:
    reader = OLLAMA_CHAT.stream_reader()
    return [event for data in reads for event in reader.feed(data)] + reader.end()


def write(*events: Event, front: Any = FRONT) -> list[dict[str, Any]]:
    return lines(front.stream_writer(ASKED).feed([START, *events]))


def lines(data: bytes) -> list[dict[str, Any]]:
    assert data == b"" or data.endswith(b"\n")
    return [msgspec.json.decode(text) for text in data.splitlines()]


def test_a_whole_stream():
    """Events that were checked by eye, the same however the bytes arrive, and what clients of all dialects see of them."""
    data = recorded("ollama_chat/tools.stream.ndjson")
    events = read(data)
    assert events == read(*bytewise(data)) == read(data.replace(b"\n", b"\r\n"))
    agrees_on_events("ollama_chat/tools.events.json", events)
    for name, front in (("own", FRONT), ("generate", GENERATE)):
        agrees(f"ollama_chat/tools.{name}.written.json", msgspec.json.encode(lines(front.stream_writer(ASKED).feed(events))))
    for name, front in (("openai", OPENAI_CHAT), ("anthropic", ANTHROPIC_MESSAGES)):
        agrees(f"ollama_chat/tools.{name}.written.sse", front.stream_writer(ASKED).feed(events))


@pytest.mark.parametrize(
    "name", ["openai_chat/tools", "openai_chat/mistral", "anthropic_messages/tools", "anthropic_messages/search"]
)
def test_streams_of_other_dialects(name):
    """Their goldens as an Ollama client sees them; checked by eye."""
    back = OPENAI_CHAT if name.startswith("openai") else ANTHROPIC_MESSAGES
    reader = back.stream_reader()
    events = reader.feed(recorded(f"{name}.stream.sse")) + reader.end()
    shown = lines(FRONT.stream_writer(ASKED).feed(events))
    agrees(f"ollama_chat/{name.replace('/', '.')}.written.json", msgspec.json.encode(shown))


@settings(max_examples=50, deadline=None)
@given(points)
def test_reads_make_no_difference(ends):
    """Any way of cutting the bytes gives the same events."""
    data = recorded("ollama_chat/tools.stream.ndjson")
    assert read(*cut(data, ends)) == read(data)


def test_pieces():
    """Thinking, text and whole calls, which are counted over all lines."""
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}, {"id": "x", "function": {"name": "g"}}]
    events = read(piece("", thinking="hm"), piece("a"), piece("", tool_calls=calls), piece("", tool_calls=calls[:1]), END)
    assert events == [
        Start("ollama-19700101000200", "m", 120),
        ReasoningDelta("hm"),
        TextDelta("a"),
        ToolCallStart(0, "call_ollama-19700101000200_0", "f"),
        ToolCallDelta(0, '{"a":1}'),
        ToolCallStart(1, "x", "g"),
        ToolCallDelta(1, "{}"),
        ToolCallStart(2, "call_ollama-19700101000200_2", "f"),
        ToolCallDelta(2, '{"a":1}'),
        UsageUpdate(Usage(input=3, output=2)),
        Finish("tool_calls"),
        Done(),
    ]


def test_logprobs_come_along():
    """In OpenAI's shape, and also without a text."""
    item = {"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}
    (event,) = [event for event in read(line(message={"content": ""}, logprobs=[item])) if isinstance(event, TextDelta)]
    assert msgspec.json.decode(event.logprobs) == {"content": [item], "refusal": None}
    assert write(event)[0]["logprobs"] == [item]


def test_nothing_follows_the_end():
    """In the same read and later; and a whole answer in one line is a stream, too."""
    assert read(END + piece("x"), END).count(Done()) == 1
    assert read(line(message={"content": "all"}, done=True))[1:] == [TextDelta("all"), Finish("stop"), Done()]


def test_the_last_line_may_lack_its_end():
    """It is whole without it."""
    assert read(piece("a") + END[:-1]) == read(piece("a") + END)


@pytest.mark.parametrize("data", [b"", piece("a"), piece("a") + b"\n \n", piece("a") + line(status="resting")])
def test_a_cut_stream_is_never_done(data):
    """Who closes without the last line has not finished; empty and unknown lines are nothing."""
    assert Done() not in read(data)


@pytest.mark.parametrize("before", [b"", piece("a")])
def test_the_servers_error_is_a_failure(before):
    """And the last event."""
    events = read(before + b'{"error":"model runner has stopped"}\n' + END)
    assert events[-1] == Failure("model runner has stopped")
    assert Done() not in events


@pytest.mark.parametrize(
    "bad",
    [
        b"<html>\n",
        b"[1]\n",
        piece("a")[:-5] + b"\n",
        line(message={"content": 1}),
        line(message={"tool_calls": [3]}),
        b"x" * (2 << 20),
    ],
    ids=["html", "list", "cut", "content", "call", "endless"],
)
def test_what_is_not_the_dialect_is_malformed(bad):
    """And the message holds nothing of it; a half line at the end is no line."""
    with pytest.raises(UpstreamMalformed) as raised:
        read(piece("a"), bad)
    assert "html" not in raised.value.message
    with pytest.raises(UpstreamMalformed):
        read(piece("a") + END[:-9])


def test_damage_that_can_be_repaired_is():
    """Invalid UTF-8 costs a character, a BOM nothing."""
    data = piece("a~b").replace(b"~", b"\xff")
    assert read(b"\xef\xbb\xbf" + data)[1] == TextDelta("a\ufffdb")
    assert read(*bytewise(b"\xef\xbb\xbf" + data))[1] == TextDelta("a\ufffdb")


def test_text_is_written_at_once():
    """Every piece is a line, with the model and the time of the answer; empty ones are none."""
    writer = FRONT.stream_writer(ASKED)
    head = {"model": "m", "created_at": "1970-01-01T00:02:00Z"}
    assert writer.feed([START, TextDelta(""), ReasoningDelta("")]) == b""
    assert lines(writer.feed([TextDelta("a")])) == [head | {"message": {"role": "assistant", "content": "a"}, "done": False}]
    assert lines(writer.feed([ReasoningDelta("t")]))[0]["message"] == {"role": "assistant", "content": "", "thinking": "t"}
    assert lines(writer.feed([UsageUpdate(Usage(3, output=2)), Finish("length"), Done(), TextDelta("late")])) == [
        head
        | {
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "length",
            "prompt_eval_count": 3,
            "eval_count": 2,
        }
    ]


def test_what_the_provider_does_not_say():
    """The model that was asked for and our clock stand in; without usage there are no counts."""
    (last,) = write(Start("", ""), Finish("stop"), Done())
    assert last == {
        "model": "m",
        "created_at": "1970-01-01T00:01:00Z",
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
    }
    assert lines(FRONT.stream_writer(ASKED).feed([Done()]))[0]["model"] == "asked"


def test_calls_are_written_whole_at_the_end():
    """Their arguments may come interleaved; what is no object is wrapped."""
    shown = write(
        ToolCallStart(0, "x", "f"),
        ToolCallStart(1, "y", "g"),
        ToolCallDelta(0, '{"a"'),
        ToolCallDelta(1, "oops"),
        ToolCallDelta(0, ":1}"),
        ToolCallDelta(7, "lost"),
        TextDelta("t"),
        Finish("tool_calls"),
        Done(),
    )
    assert [one["message"]["content"] for one in shown] == ["t", "", ""]
    assert shown[1]["message"]["tool_calls"] == [
        {"id": "x", "function": {"name": "f", "arguments": {"a": 1}}},
        {"id": "y", "function": {"name": "g", "arguments": {"_raw": "oops"}}},
    ]
    assert (shown[2]["done"], shown[2]["done_reason"]) == (True, "stop")


def test_arguments_are_bounded():
    """Nothing is held without bound."""
    writer = FRONT.stream_writer(ASKED)
    writer.feed([ToolCallStart(0, "x", "f")])
    with pytest.raises(UpstreamMalformed):
        writer.feed([ToolCallDelta(0, "x" * (1 << 20))] * 9)


def test_what_has_no_place():
    """Refusals and transcripts are text; sources, signatures, foreign blocks and other choices are left out."""
    shown = write(
        RefusalDelta("no"),
        AudioDelta(data="AA", transcript="said"),
        AudioDelta(data="AA"),
        CitationDelta({}),
        ReasoningSignature("s"),
        RedactedReasoning("r"),
        OpaqueBlock("elsewhere", "x", Raw(b"{}")),
        TextDelta("other", choice=1),
        Finish("length", choice=1),
        Finish("refusal"),
        Done(),
    )
    assert [one["message"]["content"] for one in shown] == ["no", "said", ""]
    assert shown[-1]["done_reason"] == "content_filter"


def test_an_error_ends_a_stream_without_done():
    """Ours, and that of a provider whose answer ended with one; nothing follows."""
    writer = FRONT.stream_writer(ASKED)
    writer.feed([START, TextDelta("a")])
    assert writer.feed([Failure("x")]) == b""
    assert writer.fail(UpstreamError("gone"), "r") == b'{"error":"gone"}\n'
    assert writer.feed([Finish("stop"), Done()]) == writer.fail(UpstreamError("gone"), "r") == b""
    assert write(TextDelta("a"), Finish("error"), Done())[1:] == [{"error": "The provider ended its answer with an error"}]


def test_generated_streams():
    """Text and thinking have other names there; calls have none."""
    shown = write(ReasoningDelta("t"), TextDelta("a"), Finish("stop"), Done(), front=GENERATE)
    assert [(one["response"], one.get("thinking"), one["done"]) for one in shown] == [
        ("", "t", False),
        ("a", None, False),
        ("", None, True),
    ]
    assert all("message" not in one for one in shown)


@settings(max_examples=40, deadline=None)
@given(replies())
def test_a_stream_and_a_whole_answer_say_the_same(reply):
    """What the lines hold, put together, is the whole answer."""
    whole = msgspec.json.decode(FRONT.render_reply(reply))
    events = [event for event in unfold(reply) if getattr(event, "choice", 0) == 0]
    shown = lines(FRONT.stream_writer(ASKED).feed(events))
    said = {name: "".join(one["message"].get(name, "") for one in shown) for name in ("content", "thinking")}
    assert said == {name: whole["message"].get(name, "") for name in said}
    calls = [call for one in shown for call in one["message"].get("tool_calls", ())]
    assert calls == whole["message"].get("tool_calls", [])
    assert {**shown[-1], "message": 0, "logprobs": 0} == {**whole, "message": 0, "logprobs": 0}


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b"", piece("é"), b'{"message":']))
def test_any_bytes(data, before):
    """Are events or UpstreamMalformed."""
    try:
        events = read(before, data)
    except UpstreamMalformed:
        return
    assert all(not isinstance(event, TextDelta) or event.text == "é" for event in events)
