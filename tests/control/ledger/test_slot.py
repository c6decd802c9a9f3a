"""One worker's log, as it is brought."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from control.ledger.books import Writer
from llm_gateway.accounting.scan import Position
from llm_gateway.accounting.segment import HEADER_BYTES
from llm_gateway.control.ledger.slot import PIECE, Slot, Unread


def test_what_was_not_brought_comes_again(tmp_path: Path) -> None:
    """The same parcel until it is done, however often it is asked for; then the next one."""
    writer = Writer(tmp_path)
    ids = [writer.whole() for _ in range(3)]
    slot = Slot(tmp_path / "ledger" / "0", "n/0", Position())
    first = slot.next(4)
    assert slot.next(4) is first
    assert ([row.id for row in first.rows], first.whole) == (ids[:2], False)
    slot.done()
    rest = slot.next(4)
    assert ([row.id for row in rest.rows], rest.whole) == (ids[2:], True)
    slot.done()
    assert slot.brought == rest.checkpoint
    writer.wal.close()


def test_how_much_waits(tmp_path: Path) -> None:
    """Bytes of records behind a position, over several files, without what was only allocated."""
    writer = Writer(tmp_path)
    directory = tmp_path / "ledger" / "0"
    unread = Unread(directory)
    assert unread(Position()) == 0
    begun = writer.begin()
    one = unread(Position())
    writer.end(begun)
    assert 0 < one < unread(Position()) < 1000
    assert unread(Position.of(begun[1])) == unread(Position())
    for _ in range(9000):
        writer.whole()
    assert unread(Position()) == Unread(directory)(Position()) > 1 << 20
    slot = Slot(directory, "n/0", Position())
    while not slot.next(5000).whole:
        slot.done()
    slot.done()
    assert slot.waiting() == 0
    assert slot.size() > 1 << 20
    writer.wal.close()


def test_a_look_at_what_waits_reads_what_is_new_and_never_a_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics ask for it at every scrape: a file has 16 MB, and what was looked at before is not looked at again."""
    writer = Writer(tmp_path)
    for _ in range(3000):
        writer.whole()
    seen = []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, at: seen.append(pread(fd, size, at)) or seen[-1])
    unread = Unread(tmp_path / "ledger" / "0")
    first = unread(Position())
    assert sum(map(len, seen)) > first > 5 * PIECE
    assert max(map(len, seen)) <= PIECE
    seen.clear()
    assert unread(Position()) == first
    assert sum(map(len, seen)) <= 3 * PIECE
    writer.whole()
    assert unread(Position()) > first
    writer.wal.close()


def test_a_log_that_begins_anew_is_looked_at_anew(tmp_path: Path) -> None:
    """Another file of the same number, after somebody emptied the directory, is not taken for the one that was seen."""
    directory = tmp_path / "ledger" / "0"
    writer = Writer(tmp_path)
    for _ in range(20):
        writer.whole()
    unread = Unread(directory)
    assert unread(Position()) > 0
    writer.wal.close()
    kept = {file.name: file.read_bytes()[:HEADER_BYTES] for file in directory.glob("*.wal")}
    for name, header in kept.items():
        (directory / f"{name}.new").write_bytes(header + bytes(100))
        (directory / f"{name}.new").replace(directory / name)
    assert unread(Position()) == 0
