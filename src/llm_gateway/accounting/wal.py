"""The write-ahead log of one worker: records go into a mapped file, one memory copy each (docs/decisions/0014).

Written by one thread, the event loop's. What waits for the disk is done by another one (supply.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple
from zlib import crc32

from llm_gateway.accounting.owner import Owner
from llm_gateway.accounting.repair import Repaired, repair
from llm_gateway.accounting.segment import FRAME, HEADER_BYTES, LARGEST, WORD, Segment, numbers
from llm_gateway.accounting.supply import Supply

WhenFull = Literal["block", "shed"]
RESERVE = 16 << 10
PER_OPEN = 2 << 10
"""Bytes that are kept for the endings of requests that run, while there is no next segment."""
_WORD = WORD.pack_into
_PACKED = WORD.pack


class Settings(NamedTuple):
    """`size`: bytes of a segment. `fsync`, `age`: seconds; 0: never."""

    size: int = 16 << 20
    fsync: float = 0.0
    age: float = 0.0


class Wal:
    """Appends. `lost` counts the records that could not be written."""

    __slots__ = (
        "_at",
        "_base",
        "_limit",
        "_map",
        "_owner",
        "_segment",
        "_supply",
        "lost",
        "repaired",
        "rotations",
        "written",
    )

    def __init__(
        self, directory: Path, slot: int, now: Callable[[], float], settings: Settings, run: bytes | None = None
    ) -> None:
        """Repairs what an earlier run left, and begins a segment of its own. `now`: Unix seconds. A disk that refuses to give a
        segment does not stop it (`tight`). Raises owner.Taken, and OSError where the directory cannot be made.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        run = run or os.urandom(16)
        self._owner = Owner(directory, run)
        try:
            self.repaired: Repaired = repair(directory)
            first = max([self._owner.highest, *numbers(directory)]) + 1
            self._supply = Supply(
                directory, slot, run, settings.size, self._owner, now, first=first, fsync=settings.fsync, age=settings.age
            )
        except BaseException:
            self._owner.close()
            raise
        self.lost = 0
        self.written = 0
        self.rotations = 0
        self._segment: Segment | None = None
        self._map = bytearray()
        self._at = self._limit = self._base = 0
        self._supply.worn = self._wear
        self._rotate()

    def append(self, payload: bytes) -> int:
        """Write one record. Its position (`scan.Position.packed`); -1: it is lost, and counted."""
        at = self._at
        size = len(payload)
        end = at + 8 + size
        if end > self._limit or size > LARGEST:
            return self._at_the_end(payload)
        memory = self._map
        memory[at + 4 : end] = _PACKED(crc32(payload, size)) + payload
        _WORD(memory, at, size)  # last: until now there was nothing here
        self._at = end
        self.written += 1
        return self._base | at

    def tight(self, running: int) -> bool:
        """Whether there is no room for another request besides the endings of those that run (`running`)."""
        if self._supply.spare is not None:
            return False
        room = self._segment.room - self._at if self._segment is not None else 0
        return room < RESERVE + PER_OPEN * running

    @property
    def problem(self) -> OSError | None:
        """What the disk said last, if it refused."""
        return self._supply.problem

    def close(self) -> None:
        """Seals the log. Appending afterwards loses."""
        segment, self._segment = self._segment, None
        used = self._at
        self._limit = 0
        self._map = bytearray()
        if segment is not None:
            segment.seal(used)
        self._supply.close(segment, used)
        self._owner.close()

    def _at_the_end(self, payload: bytes) -> int:
        """There is no room here, or the segment has its age."""
        size = len(payload)
        if size <= LARGEST:
            if self._rotate():
                return self.append(payload)
            segment = self._segment
            if segment is not None and self._at + FRAME.size + size <= segment.room:
                self._limit = segment.room  # it is only old, and the next one is not there yet
                return self.append(payload)
        self.lost += 1
        return -1

    def _rotate(self) -> bool:
        """On to the spare segment; False: there is none."""
        before, used = self._segment, self._at
        spare = self._supply.take()
        if spare is None:
            return False
        self._segment = spare
        self._map = spare.map  # type: ignore[assignment]
        self._base = spare.number << 32
        self._at = HEADER_BYTES
        self._limit = spare.room
        if before is not None:
            before.seal(used)
            self._supply.retire(before, used)
            self.rotations += 1
        return True

    def _wear(self) -> None:
        """From the other thread: the next record goes into a new segment, unless this one is empty."""
        if self._at > HEADER_BYTES:
            self._limit = 0
