"""What a process that died left is put in order, and nothing of it is thrown away."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.damaged import SIZE, framed, offsets, read_all, segment
from accounting_support import log
from llm_gateway.accounting.repair import Repaired, quarantined, repair
from llm_gateway.accounting.segment import FRAME, name_of

PAYLOADS = [b"record %d" % number for number in range(20)]


def test_a_dead_run_is_sealed(tmp_path: Path) -> None:
    """Its segment is cut behind the last record, so that readers need not look whether it lives; again it changes nothing."""
    path = segment(tmp_path, PAYLOADS)
    assert repair(tmp_path) == Repaired(sealed=1)
    assert path.stat().st_size == offsets(PAYLOADS)[-1] + 4
    assert repair(tmp_path) == Repaired()
    assert [frame.payload for frame in read_all(tmp_path).frames] == PAYLOADS


def test_a_torn_tail_is_kept(tmp_path: Path) -> None:
    """The bytes behind the last whole record are copied beside before they are cut off."""
    torn = framed(b"half of a record")[:-5]
    segment(tmp_path, PAYLOADS, tail=torn)
    assert repair(tmp_path) == Repaired(sealed=1, torn=len(torn))
    (kept,) = quarantined(tmp_path)
    assert kept.read_bytes() == torn
    assert read_all(tmp_path).damages == []


def test_a_damaged_record_is_kept(tmp_path: Path) -> None:
    """A record that is damaged between whole ones is copied; those behind it stay where they are."""
    path = segment(tmp_path, PAYLOADS)
    data = bytearray(path.read_bytes())
    start, end = offsets(PAYLOADS)[5:7]
    data[start + FRAME.size] ^= 1
    path.write_bytes(data)
    assert repair(tmp_path) == Repaired(sealed=1, torn=end - start)
    assert [kept.read_bytes() for kept in quarantined(tmp_path)] == [bytes(data[start:end])]
    assert len(read_all(tmp_path).frames) == len(PAYLOADS) - 1


def test_unused_segments_go(tmp_path: Path) -> None:
    """A segment that was ready and never written, and a draft of one, are removed."""
    segment(tmp_path, [], 1)
    (tmp_path / "000000000002.new").write_bytes(b"draft")
    assert repair(tmp_path) == Repaired(removed=1)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_segment_is_set_aside(tmp_path: Path) -> None:
    """A file whose header cannot be read is kept under another name."""
    (tmp_path / name_of(4)).write_bytes(b"not a segment")
    assert repair(tmp_path) == Repaired(set_aside=1)
    assert [path.name for path in quarantined(tmp_path)] == ["000000000004.damaged"]


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be copied is not cut off; it is told, and readers find the end by themselves."""
    torn = framed(b"half of a record")[:-5]
    path = segment(tmp_path, PAYLOADS, tail=torn)
    before = path.read_bytes()

    def full(*_args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert repair(tmp_path).failed == ("000000000001.wal: No space left on device",)
    assert path.read_bytes() == before
    assert len(read_all(tmp_path).frames) == len(PAYLOADS)


def test_a_worker_repairs_when_it_starts(tmp_path: Path) -> None:
    """And says what it found; its own records come after all of that."""
    segment(tmp_path, PAYLOADS, tail=b"\x07")
    wal = log(tmp_path)
    assert wal.repaired == Repaired(sealed=1, torn=1)
    wal.append(b"mine")
    wal.close()
    assert [frame.payload for frame in read_all(tmp_path).frames] == [*PAYLOADS, b"mine"]


@given(
    flips=st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(1, 255)), max_size=5),
    cut=st.none() | st.integers(0, SIZE),
)
def test_repair_changes_nothing_that_can_be_read(flips: list[tuple[int, int]], cut: int | None) -> None:
    """Whatever happened to a segment, the same records are read before and after it was repaired."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = segment(directory, PAYLOADS)
        data = bytearray(path.read_bytes())
        for place, change in flips:
            data[place] ^= change
        path.write_bytes(data[:cut])
        before = [frame.payload for frame in read_all(directory).frames]
        assert repair(directory).failed == ()
        assert [frame.payload for frame in read_all(directory).frames] == before
        assert repair(directory).sealed == 0
