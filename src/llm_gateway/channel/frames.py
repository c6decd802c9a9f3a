"""Frames: a length (4 bytes, big-endian), a kind (1 byte), and a msgpack body.

ask       [number, method, body]     an answer or a failure with the same number follows
answer    [number, body]
failure   [number, kind, text]
tell      [topic, body]              nothing follows
bulk      [topic, body]              the same, and it may be large
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import msgspec

ASK, ANSWER, FAILURE, TELL, BULK = range(1, 6)
MOST = 1 << 20
"""Bytes of a frame's body."""
MOST_BULK = 256 << 20
"""The same for bulk: a snapshot with all keys in it."""
_HEAD = struct.Struct(">IB")
_LIMITS = MappingProxyType({ASK: MOST, ANSWER: MOST, FAILURE: MOST, TELL: MOST, BULK: MOST_BULK})


class BadFrame(Exception):
    """What the other side sent, or was about to be sent, is no frame; the message says why."""


def frame(kind: int, body: Any) -> bytes:
    """One frame. Raises BadFrame where it would be too large, or holds what msgpack cannot."""
    try:
        data = msgspec.msgpack.encode(body)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadFrame(f"a message cannot be written: {error}") from None
    if len(data) > _LIMITS[kind]:
        raise BadFrame(f"a message of {len(data)} bytes is too large; {_LIMITS[kind]} are allowed")
    return _HEAD.pack(len(data), kind) + data


class Frames:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._wanted = _HEAD.size

    def feed(self, data: bytes) -> Iterator[tuple[int, Any]]:
        """The frames that are complete now: (kind, body). Raises BadFrame; nothing can be read after that."""
        self._held += data
        while len(self._held) >= self._wanted:
            length, kind = _HEAD.unpack_from(self._held)
            if length > _LIMITS.get(kind, -1):
                raise BadFrame(f"a frame of kind {kind} with {length} bytes")
            self._wanted = _HEAD.size + length
            if len(self._held) < self._wanted:
                return
            with memoryview(self._held) as view:
                body = bytes(view[_HEAD.size : self._wanted])
            del self._held[: self._wanted]
            self._wanted = _HEAD.size
            try:
                yield kind, msgspec.msgpack.decode(body)
            except msgspec.DecodeError:
                raise BadFrame(f"a frame of kind {kind} that is no msgpack") from None
