"""Streams that pass through."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given as all_of
from hypothesis import settings
from hypothesis import strategies as st

from dialects.gemini.test_stream_in import as_array, piece, sse
from dialects.recorded import given as recorded
from llm_gateway.core.errors import UpstreamMalformed, UpstreamUnavailable
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Relay
from llm_gateway.dialects.gemini import GEMINI, GeminiFront
from splits import bytewise, cut, points

TOOLS = recorded("gemini/tools.stream.sse")
USAGE = Usage(input=9, output=5, reasoning=20)
SSE, ARRAY = GeminiFront("m", stream=True), GeminiFront("m", stream=True, array=True)


def run(*reads: bytes, front: GeminiFront = SSE) -> tuple[bytes, Relay]:
    relay = front.passing(GEMINI.relay())
    return b"".join([relay.feed(data) for data in reads]) + relay.end(), relay


def pieces_of(stream: bytes) -> list[object]:
    return [msgspec.json.decode(line[6:]) for line in stream.splitlines() if line.startswith(b"data: ")]


def test_a_good_stream_passes_to_the_byte():
    """With its line ends, in one read and byte by byte; it is done when it is closed."""
    for reads in ([TOOLS], bytewise(TOOLS), [TOOLS.replace(b"\r\n", b"\n")]):
        out, relay = run(*reads)
        assert out == b"".join(reads)
        assert (relay.committed, relay.done, relay.failure, relay.usage) == (True, True, None, USAGE)


def test_streams_of_text_alone_pass_to_the_byte():
    """Where pieces are alike they are not read one by one."""
    data = sse(
        *[piece({"text": f"word {n} \n"}) for n in range(30)],
        piece({"text": ""}, finish="STOP", usageMetadata={"promptTokenCount": 4}),
    )
    for reads in ([data], bytewise(data), cut(data, list(range(0, 3000, 7)))):
        out, relay = run(*reads)
        assert (out, relay.done, relay.usage) == (data, True, Usage(input=4))


@settings(max_examples=60, deadline=None)
@all_of(points, st.booleans(), st.booleans())
def test_reads_make_no_difference(ends, wanted, given):
    """However a stream is cut, in whichever form it comes and is wanted."""
    out, relay = run(*cut(as_array(TOOLS) if given else TOOLS, ends), front=ARRAY if wanted else SSE)
    assert (msgspec.json.decode(out) if wanted else pieces_of(out)) == pieces_of(TOOLS)
    assert (relay.committed, relay.done, relay.usage) == (True, True, USAGE)


def test_fronts_say_how_they_frame():
    """The type of a stream, and what may stand between its pieces."""
    assert SSE.stream_type.startswith(b"text/event-stream")
    assert ARRAY.stream_type.startswith(b"application/json")
    relay = ARRAY.passing(GEMINI.relay())
    half = TOOLS.index(b"\r\n\r\n") + 4
    out = relay.feed(TOOLS[:half]) + ARRAY.keepalive + relay.feed(TOOLS[half:]) + ARRAY.keepalive + relay.end()
    assert len(msgspec.json.decode(out)) == 5


def test_commit_is_the_first_content():
    """Usage and empty texts are none; a thought, a call, and the reason why there is nothing are."""
    for content in (
        piece({"text": "x", "thought": True}),
        piece({"functionCall": {"name": "f"}}),
        piece({"new": {}}),
        piece(finish="SAFETY"),
    ):
        relay = GEMINI.relay()
        relay.feed(sse({"usageMetadata": {"promptTokenCount": 1}}, piece({"text": ""})))
        assert not relay.committed
        relay.feed(sse(content))
        assert relay.committed


def test_a_blocked_prompt_is_complete():
    """There is nothing to come."""
    data = sse({"promptFeedback": {"blockReason": "SAFETY"}})
    out, relay = run(data)
    assert (out, relay.committed, relay.done) == (data, True, True)


@pytest.mark.parametrize("front", [SSE, ARRAY])
@pytest.mark.parametrize("given", [lambda data: data, as_array], ids=["sse", "array"])
def test_a_cut_stream_is_never_done(front, given):
    """An array is not closed either."""
    whole = given(sse(piece({"text": "a"}), piece({"text": "b"})))
    for data in (whole, whole[:-30]):
        out, relay = run(data, front=front)
        assert not relay.done
        assert not out.endswith(b"]")


def test_candidates_end_one_by_one():
    """All that were seen have to."""
    both = {"candidates": [{"index": 0, "finishReason": "STOP"}, {"index": 1, "content": {"parts": [{"text": "b"}]}}]}
    assert not run(sse(both))[1].done
    assert run(sse(both, {"candidates": [{"index": 1, "finishReason": "STOP"}]}))[1].done


@pytest.mark.parametrize("front", [SSE, ARRAY])
def test_an_error_is_held_back(front):
    """With what follows; whoever relays writes his own, and the stream is whole in its form."""
    error = {"error": {"code": 503, "message": "Busy", "status": "UNAVAILABLE"}}
    good = sse(piece({"text": "a"}))
    out, relay = run(good + sse(error) + good, front=front)
    assert (relay.failure.message, relay.failure.type, relay.done) == ("Busy", "UNAVAILABLE", False)
    out += front.frame_error(UpstreamUnavailable("later"), "req_1")
    shown = msgspec.json.decode(out) if front.array else pieces_of(out)
    assert [*shown[0], *shown[1]] == ["candidates", "responseId", "error"]


@pytest.mark.parametrize(
    "data",
    [
        b"data: <html>\n\n",
        b"data: {}}\n\n",
        b"[1]",
        b'[{"a":1}}',
        b'data: {"candidates":3}\n\n',
        b"data: {\0}\n\n",
        b" " * (1 << 17),
    ],
)
def test_what_is_no_stream_is_malformed(data):
    """In either form, before content and after it."""
    with pytest.raises(UpstreamMalformed):
        run(data)
    if not data.startswith(b"["):
        with pytest.raises(UpstreamMalformed):
            run(sse(piece({"text": "a"})), data + b"\n\ndata: {\n\n")


def test_pictures_are_longer_than_other_events():
    """They come in one piece."""
    data = sse(piece({"inlineData": {"mimeType": "image/png", "data": "A" * (3 << 20)}}, finish="STOP"))
    out, relay = run(*[data[n : n + 65_536] for n in range(0, len(data), 65_536)])
    assert (out == data, relay.done) == (True, True)
