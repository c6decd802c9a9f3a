"""Messages of an AWS event stream, written independently of the gateway's reader, which they are to test.

Smithy, "Amazon Event Stream specification": total length, length of the headers, CRC32 of those two, headers, payload,
CRC32 of everything before. All headers here are strings (type 7).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

PRELUDE = 12
ENVELOPE = 16


def event(name: str, payload: bytes) -> bytes:
    """An event of a stream."""
    return _message(_headers({":event-type": name, ":content-type": "application/json", ":message-type": "event"}), payload)


def exception(name: str, payload: bytes) -> bytes:
    """A modelled exception, which ends a stream."""
    kinds = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return _message(_headers(kinds), payload)


def rewrite(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Whole messages with other payloads; lengths and checksums fit again."""
    return b"".join(_message(head, change(payload)) for head, payload in _parts(data))


def long_prelude(size: int) -> bytes:
    """A sound beginning of a message of `size` bytes, and no more of it."""
    lengths = struct.pack(">II", size, 0)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


def _parts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + ENVELOPE <= len(data):
        total, headers = struct.unpack_from(">II", data, at)
        first = at + PRELUDE + headers
        yield data[at + PRELUDE : first], data[first : at + total - 4]
        at += total


def _headers(values: dict[str, str]) -> bytes:
    return b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode()
        for name, value in values.items()
    )


def _message(head: bytes, payload: bytes) -> bytes:
    lengths = struct.pack(">II", ENVELOPE + len(head) + len(payload), len(head))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + head + payload
    return message + struct.pack(">I", zlib.crc32(message))
