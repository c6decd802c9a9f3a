"""The audit log's folder: rotation, crashes, deletion, tampering."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path

import pytest

from control.audit_support import AT, BEGINNING, FOREIGN, chained, end, files
from llm_gateway.control.audit import Entry, Point


def filled(folder: Path, count: int = 10, **rules: int) -> list[Entry]:
    entries = chained(count)
    made = files(folder, **rules)
    made.open()
    for entry in entries:
        made.append([entry])
    made.close()
    return entries


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_entries_are_there_after_a_restart(tmp_path: Path) -> None:
    """In order, verifiable, and the chain goes on."""
    entries = filled(tmp_path)
    again = files(tmp_path)
    opened = again.open()
    assert (opened.at, opened.found) == (end(entries), ())
    again.append(chained(5, behind=opened.at))
    again.close()
    assert (again.check().count, again.check().broken) == (15, None)
    assert [entry.seq for entry in again.read(after=8) if isinstance(entry, Entry)] == list(range(9, 16))
    assert [entry.seq for entry in again.last(3)] == [13, 14, 15]


def test_files_are_rotated_and_compressed(tmp_path: Path) -> None:
    """By size and by age; everything stays readable in order, and the head is one."""
    entries = filled(tmp_path / "size", file_size=1500)
    assert sum(name.endswith(".gz") for name in names(tmp_path / "size")) > 2
    made = files(tmp_path / "size")
    assert [*made.read()] == entries
    assert made.check().broken is None
    assert [entry.seq for entry in made.last(9)] == list(range(2, 11))
    filled(tmp_path / "age", file_age=4)
    assert names(tmp_path / "age") == ["audit-000000000001.jsonl.gz", "audit-000000000006.jsonl", "head.json"]


@pytest.mark.parametrize("half", [b'{"seq":11,"timest', b"\0\0\0"])
def test_half_a_line_of_a_crash_is_put_aside(tmp_path: Path, half: bytes) -> None:
    """It was never told to anybody; the chain goes on behind what was."""
    entries = filled(tmp_path)
    with (tmp_path / "audit-000000000001.jsonl").open("ab") as file:
        file.write(half)
    assert files(tmp_path).check().broken is None
    again = files(tmp_path)
    opened = again.open()
    assert (opened.at, len(opened.found)) == (end(entries), 1)
    again.append(chained(1, behind=opened.at))
    again.close()
    assert again.check().count == 11
    assert half in [path.read_bytes() for path in tmp_path.glob("torn-*")]


def test_a_crash_between_entries_and_head(tmp_path: Path) -> None:
    """What is behind the head is kept, if it is ours."""
    filled(tmp_path, 5)
    head = (tmp_path / "head.json").read_bytes()
    again = files(tmp_path)
    again.append(chained(5, behind=again.open().at))
    again.close()
    (tmp_path / "head.json").write_bytes(head)
    assert (again.check().count, again.check().broken) == (10, None)
    opened = files(tmp_path)
    assert (opened.open().at.seq, opened.open().found) == (10, ())
    opened.close()


def test_a_crash_while_packing(tmp_path: Path) -> None:
    """Both the plain and the packed file are there, or half of a packed one: nothing is read twice or lost."""
    entries = filled(tmp_path, file_size=1500)
    packed = tmp_path / "audit-000000000001.jsonl.gz"
    (tmp_path / "audit-000000000001.jsonl").write_bytes(gzip.decompress(packed.read_bytes()))
    (tmp_path / "audit-000000000003.jsonl.gz.packing").write_bytes(b"half")
    assert [*files(tmp_path).read()] == entries
    again = files(tmp_path)
    again.open()
    again.close()
    assert not [name for name in names(tmp_path) if name.endswith(".packing") or name == "audit-000000000001.jsonl"]
    packed.unlink()
    (tmp_path / "audit-000000000001.jsonl").write_bytes(b"")
    assert files(tmp_path).check().broken is not None


def test_a_cut_tail_is_noticed_for_ever(tmp_path: Path) -> None:
    """By verify, by the next start, and by verify after that: the chain goes on behind what the head has."""
    entries = filled(tmp_path)
    file = tmp_path / "audit-000000000001.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:7]))
    broken = files(tmp_path).check().broken
    assert broken is not None
    assert (broken.seq, broken.problem, broken.text) == (8, "truncated", "entries 8 to 10 are gone: the head has them")
    again = files(tmp_path)
    opened = again.open()
    assert opened.at == end(entries)
    assert "8 to 10" in opened.found[0]
    again.append(chained(1, behind=opened.at))
    again.close()
    broken = again.check().broken
    assert broken is not None
    assert (broken.seq, broken.problem) == (8, "missing")


def test_a_head_that_is_gone_or_foreign(tmp_path: Path) -> None:
    """Is told, since the end may be missing."""
    filled(tmp_path)
    (tmp_path / "head.json").unlink()
    broken = files(tmp_path).check().broken
    assert broken is not None
    assert broken.problem == "truncated"
    again = files(tmp_path)
    assert "head was gone" in again.open().found[0]
    again.close()
    assert files(tmp_path).check().broken is None
    broken = files(tmp_path, FOREIGN).check().broken
    assert broken is not None
    assert "not here" in broken.text
    (tmp_path / "head.json").write_bytes(b"{}")
    assert "damaged" in again.open().found[0]
    again.close()


def test_old_files_are_deleted_behind_an_anchor(tmp_path: Path) -> None:
    """The rest verifies; taking away one more file is noticed."""
    entries = filled(tmp_path, file_size=1500, keep_days=10)
    packed = sorted(tmp_path.glob("*.gz"))
    for path in packed[:2]:
        os.utime(path, (AT / 1000 - 20 * 86_400,) * 2)
    made = files(tmp_path, keep_days=10)
    made.open()
    assert made.prune(AT / 1000) == 2
    made.close()
    rest = [entry for entry in made.read() if isinstance(entry, Entry)]
    assert 0 < len(rest) < 10
    assert files(tmp_path).check().broken is None
    assert made.prune(AT / 1000) == 0
    min(tmp_path.glob("*.gz")).unlink()
    broken = files(tmp_path).check().broken
    assert broken is not None
    assert (broken.seq, broken.problem) == (rest[0].seq, "missing")
    assert files(tmp_path, keep_days=0).prune(AT) == 0
    assert entries


def test_a_full_disk_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either all of a batch is there, or nothing; the same entries can be written afterwards."""
    made = files(tmp_path)
    made.open()
    entries = chained(6)
    made.append(entries[:2])

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            made.append(entries[2:])
    assert files(tmp_path).check().count == 2
    made.append(entries[2:])
    made.close()
    assert (made.check().count, made.check().broken) == (6, None)


def test_an_empty_folder_can_go_on_from_the_store(tmp_path: Path) -> None:
    """After the state directory was lost: numbers are not given twice, and the anchor is there."""
    made = files(tmp_path)
    entries = chained(3, behind=made.open(Point(41, b"h" * 32)).at)
    made.append(entries)
    made.close()
    assert entries[0].seq == 42
    assert files(tmp_path).check().broken is None
    assert made.open().at != BEGINNING
    made.close()
