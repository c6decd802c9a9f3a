"""Who writes a log."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from llm_gateway.accounting.owner import LOCK, Owner, Taken, running

RUN = bytes(range(16))


def test_the_run_is_known_while_it_holds_the_lock(tmp_path: Path) -> None:
    """And nobody's before and after that."""
    assert running(tmp_path) is None
    owner = Owner(tmp_path, RUN)
    assert running(tmp_path) == RUN
    owner.close()
    assert running(tmp_path) is None


def test_numbers_are_remembered(tmp_path: Path) -> None:
    """The next owner knows the highest number that there was."""
    owner = Owner(tmp_path, RUN)
    assert owner.highest == 0
    owner.note(41)
    owner.close()
    owner = Owner(tmp_path, bytes(16))
    assert owner.highest == 41
    owner.close()


def test_a_damaged_lock_file(tmp_path: Path) -> None:
    """Says nothing, and stops nobody."""
    (tmp_path / LOCK).write_bytes(b"\xff\x00 nonsense")
    owner = Owner(tmp_path, RUN)
    assert owner.highest == 0
    owner.close()


def test_who_looks_holds_nobody_up(tmp_path: Path) -> None:
    """A reader has the lock for a moment; a worker that starts then waits for it, and for another writer only so long."""
    fd = os.open(tmp_path / LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_SH)
    timer = threading.Timer(0.05, os.close, (fd,))
    timer.start()
    owner = Owner(tmp_path, RUN)
    timer.join()
    with pytest.raises(Taken, match="share a state directory"):
        Owner(tmp_path, RUN, patience=0.03)
    owner.close()
