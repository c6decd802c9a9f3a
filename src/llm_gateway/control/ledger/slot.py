"""One worker's log as it is brought into the store."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from llm_gateway.accounting.fold import Fold
from llm_gateway.accounting.logs import expire
from llm_gateway.accounting.scan import Damage, Position, Scanner
from llm_gateway.accounting.segment import FRAME, HEADER_BYTES, LARGEST, SEALED, WORD, name_of, numbers
from llm_gateway.config.schema.ledger import Ledger as Section
from llm_gateway.core.ledger import LedgerRow


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
        return unread(self.directory, self.brought)

    def size(self) -> int:
        """Bytes that its files have on the disk. Raises OSError."""
        return sum((self.directory / name_of(number)).stat().st_size for number in numbers(self.directory))


def unread(directory: Path, start: Position) -> int:
    """Bytes of records behind a position. Raises OSError."""
    found = 0
    for number in numbers(directory):
        if number < start.segment:
            continue
        begin = max(start.offset, HEADER_BYTES) if number == start.segment else HEADER_BYTES
        try:
            with (directory / name_of(number)).open("rb") as file:
                found += _written(file.read(), begin) - begin
        except FileNotFoundError:  # deleted this moment
            continue
    return found


def _written(data: bytes, offset: int) -> int:
    """Where what was written ends. Lengths alone are looked at."""
    while offset + FRAME.size <= len(data):
        length: int = WORD.unpack_from(data, offset)[0]
        if length == SEALED or not 0 < length <= LARGEST:
            break
        offset += FRAME.size + length
    return offset
