"""One file of the write-ahead log: a header, then frames.

    header   64 bytes: magic, version, slot, number, run, moment, CRC-32 of all that
    frame    length (u32), CRC-32 (u32) of the length and the payload, payload; little-endian
    sealed   a length of 0xFFFFFFFF: nothing more comes, the log goes on in the segment of the next number
    zero     a length of 0: nothing more was written yet

The file has its full size from the beginning, allocated on the disk, so that a full disk shows there and never as a signal while
a record is written. A frame is copied into the mapped file without a system call, its length last: what a killed process has
written is in the kernel's hands and stays.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

MAGIC = b"LGWLEDGR"
VERSION = 1
_HEADER = struct.Struct("<8sHHQ16sQ16x")
HEADER_BYTES = _HEADER.size + 4
WORD = struct.Struct("<I")
FRAME = struct.Struct("<II")
SEALED = 0xFFFFFFFF
LARGEST = 64 << 10
"""Bytes of a payload."""
SMALLEST_SEGMENT = 1 << 20
_NAME = re.compile(r"([0-9]{12})\.wal")


class Unreadable(Exception):
    """A file that is no segment; the message says why."""


class Header(NamedTuple):
    """`run`: of the process that writes it. `made`: Unix milliseconds."""

    slot: int
    number: int
    run: bytes
    made: int

    def packed(self) -> bytes:
        fields = _HEADER.pack(MAGIC, VERSION, self.slot, self.number, self.run, self.made)
        return fields + WORD.pack(crc32(fields))


def header_of(data: bytes) -> Header:
    """Of a file's first bytes. Raises Unreadable."""
    if len(data) < HEADER_BYTES:
        raise Unreadable("it is shorter than a header")
    magic, version, slot, number, run, made = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise Unreadable("it is no segment of a ledger")
    if WORD.unpack_from(data, _HEADER.size)[0] != crc32(data[: _HEADER.size]):
        raise Unreadable("its header is damaged")
    if version != VERSION:
        raise Unreadable(f"it has version {version} of the format, this program reads {VERSION}")
    return Header(slot, number, run, made)


def check_of(payload: bytes) -> int:
    """The CRC of a frame. It covers the length, too."""
    return crc32(payload, len(payload))


class Segment:
    """A segment that is being written. Only its maker's thread writes; any thread may `finish` it, once, afterwards."""

    __slots__ = ("fd", "map", "number", "path", "room")

    def __init__(self, path: Path, fd: int, size: int, number: int) -> None:
        self.path = path
        self.fd = fd
        self.number = number
        self.room = size - WORD.size
        """Where frames must end: behind them there is room for the seal."""
        self.map = mmap.mmap(fd, size)

    def seal(self, at: int) -> None:
        """No frame comes at `at`, nor anywhere behind it."""
        WORD.pack_into(self.map, at, SEALED)

    def finish(self, used: int | None, *, sync: bool) -> None:
        """Let go of the file. `used`: where its seal stands, behind which it is cut off; None: it has none. Raises OSError."""
        try:
            self.map.close()
            if used is not None:
                os.ftruncate(self.fd, used + WORD.size)
            if sync:
                os.fdatasync(self.fd)
        finally:
            os.close(self.fd)


def create(directory: Path, header: Header, size: int) -> Segment:
    """A new segment, all of it allocated. Raises OSError, and leaves nothing behind then."""
    path = directory / name_of(header.number)
    draft = path.with_suffix(".new")
    fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, size)
        os.pwrite(fd, header.packed(), 0)
        draft.rename(path)
        return Segment(path, fd, size, header.number)
    except BaseException:
        os.close(fd)
        draft.unlink(missing_ok=True)
        raise


def name_of(number: int) -> str:
    return f"{number:012d}.wal"


def numbers(directory: Path) -> list[int]:
    """Of the segments that are there, in order. Raises OSError but for a directory that is missing."""
    try:
        names = [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(found[1]) for found in map(_NAME.fullmatch, names) if found)
