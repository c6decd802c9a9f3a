"""Bedrock's InvokeModel streams as Server-Sent Events."""

from __future__ import annotations

from base64 import b64encode
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.http.framing.eventstream import encode
from llm_gateway.providers.eventstream_sse import EventStreamSse

EVENTS = (
    b'{"type":"message_start","message":{"id":"msg_bdrk_1","model":"claude","usage":{"input_tokens":3,"output_tokens":1}}}',
    b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"h\xc3\xa9"}}',
    b'{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":2}}',
)


def chunk(event: bytes) -> bytes:
    payload = msgspec.json.encode({"bytes": b64encode(event).decode(), "p": "abcd"})
    return encode({":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(kind: str, payload: bytes) -> bytes:
    return encode({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}, payload)


WHOLE = b"".join(map(chunk, EVENTS))
SSE = (
    b"event: message_start\ndata: " + EVENTS[0] + b"\n\n"
    b"event: content_block_delta\ndata: " + EVENTS[1] + b"\n\n"
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def test_chunks_become_events_without_the_metrics() -> None:
    """What the model's own API would have sent: named events, Bedrock's own member taken out."""
    assert EventStreamSse().feed(WHOLE) == SSE


@given(st.lists(st.integers(0, len(WHOLE)), max_size=6))
def test_any_cut_gives_the_same(cuts: list[int]) -> None:
    """However the network cuts the bytes."""
    frame, places = EventStreamSse(), [0, *sorted(cuts), len(WHOLE)]
    out = b"".join(frame.feed(WHOLE[a:b]) for a, b in pairwise(places))
    assert out + frame.end() == SSE


def test_a_type_that_is_no_name_names_nothing() -> None:
    """It stands on a line of its own, which it could end."""
    assert EventStreamSse().feed(chunk(b'{"a":1,"type":"x\\ndata: y"}')) == b'data: {"a":1,"type":"x\\ndata: y"}\n\n'


def test_an_event_that_does_not_begin_with_its_type_is_named_too() -> None:
    """Order of members and white space are the server's choice."""
    assert (
        EventStreamSse().feed(chunk(b'{ "index": 0, "type": "content_block_stop" }')).startswith(b"event: content_block_stop\n")
    )


@pytest.mark.parametrize(
    ("message", "kind", "said"),
    [
        (exception("throttlingException", b'{"message":"Too many tokens"}'), "throttlingException", "Too many tokens"),
        (exception("modelStreamErrorException", b"not json"), "modelStreamErrorException", ""),
        (
            encode({":message-type": "error", ":error-code": "InternalFailure", ":error-message": "oh"}, b""),
            "InternalFailure",
            "oh",
        ),
    ],
)
def test_exceptions_become_error_events(message: bytes, kind: str, said: str) -> None:
    """By the name in the header and with the message of the body, or of the other header."""
    out = EventStreamSse().feed(message)
    assert out.startswith(b"event: error\ndata: ")
    document = msgspec.json.decode(out.partition(b"data: ")[2])
    assert document == {"type": "error", "error": {"type": kind, "message": said}}


def test_kinds_that_are_not_known_are_passed_over() -> None:
    """A newer API may send other events beside the chunks."""
    assert EventStreamSse().feed(encode({":message-type": "event", ":event-type": "later"}, b"{}")) == b""


@pytest.mark.parametrize(
    "data",
    [WHOLE[:30] + b"\0" + WHOLE[31:], chunk(b"[]"), encode({":message-type": "event", ":event-type": "chunk"}, b'{"bytes":3}')],
)
def test_damage_is_the_providers_fault(data: bytes) -> None:
    """A wrong checksum, an event that is no object, bytes that are none."""
    with pytest.raises(UpstreamMalformed):
        EventStreamSse().feed(data)


def test_half_a_message_at_the_end_adds_nothing() -> None:
    """The stream is then seen to lack its end."""
    frame = EventStreamSse()
    assert frame.feed(WHOLE[:-5]) + frame.end() == SSE[: SSE.index(b"event: message_stop")]
