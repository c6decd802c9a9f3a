"""The files of the log."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from llm_gateway.accounting.segment import HEADER_BYTES, Header, Unreadable, create, header_of, name_of, numbers

HEADER = Header(3, 7, b"r" * 16, 1_700_000_000_000)


def test_a_header_is_read_as_it_was_written() -> None:
    """Slot, number, run and moment, in 64 bytes; any other byte in it is noticed."""
    packed = HEADER.packed()
    assert len(packed) == HEADER_BYTES == 60 + 4
    assert header_of(packed + b"frames") == HEADER
    for place in range(HEADER_BYTES):
        with pytest.raises(Unreadable):
            header_of(packed[:place] + bytes([packed[place] ^ 1]) + packed[place + 1 :])
    with pytest.raises(Unreadable, match="shorter"):
        header_of(packed[:-1])


def test_a_segment_is_allocated_whole(tmp_path: Path) -> None:
    """All of its blocks are the file's before anything is written, and only its owner may read it."""
    made = create(tmp_path, HEADER, 1 << 20)
    about = made.path.stat()
    assert about.st_size == 1 << 20
    assert about.st_blocks * 512 >= 1 << 20
    assert about.st_mode & 0o777 == 0o600
    made.seal(HEADER_BYTES)
    made.finish(HEADER_BYTES, sync=True)
    assert made.path.stat().st_size == HEADER_BYTES + 4
    assert made.path.read_bytes()[HEADER_BYTES:] == b"\xff" * 4


def test_a_disk_without_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is told, no file stays, and no descriptor."""

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="full"):
        create(tmp_path, HEADER, 1 << 20)
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_numbers(tmp_path: Path) -> None:
    """Those of segments, in order; other files have none."""
    for name in (name_of(10), name_of(9), "lock", "000000000001.torn", "1.wal"):
        (tmp_path / name).touch()
    assert numbers(tmp_path) == [9, 10]
    assert numbers(tmp_path / "none") == []
