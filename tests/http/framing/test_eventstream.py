from __future__ import annotations

import struct
import uuid
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.eventstream import EventStreamReader, Message, Timestamp, encode
from splits import bytewise, cut, points

# Frames that botocore 1.43's EventStreamBuffer reads to the same headers and payload.
GOLDEN = {
    "empty": ("000000100000000005c248eb7d98c8ff", Message({}, b"")),
    "event": (
        (
            "0000007e00000057d6cf45900d3a6d6573736167652d747970650700056576656e740b3a6576656e742d74797065070011636f6e74656e"
            "74426c6f636b44656c74610d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b2264656c7461223a7b22"
            "74657874223a224869227d7dd175f0d6"
        ),
        Message(
            {
                ":message-type": "event",
                ":event-type": "contentBlockDelta",
                ":content-type": "application/json",
            },
            b'{"delta":{"text":"Hi"}}',
        ),
    ),
    "exception": (
        (
            "0000006f00000040089c7e650d3a6d6573736167652d74797065070009657863657074696f6e0f3a657863657074696f6e2d7479706507"
            "00137468726f74746c696e67457863657074696f6e7b226d657373616765223a22546f6f206d616e79207265717565737473227db78d522d"
        ),
        Message(
            {":message-type": "exception", ":exception-type": "throttlingException"},
            b'{"message":"Too many requests"}',
        ),
    ),
    "all ten types": (
        (
            "000000600000004f1a73f425017400016601016202f9016803fed4016904000111700171050000010000000000017906000200010173070"
            "002c3a9026174080000018bcfe5687b026964090000000000000000000000000000123478fd9f48be"
        ),
        Message(
            {
                "t": True,
                "f": False,
                "b": -7,
                "h": -300,
                "i": 70_000,
                "q": 2**40,
                "y": b"\x00\x01",
                "s": "é",
                "at": Timestamp(1_700_000_000_123),
                "id": uuid.UUID(int=0x1234),
            },
            b"x",
        ),
    ),
}

values = (
    st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.integers(min_value=-(2**63), max_value=2**63 - 1).map(Timestamp)
    | st.binary(max_size=40)
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.uuids()
)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
messages = st.builds(Message, st.dictionaries(names, values, max_size=5), st.binary(max_size=60))


def read(reads: list[bytes], limit_bytes: int = 10_000) -> list[Message]:
    reader = EventStreamReader(limit_bytes)
    found = [message for data in reads for message in reader.feed(data)]
    reader.end()
    return found


def typed(message: Message) -> list[tuple[str, type, object]]:
    """Headers with their types: True == 1 == Timestamp(1) would hide a mix-up."""
    return [(name, type(value), value) for name, value in message.headers.items()]


def raw(headers: bytes, payload: bytes = b"", *, total: int | None = None, headers_length: int | None = None) -> bytes:
    """A message with right CRCs around any lengths and any header bytes."""
    total = 16 + len(headers) + len(payload) if total is None else total
    prelude = struct.pack(">II", total, len(headers) if headers_length is None else headers_length)
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_frames(name):
    """Both directions agree, byte for byte and type for type, with frames another implementation reads."""
    frame, message = bytes.fromhex(GOLDEN[name][0]), GOLDEN[name][1]
    (found,) = read([frame])
    assert found == message
    assert typed(found) == typed(message)
    assert encode(message.headers, message.payload) == frame


def test_messages_of_one_stream_do_not_share_headers():
    """The same header bytes twice are read once, and still belong to two messages."""
    first, second = read([encode({"a": 1}, b"1") + encode({"a": 1}, b"2")])
    first.headers["a"] = 2
    assert second.headers == {"a": 1}


@given(st.lists(messages, max_size=4), points)
def test_any_split_gives_the_messages_back(sent, where):
    """What is encoded is decoded, with its types, however the bytes arrive."""
    data = b"".join(encode(message.headers, message.payload) for message in sent)
    for reads in ([data], cut(data, where), bytewise(data)):
        found = read(reads)
        assert found == sent
        assert [typed(message) for message in found] == [typed(message) for message in sent]


@given(messages, st.data())
def test_any_flipped_bit_is_an_error(message, data):
    """U32: the CRCs cover every byte."""
    frame = bytearray(encode(message.headers, message.payload))
    bit = data.draw(st.integers(min_value=0, max_value=len(frame) * 8 - 1))
    frame[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FramingError):
        read([bytes(frame)])


@given(messages, st.data())
def test_truncated_stream_is_an_error(message, data):
    """U32: an end inside a message is not a clean end."""
    frame = encode(message.headers, message.payload)
    size = data.draw(st.integers(min_value=1, max_value=len(frame) - 1))
    with pytest.raises(FramingError, match="ends inside"):
        read([frame, frame[:size]])


@given(st.binary(max_size=60) | st.binary(max_size=40).map(raw), points)
def test_any_bytes_give_messages_or_a_framing_error(data, where):
    """No input raises anything else, also behind right CRCs."""
    try:
        found = read(cut(data, where), limit_bytes=50)
    except FramingError:
        with pytest.raises(FramingError):
            read([data], limit_bytes=50)
    else:
        assert found == read([data], limit_bytes=50)


@pytest.mark.parametrize(
    "headers",
    [
        b"\x01",
        b"\x05ab",
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\x04\x00\x00",
        b"\x01a\x07\x00",
        b"\x01a\x07\x00\x02x",
        b"\x01a\x07\x00\x01\xff",
        b"\x01\xff\x00",
        b"\x00\x00",
        b"\x01a\x00\x01a\x01",
        b"\x01a\x09" + b"\x00" * 15,
    ],
)
def test_damaged_headers_are_an_error(headers):
    """Lengths past the end, unknown types, bad UTF-8, no name, the same name twice: right CRCs do not excuse them."""
    with pytest.raises(FramingError):
        read([raw(headers)])


@pytest.mark.parametrize(
    ("total", "headers"),
    [(0, 0), (15, 0), (16, 1), (100, 85), (10_001, 0), (2**32 - 1, 0), (2**32 - 1, 2**32 - 1)],
)
def test_absurd_lengths_are_refused_at_the_prelude(total, headers):
    """Twelve bytes are enough to refuse: nothing is held for a message that cannot come."""
    with pytest.raises(FramingError):
        EventStreamReader(10_000).feed(raw(b"", total=total, headers_length=headers)[:12])


def test_headers_have_their_own_limit():
    """128 KiB (Smithy), in both directions."""
    with pytest.raises(FramingError):
        EventStreamReader().feed(raw(b"", total=1_000_000, headers_length=128 * 1024 + 1)[:12])
    with pytest.raises(ValueError, match="128 KiB"):
        encode({"a": b"x" * 65_535, "b": b"x" * 65_535, "c": b"x"}, b"")


@pytest.mark.parametrize(
    "headers",
    [{"": 1}, {"x" * 256: 1}, {"a": 2**63}, {"a": -(2**63) - 1}, {"a": "x" * 65_536}, {"a": b"x" * 65_536}],
)
def test_what_the_format_cannot_say_is_not_encoded(headers):
    """A ValueError, never a frame that nobody can read."""
    with pytest.raises(ValueError):
        encode(headers, b"")
