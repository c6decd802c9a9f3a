"""Many small records in one bytes object, found by a key of fixed width. Nothing is decoded, or made into an object, before it
is asked for.

    head      number of records, width of a key, bits of the index, bytes of all records
    keys      sorted; they are digests, so that they are spread evenly
    index     where the keys begin whose first `bits` bits are 0, 1, 2 ...
    offsets   where each record begins, and where the last one ends
    records

Numbers are little-endian. A key is searched for by `bytes.find` among the few that share its first bits, which is faster than
any loop in Python. Against someone who could time that: keys are digests under a secret, so that nobody can choose one.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from struct import Struct

_HEAD = Struct("<IIIQ")
_WIDEST = 64
_PER_BUCKET = 8
"""About how many keys share their first bits."""
_MOST_BITS = 24


class Unusable(Exception):
    """Bytes that are no directory, or a directory that cannot be used; the message says why."""


class Packed:
    """Key -> record. Immutable."""

    __slots__ = ("_blob", "_keys", "_offsets", "_records", "_shift", "_starts", "_width", "end", "size")

    def __init__(self, blob: bytes, at: int = 0) -> None:
        """Begins at `at` in `blob`. Raises Unusable where that cannot be."""
        if len(blob) - at < _HEAD.size:
            raise Unusable("it ends too early")
        size, width, bits, length = _HEAD.unpack_from(blob, at)
        if not 1 <= width <= _WIDEST or bits > _MOST_BITS:
            raise Unusable("its table is of another kind")
        self._blob = blob
        self.size: int = size
        self._width: int = width
        self._shift = 32 - bits
        self._keys = at + _HEAD.size
        index = self._keys + size * width
        offsets = index + 4 * ((1 << bits) + 1)
        self._records = offsets + 4 * (size + 1)
        self.end: int = self._records + length
        """Where what follows begins."""
        if self.end > len(blob):
            raise Unusable("it ends too early")
        self._starts = _numbers(blob, index, offsets)
        self._offsets = _numbers(blob, offsets, self._records)
        if self._starts[-1] != size or self._offsets[-1] != length:
            raise Unusable("its table does not fit together")

    def find(self, key: bytes) -> bytes | None:
        """The record of `key`, which has the table's width."""
        width, first = self._width, self._keys
        bucket = int.from_bytes(key[:4], "big") >> self._shift
        starts = self._starts
        start, end = first + starts[bucket] * width, first + starts[bucket + 1] * width
        at = self._blob.find(key, start, end)
        while at >= 0:
            row, over = divmod(at - first, width)
            if not over:
                return self.record(row)
            at = self._blob.find(key, at + 1, end)  # it began within another one: as likely as two equal digests
        return None

    def record(self, row: int) -> bytes:
        """The record in this row. Raises IndexError."""
        offsets = self._offsets
        return self._blob[self._records + offsets[row] : self._records + offsets[row + 1]]

    def key(self, row: int) -> bytes:
        """The key in this row. Raises IndexError."""
        if not 0 <= row < self.size:
            raise IndexError(row)
        at = self._keys + row * self._width
        return self._blob[at : at + self._width]


def pack(rows: Iterable[tuple[bytes, bytes]], width: int) -> bytes:
    """A table of keys of `width` bytes, four at least, and their records, in any order. Raises Unusable for what is too large.

    Of equal keys one is found; which one is not said.
    """
    ordered = sorted(rows)
    keys = [key for key, _ in ordered]
    records = [record for _, record in ordered]
    size = len(keys)
    bits = min(max((size // _PER_BUCKET).bit_length(), 0), _MOST_BITS)
    try:
        offsets = array("I", accumulate(map(len, records), initial=0))
    except OverflowError:
        raise Unusable("it is too large") from None
    joined = b"".join(keys)
    if len(joined) != size * width:
        raise Unusable("a key has another width than the others")
    starts, shift, place = array("I", [0]), 32 - bits, 0
    for bucket in range(1, 1 << bits):
        place = bisect_left(keys, (bucket << shift).to_bytes(4, "big"), place)
        starts.append(place)
    starts.append(size)
    head = _HEAD.pack(size, width, bits, offsets[-1])
    return b"".join([head, joined, _bytes(starts), _bytes(offsets), *records])


def _numbers(blob: bytes, start: int, end: int) -> array[int]:
    numbers = array("I")
    numbers.frombytes(memoryview(blob)[start:end])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _bytes(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers = array("I", numbers)
        numbers.byteswap()
    return numbers.tobytes()
