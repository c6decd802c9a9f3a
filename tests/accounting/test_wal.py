"""The write-ahead log: what was written is there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from accounting_support import CLOCK, SMALL, log
from llm_gateway.accounting import supply
from llm_gateway.accounting.owner import Taken
from llm_gateway.accounting.scan import Position, Scanner
from llm_gateway.accounting.segment import LARGEST, numbers
from llm_gateway.accounting.wal import PER_OPEN, RESERVE, Settings, Wal

KILLED = Path(__file__).parent / "killed.py"


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """The log's thread has done something."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.002)


def everything(directory: Path) -> list[bytes]:
    scanner = Scanner(directory)
    found = []
    while frames := scanner.read().frames:
        found += [frame.payload for frame in frames]
    return found


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """In order, while the log is open and after it was closed, at the positions that the writer was told."""
    wal = log(tmp_path)
    places = [wal.append(b"record %d" % number) for number in range(1000)]
    frames = Scanner(tmp_path).read().frames
    assert [frame.payload for frame in frames] == [b"record %d" % number for number in range(1000)]
    assert [frame.at.packed for frame in frames] == places == sorted(places)
    wal.close()
    assert len(everything(tmp_path)) == 1000
    assert (wal.lost, wal.append(b"late"), wal.lost) == (0, -1, 1)


def test_segments_follow_each_other(tmp_path: Path) -> None:
    """A full one is sealed and cut to its size, the next one was ready before, and nothing is missing between them."""
    wal = log(tmp_path)
    written = []
    for number in range(100):
        until(lambda: not wal.tight(0) and wal._supply.spare is not None)
        written.append(b"%5d" % number + bytes(50_000))
        wal.append(written[-1])
    wal.close()
    assert wal.rotations >= 4
    assert everything(tmp_path) == written
    assert all(path.stat().st_size <= 1 << 20 for path in tmp_path.glob("*.wal"))


def test_a_new_run_has_its_own_segments(tmp_path: Path) -> None:
    """Nothing is added to what another process wrote, and no number comes twice, not even when all files were deleted."""
    for number in range(3):
        wal = log(tmp_path)
        wal.append(b"%d" % number)
        wal.close()
    assert everything(tmp_path) == [b"0", b"1", b"2"]
    highest = max(numbers(tmp_path))
    for path in tmp_path.glob("*.wal"):
        path.unlink()
    scanner = Scanner(tmp_path, Position(highest, 100))
    wal = log(tmp_path)
    wal.append(b"after")
    assert [frame.payload for frame in scanner.read().frames] == [b"after"]
    wal.close()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """A second process at the same log is refused; a reader that looks at this moment is no writer."""
    wal = log(tmp_path)
    from llm_gateway.accounting.owner import Owner

    with pytest.raises(Taken):
        Owner(tmp_path, bytes(16), patience=0.05)
    wal.close()
    log(tmp_path).close()


def test_a_record_that_is_too_large_is_lost_and_counted(tmp_path: Path) -> None:
    """It cannot be read again, so it is not written."""
    wal = log(tmp_path)
    assert wal.append(bytes(LARGEST + 1)) == -1
    assert wal.append(bytes(LARGEST)) > 0
    assert wal.lost == 1
    wal.close()


def test_an_old_segment_is_left(tmp_path: Path) -> None:
    """After its age the next record goes into a new one; an empty one stays."""
    wal = Wal(tmp_path, 0, CLOCK.now, SMALL)
    wal._supply.worn()
    wal.append(b"first")
    assert wal.rotations == 0
    until(lambda: wal._supply.spare is not None)
    wal._supply.worn()
    wal.append(b"second")
    assert wal.rotations == 1
    wal.close()
    assert everything(tmp_path) == [b"first", b"second"]


def test_the_thread_looks_at_the_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An age of a tenth of a second wears a segment out by itself."""
    monkeypatch.setattr(supply, "RETRY", 0.01)
    wal = Wal(tmp_path, 0, time.time, Settings(1 << 20, age=0.05))
    wal.append(b"first")
    until(lambda: wal.append(b"more") > 0 and wal.rotations > 0)
    wal.close()


def test_syncs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an interval the file is forced to the disk; a disk that refuses is told, and forgotten when it no longer does."""
    synced: list[int] = []
    failing = [False]

    def sync(fd: int) -> None:
        synced.append(fd)
        if failing[0]:
            raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fdatasync", sync)
    wal = Wal(tmp_path, 0, CLOCK.now, Settings(1 << 20, fsync=0.01))
    until(lambda: len(synced) > 2)
    assert wal.problem is None
    failing[0] = True
    until(lambda: wal.problem is not None)
    failing[0] = False
    until(lambda: wal.problem is None)
    wal.close()


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shows where a segment is allocated: the log is tight before its last bytes are used, loses only when they are, says so,
    and goes on by itself when there is room again.
    """
    full = [False]
    real = os.posix_fallocate

    def allocate(fd: int, start: int, size: int) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(fd, start, size)

    monkeypatch.setattr(os, "posix_fallocate", allocate)
    monkeypatch.setattr(supply, "RETRY", 0.01)
    wal = log(tmp_path)
    until(lambda: wal._supply.spare is not None)
    full[0] = True
    wal.append(b"x")
    wal._supply.worn()
    wal.append(b"y")  # takes the spare one
    until(lambda: wal.problem is not None)
    kept = 2
    while not wal.tight(0):
        assert wal.append(bytes(10_000)) > 0
        kept += 1
    assert (1 << 20) - wal._at < RESERVE + 10_000
    assert wal.lost == 0
    while wal.append(bytes(5_000)) > 0:
        kept += 1
    assert wal.lost == 1
    until(lambda: not list(tmp_path.glob("*.new")))  # each try makes one, and takes it away
    full[0] = False
    until(lambda: not wal.tight(0))
    assert wal.problem is None
    assert wal.append(b"again") > 0
    wal.close()
    assert len(everything(tmp_path)) == kept + 1


def test_running_requests_have_room_for_their_endings(tmp_path: Path) -> None:
    """The more of them run, the sooner no further one is let in while there is no next segment."""
    wal = log(tmp_path)
    until(lambda: wal._supply.spare is not None)
    wal._supply._make = lambda: None  # type: ignore[method-assign]
    wal._supply.take()
    assert not wal.tight(0)
    assert wal.tight(2 * (1 << 20) // PER_OPEN)
    wal.close()


def test_a_directory_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker starts all the same: its log is tight, loses, and is there as soon as the disk gives a segment."""
    refused = [True]
    real = os.posix_fallocate

    def allocate(fd: int, start: int, size: int) -> None:
        if refused[0]:
            raise OSError(errno.EROFS, "Read-only file system")
        real(fd, start, size)

    monkeypatch.setattr(os, "posix_fallocate", allocate)
    monkeypatch.setattr(supply, "RETRY", 0.01)
    wal = log(tmp_path)
    assert wal.tight(0)
    assert wal.append(b"lost") == -1
    refused[0] = False
    until(lambda: not wal.tight(0))
    wal.append(b"kept")
    wal.close()
    assert everything(tmp_path) == [b"kept"]


def test_a_quota_of_the_system(tmp_path: Path) -> None:
    """A process that may write files of 2 MB only is refused a segment of 4 MB by the kernel itself, and not killed by it."""
    script = (
        "import resource, signal, sys, time\n"
        "from pathlib import Path\n"
        "from llm_gateway.accounting.wal import Settings, Wal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))\n"
        "wal = Wal(Path(sys.argv[1]), 0, time.time, Settings(4 << 20))\n"
        "print(wal.tight(0), wal.append(b'x'), wal.problem.errno)\n"
        "wal.close()\n"
    )
    said = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout.split() == ["True", "-1", str(errno.EFBIG)], said.stderr


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """After kill -9 at 60 random moments every record that was reported written is there, whole, once and in order."""
    said = subprocess.run(
        [sys.executable, str(KILLED), str(tmp_path), "60"], capture_output=True, text=True, timeout=120, check=False
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("60 killed")
