"""Who writes the log of a slot: one process at a time, known by a lock that the kernel lets go of when the process dies.

The lock's file also says the run (16 random bytes, in hexadecimal) and the highest number that a segment ever had: numbers
never come again, not even when all segments have been shipped and deleted.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

LOCK = "lock"
_WAIT = 0.01


class Taken(Exception):
    """Another process writes this log."""


class Owner:
    """Holds the lock until `close`, or until the process ends."""

    def __init__(self, directory: Path, run: bytes, patience: float = 5.0) -> None:
        """`patience`: seconds to wait for a process that is ending. Raises Taken and OSError."""
        self._fd = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(self._fd, patience)
            self.highest = _read(self._fd)[1]
            self._run = run
            self.note(self.highest)
        except BaseException:
            os.close(self._fd)
            raise

    def note(self, highest: int) -> None:
        """There is a segment of this number now. Raises OSError."""
        self.highest = highest
        os.pwrite(self._fd, f"{self._run.hex()} {highest:020d}\n".encode("ascii"), 0)

    def close(self) -> None:
        os.close(self._fd)


def running(directory: Path) -> bytes | None:
    """The run that writes this log now; None: nobody does. Raises OSError."""
    try:
        fd = os.open(directory / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(fd)[0]
    else:
        return None
    finally:
        os.close(fd)


def _lock(fd: int, patience: float) -> None:
    """A reader holds the lock for a moment when it looks whether anybody has it."""
    for _ in range(max(1, int(patience / _WAIT))):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_WAIT)
        else:
            return
    raise Taken("Another process writes this ledger: two gateways share a state directory.")


def _read(fd: int) -> tuple[bytes | None, int]:
    run, _, highest = os.pread(fd, 64, 0).decode("ascii", "replace").partition(" ")
    try:
        return bytes.fromhex(run) or None, int(highest or 0)
    except ValueError:
        return None, 0
