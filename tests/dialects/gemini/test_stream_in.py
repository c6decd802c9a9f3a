"""Providers' streams, bytes to events."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given as all_of
from hypothesis import settings
from hypothesis import strategies as st

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from llm_gateway.core import events as ev
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.gemini import GEMINI
from splits import bytewise, cut, points

TOOLS = recorded("gemini/tools.stream.sse")


def as_array(stream: bytes, indent: int = 2) -> bytes:
    """The stream as Google writes it without alt=sse."""
    pieces = [event.removeprefix(b"data: ") for event in stream.split(b"\r\n\r\n") if event]
    return b"[" + b"\n,\r\n".join(msgspec.json.format(piece, indent=indent) for piece in pieces) + b"\n]\n"


def piece(*parts: object, finish: str | None = None, **members: object) -> dict:
    candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "responseId": "r", **members}


def sse(*pieces: object) -> bytes:
    return b"".join(b"data: %b\r\n\r\n" % msgspec.json.encode(one) for one in pieces)


def read(*reads: bytes) -> list[ev.Event]:
    reader = GEMINI.stream_reader()
    return [event for data in reads for event in reader.feed(data)] + reader.end()


def test_a_stream_with_tools():
    """Its events, whose fold is what a whole answer would be."""
    agrees("gemini/tools.events.json", encode([{"event": type(event).__name__, "is": event} for event in read(TOOLS)]))


@pytest.mark.parametrize("data", [TOOLS, as_array(TOOLS), as_array(TOOLS, indent=-1)], ids=["sse", "array", "compact"])
def test_an_array_says_the_same(data):
    """In one read and byte by byte."""
    assert read(data) == read(*bytewise(data)) == read(TOOLS)


@settings(max_examples=60, deadline=None)
@all_of(points, st.booleans())
def test_reads_make_no_difference(ends, array):
    """However a stream is cut."""
    data = as_array(TOOLS) if array else TOOLS
    assert read(*cut(data, ends)) == read(TOOLS)


def test_a_whole_answer_instead_of_a_stream():
    """Is a stream of one piece."""
    whole = msgspec.json.encode(piece({"text": "hi"}, finish="STOP"))
    assert read(whole) == read(sse(piece({"text": "hi"}, finish="STOP")))


def test_the_end_is_the_finish_reason_and_the_close():
    """Of every candidate; without it a stream was cut."""
    assert read(sse(piece({"text": "a"}, finish="STOP")))[-2:] == [ev.Finish("stop"), ev.Done()]
    assert ev.Done() not in read(sse(piece({"text": "a"})))
    two = {"candidates": [{"index": 0, "finishReason": "STOP"}, {"index": 1, "content": {"parts": [{"text": "b"}]}}]}
    assert ev.Done() not in read(sse(two))
    assert ev.Done() not in read(b"")
    assert ev.Done() not in read(as_array(TOOLS)[:-400])


def test_a_last_event_without_its_blank_line():
    """Is whole when its JSON is."""
    data = sse(piece({"text": "a"}, finish="STOP"))
    assert read(data[:-4]) == read(data)
    assert ev.Done() not in read(data[:-6])


def test_usage_comes_when_it_changes():
    """The last one holds; after the finish reason too."""
    usage = {"promptTokenCount": 3}
    events = read(
        sse(
            piece({"text": "a"}, usageMetadata=usage),
            piece({"text": "b"}, usageMetadata=usage),
            piece(finish="STOP"),
            {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}},
        )
    )
    assert [event.usage for event in events if isinstance(event, ev.UsageUpdate)] == [Usage(input=3), Usage(input=3, output=2)]


def test_a_blocked_prompt():
    """Is an answer, and a whole one."""
    events = read(sse({"promptFeedback": {"blockReason": "SAFETY"}, "responseId": "r"}))
    assert events == [ev.Start("r", ""), ev.Finish("content_filter"), ev.Done()]


def test_sources_come_with_their_places():
    """In characters of what was said in earlier pieces; the metadata goes along whole, on one line, and once."""
    chunk = {"web": {"uri": "https://a.test", "title": "A"}}
    support = {"segment": {"startIndex": 3, "endIndex": 5}, "groundingChunkIndices": [0, 9]}
    grounding = {"groundingChunks": [chunk], "groundingSupports": [support]}
    last = piece({"text": "k"}, finish="STOP")
    last["candidates"][0]["groundingMetadata"] = grounding
    events = read(msgspec.json.format(msgspec.json.encode([piece({"text": "Zü o"}), last])))
    (cited,) = [event for event in events if isinstance(event, ev.CitationDelta)]
    assert cited.citation["url_citation"] == {"start_index": 2, "end_index": 4, "url": "https://a.test", "title": "A"}
    (block,) = [event for event in events if isinstance(event, ev.OpaqueBlock)]
    assert (block.dialect, block.kind) == ("gemini", "candidate")
    assert b"\n" not in bytes(block.raw)
    assert msgspec.json.decode(block.raw) == {"groundingMetadata": grounding}


@pytest.mark.parametrize("error", [{"code": 503, "message": "Busy", "status": "UNAVAILABLE"}])
@pytest.mark.parametrize("array", [True, False])
def test_an_error_inside_a_stream(error, array):
    """Ends it; nothing after it is read."""
    data = sse(piece({"text": "a"}), {"error": error}, piece({"text": "b"}, finish="STOP"))
    events = read(as_array(data) if array else data)
    assert events[-1] == ev.Failure("Busy", "UNAVAILABLE", None, 503)
    assert [event.text for event in events if isinstance(event, ev.TextDelta)] == ["a"]


@pytest.mark.parametrize(
    "data",
    [
        b"<html>\n\n" * 2 + b"data: <html>\n\n",
        b"data: {\n\n",
        b'data: {"candidates":[{"content":{"parts":[{"text":1}]}}]}\n\n',
        b"[3]",
        b'[{"candidates":3}]',
        b'[{"a":1} x',
        b'[{"a":}]',
        b"data: []\n\n",
        b" " * (1 << 17),
    ],
)
def test_what_is_no_stream_is_malformed(data):
    """Wherever it stands."""
    with pytest.raises(UpstreamMalformed):
        read(data)


def test_another_dialects_marker_is_no_piece():
    """Some servers end like OpenAI."""
    data = sse(piece({"text": "a"}, finish="STOP"))
    assert read(data + b"data: [DONE]\n\n") == read(data)


@settings(max_examples=100, deadline=None)
@all_of(
    st.binary(max_size=40),
    points,
    st.sampled_from([b"", b"[", b"data: ", b"[{", b'data: {"candidates":[{"']),
    st.integers(0, 1500),
)
def test_noise_is_malformed_or_nothing(noise, ends, opening, at):
    """Alone and in the middle of something good; never Done for what was cut."""
    for data in (opening + noise, TOOLS[:at] + noise + TOOLS[at:]):
        with suppress(UpstreamMalformed):
            assert ev.Done() not in read(*cut(data, ends)) or data.count(b"finishReason") == 1
