"""AWS event stream (application/vnd.amazon.eventstream), the framing of Bedrock's streams.

Amazon Transcribe developer guide, "Event stream encoding", and the Smithy specification "Amazon Event Stream":

    total length u32 | headers length u32 | CRC32 of those 8 bytes | headers | payload | CRC32 of all before it

All numbers are big-endian. A header is: name length u8, name, type u8, value; the ten types are in `_read_value`.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Mapping

import msgspec

from llm_gateway.http.framing.errors import FramingError

LIMIT_BYTES = 16 * 1024 * 1024
"""The longest message held, unless said otherwise."""

_HEADERS_LIMIT_BYTES = 128 * 1024  # Smithy: headers take at most 128 KiB
_PRELUDE_BYTES = 12
_OVERHEAD_BYTES = 16  # prelude and the last CRC

_U8 = struct.Struct(">B")
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_PRELUDE = struct.Struct(">III")
_INTEGERS = {2: struct.Struct(">b"), 3: struct.Struct(">h"), 4: struct.Struct(">i"), 5: struct.Struct(">q")}
_TIMESTAMP = _INTEGERS[5]


class Timestamp(int):
    """A header of type timestamp: milliseconds since 1970-01-01T00:00:00Z."""

    __slots__ = ()


HeaderValue = bool | int | Timestamp | bytes | str | uuid.UUID


class Message(msgspec.Struct, frozen=True):
    """One message. `headers` has e.g. ":message-type", ":event-type", ":content-type"; `payload` is often JSON."""

    headers: dict[str, HeaderValue]
    payload: bytes


class EventStreamReader:
    """The messages of a byte stream. Damage, and a message of more than `limit_bytes`, is a FramingError."""

    __slots__ = ("_block", "_buffer", "_headers", "_limit", "_needed")

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._buffer = bytearray()
        self._needed = _PRELUDE_BYTES  # bytes from the message's start: its prelude's, then, once that is known, all
        self._block = b""  # the last message's headers, as bytes and as read: in a stream they seldom change
        self._headers: dict[str, HeaderValue] = {}

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes, in order. Raises FramingError."""
        buffer = self._buffer
        buffer += data
        if len(buffer) < self._needed:
            return []
        messages = []
        start = 0
        while len(buffer) - start >= self._needed:
            if self._needed == _PRELUDE_BYTES:
                self._needed = self._total_length(start)
                continue
            end = start + self._needed
            messages.append(self._read(bytes(buffer[start:end])))
            start = end
            self._needed = _PRELUDE_BYTES
        del buffer[:start]  # once per read: a read of many small messages stays linear
        return messages

    def end(self) -> None:
        """The stream has ended. Raises FramingError if it did so inside a message."""
        if self._buffer:
            raise FramingError(f"the stream ends inside a message, {len(self._buffer)} bytes in")

    def _total_length(self, start: int) -> int:
        """What the prelude at `start` says, believed only after its CRC."""
        total, headers, crc = _PRELUDE.unpack_from(self._buffer, start)
        if zlib.crc32(self._buffer[start : start + 8]) != crc:
            raise FramingError("the CRC of a prelude does not match")
        if total > self._limit:
            raise FramingError(f"a message of {total} bytes is longer than {self._limit}")
        if headers > _HEADERS_LIMIT_BYTES or headers + _OVERHEAD_BYTES > total:
            raise FramingError(f"headers of {headers} bytes in a message of {total}")
        return int(total)

    def _read(self, message: bytes) -> Message:
        """`message` is one message by its length, whose prelude has been checked."""
        total, headers, _ = _PRELUDE.unpack_from(message)
        if zlib.crc32(memoryview(message)[:-4]) != _U32.unpack_from(message, total - 4)[0]:
            raise FramingError("the CRC of a message does not match")
        payload = _PRELUDE_BYTES + headers
        block = message[_PRELUDE_BYTES:payload]
        if block != self._block:
            self._headers = _read_headers(block)
            self._block = block
        return Message(self._headers.copy(), message[payload:-4])


def encode(headers: Mapping[str, HeaderValue], payload: bytes) -> bytes:
    """One message as bytes. An int takes the smallest of the four integer types that holds it.

    Raises ValueError for what the format cannot say: a name of 0 or over 255 bytes, a value of over 65,535 bytes, an
    integer of over 64 bits, headers of over 128 KiB.
    """
    head = b"".join(_header(name, value) for name, value in headers.items())
    if len(head) > _HEADERS_LIMIT_BYTES:
        raise ValueError("headers of over 128 KiB")
    lengths = struct.pack(">II", _OVERHEAD_BYTES + len(head) + len(payload), len(head))
    message = b"".join((lengths, _U32.pack(zlib.crc32(lengths)), head, payload))
    return message + _U32.pack(zlib.crc32(message))


def _header(name: str, value: HeaderValue) -> bytes:
    encoded = name.encode()
    if not 0 < len(encoded) < 256:
        raise ValueError("a header's name takes 1 to 255 bytes")
    return _U8.pack(len(encoded)) + encoded + _value(value)


def _value(value: HeaderValue) -> bytes:
    match value:
        case bool():
            return b"\x00" if value else b"\x01"
        case Timestamp():
            return b"\x08" + _TIMESTAMP.pack(value)
        case int():
            return _integer(value)
        case uuid.UUID():
            return b"\x09" + value.bytes
        case bytes():
            return b"\x06" + _long(value)
        case str():
            return b"\x07" + _long(value.encode())


def _integer(value: int) -> bytes:
    for kind, packer in _INTEGERS.items():
        bits = packer.size * 8 - 1
        if -(1 << bits) <= value < 1 << bits:
            return _U8.pack(kind) + packer.pack(value)
    raise ValueError("an integer of over 64 bits")


def _long(data: bytes) -> bytes:
    if len(data) > 0xFFFF:
        raise ValueError("a header's value takes at most 65,535 bytes")
    return _U16.pack(len(data)) + data


def _read_headers(block: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    position = 0
    while position < len(block):
        name, position = _sized(block, position, _U8)
        value, position = _read_value(block, position)
        key = _text(name)
        if not key or key in headers:
            raise FramingError("a header without a name, or two of one name")
        headers[key] = value
    return headers


def _read_value(block: bytes, position: int) -> tuple[HeaderValue, int]:
    """The value whose type stands at `position`, and where it ends."""
    (kind,), position = _take(block, position, 1)
    match kind:
        case 0 | 1:  # true, false
            return kind == 0, position
        case 2 | 3 | 4 | 5:  # i8, i16, i32, i64
            packer = _INTEGERS[kind]
            data, position = _take(block, position, packer.size)
            return int(packer.unpack(data)[0]), position
        case 6:  # bytes
            return _sized(block, position, _U16)
        case 7:  # UTF-8 string
            data, position = _sized(block, position, _U16)
            return _text(data), position
        case 8:  # i64 milliseconds since the epoch
            data, position = _take(block, position, 8)
            return Timestamp(_TIMESTAMP.unpack(data)[0]), position
        case 9:
            data, position = _take(block, position, 16)
            return uuid.UUID(bytes=data), position
        case _:
            raise FramingError(f"a header of the unknown type {kind}")


def _sized(block: bytes, position: int, length: struct.Struct) -> tuple[bytes, int]:
    """The bytes at `position` that stand behind their own length."""
    size, position = _take(block, position, length.size)
    return _take(block, position, length.unpack(size)[0])


def _take(block: bytes, position: int, size: int) -> tuple[bytes, int]:
    end = position + size
    if end > len(block):
        raise FramingError("a header goes past the end of the headers")
    return block[position:end], end


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FramingError("a header is not UTF-8") from None
