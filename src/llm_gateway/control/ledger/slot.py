"""One worker's log as it is brought into the store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from llm_gateway.accounting.fold import Fold
from llm_gateway.accounting.logs import expire
from llm_gateway.accounting.scan import Damage, Position, Scanner
from llm_gateway.accounting.segment import FRAME, HEADER_BYTES, LARGEST, SEALED, WORD, name_of, numbers
from llm_gateway.config.schema.ledger import Ledger as Section
from llm_gateway.core.ledger import LedgerRow

PIECE = 64 << 10
"""Bytes that are read at once where only lengths matter."""


class Parcel(NamedTuple):
    """What one transaction brings. `whole`: the log was read to its end."""

    rows: list[LedgerRow]
    checkpoint: Position
    damages: list[Damage]
    whole: bool


class Slot:
    """Read in order; what was read and not yet brought is kept until it is, so that a store that is away loses nothing."""

    def __init__(self, directory: Path, source: str, start: Position) -> None:
        self.directory = directory
        self.source = source
        """Its name in the store."""
        self.brought = start
        """Up to here everything is in the store."""
        self._scanner = Scanner(directory, start)
        self._fold = Fold(start)
        self._parcel: Parcel | None = None
        self._unread = Unread(directory)

    @property
    def running(self) -> int:
        """Requests that run."""
        return self._fold.running

    @property
    def unknown(self) -> int:
        """Records that nobody here can read."""
        return self._fold.unknown

    @property
    def orphans(self) -> int:
        """Outcomes whose beginning is lost."""
        return self._fold.orphans

    def quiet(self) -> bool:
        """Whether all is in the store and nothing runs. Raises OSError."""
        return self._parcel is None and not self._fold.running and self._scanner.quiet()

    def next(self, most: int) -> Parcel:
        """What comes next: the same again until it was `done`. In a thread of its own: it reads files. Raises OSError."""
        if self._parcel is None:
            batch = self._scanner.read(most)
            rows = self._fold.take(batch)
            self._parcel = Parcel(rows, self._fold.checkpoint, batch.damages, len(batch.frames) < most)
        return self._parcel

    def done(self) -> None:
        """It is in the store."""
        assert self._parcel is not None  # noqa: S101 - the caller had it
        self.brought = self._parcel.checkpoint
        self._parcel = None

    def expire(self, section: Section, now: float) -> int:
        """Deletes files that are in the store and old enough; how many. Raises OSError."""
        return expire(self.directory, self.brought, section, now)

    def waiting(self) -> int:
        """Bytes of the log that are not in the store. Raises OSError."""
        return self._unread(self.brought)

    def size(self) -> int:
        """Bytes that its files have on the disk. Raises OSError."""
        return sum((self.directory / name_of(number)).stat().st_size for number in numbers(self.directory))


class Unread:
    """Bytes of a log's records behind a position. One that is kept looks at each record once, however often it is asked; it never
    holds more than PIECE of a file.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ends: dict[int, tuple[int, int]] = {}
        """Of each segment, which file it was, and where what was written ended."""

    def __call__(self, start: Position) -> int:
        """Raises OSError."""
        found = 0
        ends: dict[int, tuple[int, int]] = {}
        for number in numbers(self._directory):
            if number < start.segment:
                continue
            begin = max(start.offset, HEADER_BYTES) if number == start.segment else HEADER_BYTES
            try:
                fd = os.open(self._directory / name_of(number), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:  # deleted this moment
                continue
            try:
                file = os.fstat(fd).st_ino
                known, end = self._ends.get(number, (file, 0))
                end = _written(fd, max(begin, end) if known == file else begin)
            finally:
                os.close(fd)
            ends[number] = file, end
            found += end - begin
        self._ends = ends
        return found


def _written(fd: int, offset: int) -> int:
    """Where what was written ends. Lengths alone are looked at."""
    piece, start = b"", offset
    while True:
        at = offset - start
        if at + FRAME.size > len(piece):
            piece, start, at = os.pread(fd, PIECE, offset), offset, 0
            if len(piece) < FRAME.size:
                return offset
        length: int = WORD.unpack_from(piece, at)[0]
        if length == SEALED or not 0 < length <= LARGEST:
            return offset
        offset += FRAME.size + length
