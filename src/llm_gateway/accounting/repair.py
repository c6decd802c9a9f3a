"""What a process that died left of its log, put in order before the next one begins. Nothing is thrown away: what is not a whole
record is copied beside (`.torn`), what is no segment is set aside (`.damaged`), and both are counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llm_gateway.accounting.scan import Reader, passed_over
from llm_gateway.accounting.segment import HEADER_BYTES, SEALED, WORD, Unreadable, name_of, numbers


class Repaired(NamedTuple):
    """How many segments were sealed, unused ones removed, files set aside, and bytes copied; and what could not be done."""

    sealed: int = 0
    removed: int = 0
    set_aside: int = 0
    torn: int = 0
    failed: tuple[str, ...] = ()


def repair(directory: Path) -> Repaired:
    """All segments of a slot that nobody writes. Whoever calls it owns the slot. Raises OSError if it cannot be listed."""
    done = Repaired()
    for draft in directory.glob("*.new"):
        draft.unlink(missing_ok=True)
    for number in numbers(directory):
        path = directory / name_of(number)
        try:
            one = _repaired(path)
        except OSError as error:  # a full disk: it stays as it is, and readers find its end by themselves
            one = Repaired(failed=(f"{path.name}: {error.strerror}",))
        done = Repaired(*(mine + more for mine, more in zip(done, one, strict=True)))  # type: ignore[operator]
    return done


def quarantined(directory: Path) -> list[Path]:
    """What was copied or set aside, for people to look at."""
    return sorted((*directory.glob("*.torn"), *directory.glob("*.damaged")))


def _repaired(path: Path) -> Repaired:
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        reader = Reader(fd)
        try:
            reader.header()
        except Unreadable:
            path.rename(path.with_suffix(".damaged"))
            return Repaired(set_aside=1)
        torn = 0
        end = HEADER_BYTES
        for offset, size in _damages(reader):
            torn += size
            if size:
                _copy(path.with_suffix(f".{offset}.torn"), os.pread(fd, size, offset))
            end = offset
        if _is_sealed(reader, end):
            return Repaired(torn=torn)
        if end == HEADER_BYTES and not torn:
            path.unlink()
            return Repaired(removed=1)
        os.ftruncate(fd, end)
        os.pwrite(fd, WORD.pack(SEALED), end)
        os.fdatasync(fd)
        return Repaired(sealed=1, torn=torn)
    finally:
        os.close(fd)


def _damages(reader: Reader) -> Iterator[tuple[int, int]]:
    """Where there is damage, and how many bytes of it; the last is where whole frames end, with what stands behind that."""
    offset = HEADER_BYTES
    while True:
        payload, end = reader.frame(offset)
        if payload is not None:
            offset = end
        elif end == SEALED:
            yield offset, 0
            return
        elif (beyond := passed_over(reader, offset, end)) is not None:
            yield offset, beyond - offset
            offset = beyond
        else:
            yield offset, len(reader.rest(offset))
            return


def _is_sealed(reader: Reader, offset: int) -> bool:
    return reader.frame(offset) == (None, SEALED)


def _copy(path: Path, data: bytes) -> None:
    """Again after every start: the same bytes in the same file."""
    if path.exists() and path.read_bytes() == data:
        return
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        while data:
            data = data[os.write(fd, data) :]
        os.fsync(fd)
    finally:
        os.close(fd)
