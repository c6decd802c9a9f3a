"""One worker's log, as it is brought."""

from __future__ import annotations

from pathlib import Path

from control.ledger.books import Writer
from llm_gateway.accounting.scan import Position
from llm_gateway.control.ledger.slot import Slot, unread


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
    assert unread(directory, Position()) == 0
    begun = writer.begin()
    one = unread(directory, Position())
    writer.end(begun)
    assert 0 < one < unread(directory, Position()) < 1000
    assert unread(directory, Position.of(begun[1])) == unread(directory, Position())
    for _ in range(9000):
        writer.whole()
    assert unread(directory, Position()) > 1 << 20
    slot = Slot(directory, "n/0", Position())
    while not slot.next(5000).whole:
        slot.done()
    slot.done()
    assert slot.waiting() == 0
    assert slot.size() > 1 << 20
    writer.wal.close()
