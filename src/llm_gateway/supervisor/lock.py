"""One gateway for one state directory: its logs, its socket and its database are not for two."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "lock"
WAIT_SECONDS = 10.0
"""The children of a gateway that was killed end within this."""
_STEP = 0.1


class InUse(Exception):
    """Another gateway has the directory; the message says which."""


def take(state: Path, sleep: Callable[[float], None], waiting: Callable[[], None] = lambda: None) -> int:
    """The descriptor that holds the lock; children inherit it, so that it is free when the last of them has ended.

    Waits for a gateway that is about to end; `waiting` is told once. Raises InUse, OSError.
    """
    fd = os.open(state / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for step in range(round(WAIT_SECONDS / _STEP)):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if _alive(fd):
                    break  # it runs, and will go on
                if not step:
                    waiting()
                sleep(_STEP)
                continue
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)
            return fd
    except BaseException:
        os.close(fd)
        raise
    holder = os.pread(fd, 32, 0).decode("ascii", "replace")
    os.close(fd)
    raise InUse(f"state.dir {state} is in use by another gateway (process {holder}). Give this one another state.dir.")


def _alive(fd: int) -> bool:
    """Whether the supervisor that wrote its number still runs."""
    try:
        pid = int(os.pread(fd, 32, 0))
        os.kill(pid, 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def held(state: Path) -> Iterator[bool]:
    """The lock while it is free; False, and no lock, if a gateway has it. For commands, which do not wait. Raises OSError."""
    state.mkdir(parents=True, exist_ok=True, mode=0o750)
    fd = os.open(state / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)
