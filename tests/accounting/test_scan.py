"""Reading a log that is written, cut, flipped, or not one at all."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from accounting.damaged import SIZE, framed, offsets, read_all, segment
from accounting_support import log
from llm_gateway.accounting.scan import Position, Scanner
from llm_gateway.accounting.segment import FRAME, HEADER_BYTES, name_of

PAYLOADS = [b"%d" % number + b"-" * (number % 50) for number in range(100)]


def payloads(directory: Path) -> list[bytes]:
    return [frame.payload for frame in read_all(directory).frames]


def test_a_live_log_is_waited_for(tmp_path: Path) -> None:
    """At the end of what a process writes the scan stops, and goes on there when there is more; the run has not ended."""
    wal = log(tmp_path)
    scanner = Scanner(tmp_path)
    assert scanner.read().frames == []
    for number in range(5):
        wal.append(b"%d" % number)
        batch = scanner.read()
        assert [frame.payload for frame in batch.frames] == [b"%d" % number]
        assert not batch.ended
        assert batch.next.packed > batch.frames[0].at.packed
    wal.close()
    assert scanner.read().ended


def test_a_log_is_quiet_only_when_nothing_is_behind(tmp_path: Path) -> None:
    """Not before it was read, not when a record is there, not at the end of a segment, and not when a new process writes on."""
    wal = log(tmp_path)
    scanner = Scanner(tmp_path)
    assert not scanner.quiet()
    scanner.read()
    assert scanner.quiet()
    wal.append(b"one")
    assert not scanner.quiet()
    scanner.read()
    assert scanner.quiet()
    while not wal._rotate():  # the next segment is made by a thread
        time.sleep(0.001)
    assert not scanner.quiet()
    scanner.read()
    assert scanner.quiet()
    wal.close()
    assert not scanner.quiet()
    scanner.read()
    again = log(tmp_path)
    assert not scanner.quiet()
    again.append(b"two")
    assert [frame.payload for frame in scanner.read().frames] == [b"two"]
    assert scanner.quiet()
    again.close()


def test_it_goes_on_from_a_kept_position(tmp_path: Path) -> None:
    """A position that was kept as a number is where another scanner begins."""
    segment(tmp_path, PAYLOADS)
    first = Scanner(tmp_path).read(40)
    rest = Scanner(tmp_path, Position.of(first.next.packed)).read()
    assert [frame.payload for frame in first.frames + rest.frames] == PAYLOADS


def test_few_at_a_time(tmp_path: Path) -> None:
    """However small the batches, all frames come, each once, over the ends of segments, too."""
    segment(tmp_path, PAYLOADS[:50], 1)
    segment(tmp_path, PAYLOADS[50:], 7)
    assert [frame.payload for frame in read_all(tmp_path, 3).frames] == PAYLOADS


def test_a_record_that_is_not_whole_yet(tmp_path: Path) -> None:
    """Of a live process it may still be written: nothing is said of it, and it is read when it is there."""
    wal = log(tmp_path)
    wal.append(b"first")
    whole = framed(b"second")
    path = tmp_path / name_of(1)
    with path.open("r+b") as file:
        file.seek(wal._at)
        file.write(whole[:-2])
    scanner = Scanner(tmp_path)
    batch = scanner.read()
    assert ([frame.payload for frame in batch.frames], batch.damages, batch.ended) == ([b"first"], [], False)
    wal.append(b"second")
    assert [frame.payload for frame in scanner.read().frames] == [b"second"]
    wal.close()


def test_the_torn_tail_of_a_dead_run(tmp_path: Path) -> None:
    """Is told with its size, and what comes after it in later segments is read."""
    segment(tmp_path, PAYLOADS[:10], 1, tail=framed(b"torn")[:-2])
    segment(tmp_path, PAYLOADS[10:20], 2)
    batch = read_all(tmp_path)
    assert [frame.payload for frame in batch.frames] == PAYLOADS[:20]
    assert [(damage.at.segment, damage.size) for damage in batch.damages] == [(1, 10)]


def test_a_damaged_record_between_whole_ones(tmp_path: Path) -> None:
    """One flipped bit of a payload costs one record, which is told."""
    path = segment(tmp_path, PAYLOADS)
    data = bytearray(path.read_bytes())
    data[offsets(PAYLOADS)[30] + FRAME.size] ^= 4
    path.write_bytes(data)
    batch = read_all(tmp_path)
    assert [frame.payload for frame in batch.frames] == PAYLOADS[:30] + PAYLOADS[31:]
    assert [(damage.at.offset, damage.size) for damage in batch.damages] == [
        (offsets(PAYLOADS)[30], FRAME.size + len(PAYLOADS[30])),
    ]


def test_files_that_are_no_segments(tmp_path: Path) -> None:
    """A foreign file, an empty one and one with a damaged header are told; the others are read."""
    segment(tmp_path, PAYLOADS[:10], 3)
    (tmp_path / name_of(1)).write_bytes(b"")
    (tmp_path / name_of(2)).write_bytes(b"something else entirely " * 100)
    header = bytearray(segment(tmp_path, PAYLOADS[10:], 4).read_bytes())
    header[12] ^= 1
    (tmp_path / name_of(4)).write_bytes(header)
    (tmp_path / "000000000005.wal~").write_bytes(b"x")
    batch = read_all(tmp_path)
    assert [frame.payload for frame in batch.frames] == PAYLOADS[:10]
    assert [(damage.at.segment, damage.why) for damage in batch.damages] == [
        (1, "it is shorter than a header"),
        (2, "it is no segment of a ledger"),
        (4, "its header is damaged"),
    ]


def test_a_later_format_is_not_guessed_at(tmp_path: Path) -> None:
    """A segment of another version of the format says so."""
    from zlib import crc32

    data = bytearray(segment(tmp_path, PAYLOADS).read_bytes())
    data[8] = 2
    data[60:64] = crc32(data[:60]).to_bytes(4, "little")
    (tmp_path / name_of(1)).write_bytes(data)
    (damage,) = read_all(tmp_path).damages
    assert damage.why == "it has version 2 of the format, this program reads 1"


def test_no_log_at_all(tmp_path: Path) -> None:
    """A slot that never had a worker is empty, not an error."""
    batch = Scanner(tmp_path / "none").read()
    assert (batch.frames, batch.damages) == ([], [])


def test_a_directory_that_was_emptied(tmp_path: Path) -> None:
    """Numbers that begin anew are read from the first: to read twice does no harm, to miss does."""
    segment(tmp_path, PAYLOADS[:5], 1)
    assert len(Scanner(tmp_path, Position(900, 77)).read().frames) == 5


def test_segments_larger_than_what_is_read_at_once(tmp_path: Path) -> None:
    """Frames that lie over the end of a chunk are read like the others."""
    wal = log(tmp_path)
    written = [bytes([number % 256]) * 9_999 for number in range(100)]
    for payload in written:
        assert wal.append(payload) > 0
    assert [frame.payload for frame in Scanner(tmp_path).read().frames] == written
    wal.close()


@given(
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=40),
    flips=st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, 7)), max_size=4),
    cut=st.none() | st.integers(0, SIZE),
    most=st.integers(1, 50),
)
def test_whatever_happens_to_the_bytes(sizes: list[int], flips: list[tuple[int, int]], cut: int | None, most: int) -> None:
    """The scan never fails, never makes a record up, ends, and gives every record before the first damage."""
    written = [bytes([number]) * size for number, size in enumerate(sizes)]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = segment(directory, written)
        data = bytearray(path.read_bytes())
        for place, bit in flips:
            data[place] ^= 1 << bit
        path.write_bytes(data[:cut])
        batch = read_all(directory, most)
        found = [frame.payload for frame in batch.frames]
        first = min([place for place, _ in flips] + [SIZE if cut is None else cut])
        whole = sum(end <= first for end in offsets(written)[1:])
        assert found[:whole] == written[:whole] or first < HEADER_BYTES
        remaining = iter(written)
        assert all(payload in remaining for payload in found), "a record that nobody wrote, or out of order"
