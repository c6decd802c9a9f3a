"""Reads the log of one slot while it is written, from a position that was kept. Never writes, and holds a bounded part of it.

A frame that is not whole is, at the end of what a live process writes, one that is still being written: the scan waits for it.
Anywhere else it is damage: it is told, and passed over if whole frames follow where its length says. What follows no whole frame
is the torn tail of a process that died (repair.py keeps a copy of it).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from llm_gateway.accounting.owner import running
from llm_gateway.accounting.segment import (
    FRAME,
    HEADER_BYTES,
    LARGEST,
    SEALED,
    WORD,
    Header,
    Unreadable,
    check_of,
    header_of,
    name_of,
    numbers,
)

CHUNK = 1 << 20
"""Bytes that are read at once."""


class Position(NamedTuple):
    """Where a frame begins, or may begin."""

    segment: int = 0
    offset: int = 0

    @property
    def packed(self) -> int:
        """As Wal.append tells it; greater for what was written later."""
        return self.segment << 32 | self.offset

    @classmethod
    def of(cls, packed: int) -> Position:
        return cls(packed >> 32, packed & 0xFFFFFFFF)


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One record, and the segment and the offset where it stands. `run`: of the process that wrote it."""

    segment: int
    offset: int
    run: bytes
    payload: bytes

    @property
    def at(self) -> Position:
        return Position(self.segment, self.offset)


class Damage(NamedTuple):
    """`size` bytes at `at` are not whole frames, because of `why`."""

    at: Position
    size: int
    why: str


class Batch(NamedTuple):
    """`next`: where to go on. `run`: of the segment there. `ended`: nothing more will come of that run: all of it was read."""

    frames: list[Frame]
    next: Position
    run: bytes
    ended: bool
    damages: list[Damage]


class Reader:
    """Frames of one file, read in chunks. `refresh` forgets what was read: the file is being written."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._start = 0
        self._chunk = b""
        self.size = os.fstat(fd).st_size

    def header(self) -> Header:
        """Raises Unreadable."""
        return header_of(os.pread(self._fd, HEADER_BYTES, 0))

    def refresh(self) -> None:
        self._chunk = b""
        self.size = os.fstat(self._fd).st_size

    def frame(self, offset: int) -> tuple[bytes | None, int]:
        """The payload of a frame that is whole, and where it ends; else None, and the length that is said there (0: none)."""
        at = self._at(offset, FRAME.size)
        if at < 0:
            word = self._at(offset, WORD.size)  # a seal may be the last that there is
            return None, SEALED if word >= 0 and WORD.unpack_from(self._chunk, word)[0] == SEALED else 0
        length, check = FRAME.unpack_from(self._chunk, at)
        if not 0 < length <= LARGEST:
            return None, length
        at = self._at(offset, FRAME.size + length)
        if at < 0:
            return None, length
        payload = self._chunk[at + FRAME.size : at + FRAME.size + length]
        return (payload, offset + FRAME.size + length) if check_of(payload) == check else (None, length)

    def rest(self, offset: int) -> bytes:
        """What stands from `offset` on, without the zeros at its end."""
        found = b""
        pieces = []
        while piece := os.pread(self._fd, CHUNK, offset):
            pieces.append(piece)
            offset += len(piece)
            if piece.strip(b"\0"):
                found = found + b"".join(pieces)
                pieces = []
        return found.rstrip(b"\0")

    def _at(self, offset: int, need: int) -> int:
        """Where `offset` is in the chunk, which holds `need` bytes from there on; -1: the file does not."""
        at = offset - self._start
        if at < 0 or at + need > len(self._chunk):
            self._chunk = os.pread(self._fd, CHUNK, offset)
            self._start, at = offset, 0
        return at if at + need <= len(self._chunk) else -1


class Scanner:
    """Of one slot's directory."""

    def __init__(self, directory: Path, start: Position = Position()) -> None:  # noqa: B008 - it never changes
        self._directory = directory
        self.position = start
        self._run = b""

    def quiet(self) -> bool:
        """Whether nothing can have been written behind the position: a look that takes microseconds, where `read` takes a
        hundred times as long. False where that is not sure. Raises OSError.
        """
        number, offset = self.position
        if (self._directory / name_of(number + 2)).exists():  # the next one is made ahead; another one is a new writer's
            return False
        try:
            fd = os.open(self._directory / name_of(number), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return os.pread(fd, WORD.size, max(offset, HEADER_BYTES)) == bytes(WORD.size)
        finally:
            os.close(fd)

    def read(self, most: int = 4096) -> Batch:
        """Up to so many frames, in the order in which they were written. Raises OSError."""
        frames: list[Frame] = []
        damages: list[Damage] = []
        ended = False
        while len(frames) < most:
            number = self._current()
            if number is None:
                ended = running(self._directory) != self._run and self._current() is None
                break
            if not self._read(number, most, frames, damages):
                break
        return Batch(frames, self.position, self._run, ended, damages)

    def _current(self) -> int | None:
        """The number of the segment at the position, or of the next one that there is; None: all were read."""
        known = numbers(self._directory)
        if known and known[-1] + 1 < self.position.segment:  # somebody has emptied the directory, and the log begins anew
            self.position = Position(known[0])
        for number in known:
            if number >= self.position.segment:
                if number != self.position.segment:
                    self.position = Position(number)
                return number
        return None

    def _read(self, number: int, most: int, frames: list[Frame], damages: list[Damage]) -> bool:
        """As much of a segment as is wanted and there; whether there may be more behind it."""
        try:
            fd = os.open(self._directory / name_of(number), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # it was deleted this moment
            self.position = Position(number + 1)
            return True
        try:
            reader = Reader(fd)
            try:
                self._run = reader.header().run
            except Unreadable as error:
                damages.append(Damage(Position(number), reader.size, str(error)))
                self.position = Position(number + 1)
                return True
            return self._frames(reader, number, most, frames, damages)
        finally:
            os.close(fd)

    def _frames(self, reader: Reader, number: int, most: int, frames: list[Frame], damages: list[Damage]) -> bool:
        offset = max(self.position.offset, HEADER_BYTES)
        run = self._run
        doubted = -1
        while len(frames) < most:
            payload, end = reader.frame(offset)
            if payload is not None:
                frames.append(Frame(number, offset, run, payload))
                offset = end
            elif end == SEALED:
                self.position = Position(number + 1)
                return True
            elif doubted != offset:
                if not end and running(self._directory) == run:
                    self.position = Position(number, offset)
                    return False
                doubted = offset  # it may have been written, or its writer may have ended, while it was looked at
                reader.refresh()
            elif (beyond := passed_over(reader, offset, end)) is not None:
                damages.append(Damage(Position(number, offset), beyond - offset, "a record is damaged"))
                offset = beyond
            elif running(self._directory) == run:
                self.position = Position(number, offset)
                return False
            else:
                torn = len(reader.rest(offset))
                if torn:
                    damages.append(Damage(Position(number, offset), torn, "what the process wrote last is torn"))
                self.position = Position(number + 1)
                return True
        self.position = Position(number, offset)
        return True


def passed_over(reader: Reader, offset: int, length: int) -> int | None:
    """Where the log goes on behind a damaged frame that says it has `length` bytes; None: no whole frame follows there."""
    if not 0 < length <= LARGEST:
        return None
    beyond = offset + FRAME.size + length
    payload, end = reader.frame(beyond)
    return beyond if payload is not None or end == SEALED else None
