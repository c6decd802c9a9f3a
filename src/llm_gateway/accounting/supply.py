"""The log's thread: has the next segment ready before it is needed, closes those that are full, and syncs if that is wanted.

All that may wait for the disk is done here, so that a slow disk never holds up a request.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from llm_gateway.accounting.owner import Owner
from llm_gateway.accounting.segment import Header, Segment, create

RETRY = 1.0
"""Seconds until a disk that refused is asked again."""


class Supply:
    """One per log. `spare` is made by the thread and taken by the writer; None: there is none (yet), see `problem`."""

    def __init__(  # noqa: PLR0913 - what a segment is made of, each by name
        self,
        directory: Path,
        slot: int,
        run: bytes,
        size: int,
        owner: Owner,
        now: Callable[[], float],
        *,
        first: int,
        fsync: float = 0.0,
        age: float = 0.0,
    ) -> None:
        """`first`: the number of its first segment. `fsync`: seconds between two syncs; 0: never. `age`: seconds after which
        `worn` is true; 0: never.
        """
        self._directory = directory
        self._slot = slot
        self._run = run
        self._size = size
        self._owner = owner
        self._now = now
        self._next = first
        self._fsync = fsync
        self._age = age
        self._wake = threading.Event()
        self._retired: deque[tuple[Segment, int | None]] = deque()
        self._closing = False
        self.spare: Segment | None = None
        self.current: Segment | None = None
        """What the writer writes, for syncs."""
        self._unmade: OSError | None = None
        self._unsynced: OSError | None = None
        self.worn: Callable[[], None] = _nothing
        """Is called when the current segment has its age."""
        self._make()
        self._thread = threading.Thread(target=self._run_thread, name="ledger", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> OSError | None:
        """Why the last attempt to make or to sync a segment failed; None: it did not."""
        return self._unmade or self._unsynced

    def take(self) -> Segment | None:
        """The spare segment, which is the writer's then."""
        spare, self.spare = self.spare, None
        self.current = spare or self.current
        self._wake.set()
        return spare

    def retire(self, segment: Segment, used: int) -> None:
        """The writer has sealed it at `used`."""
        self._retired.append((segment, used))
        self._wake.set()

    def close(self, last: Segment | None, used: int | None) -> None:
        """Ends the thread, closes all segments and takes the spare away."""
        self._closing = True
        self._wake.set()
        self._thread.join()
        if last is not None:
            self._retired.append((last, used))
        self.current = None
        self._finish_retired()
        if self.spare is not None:
            self.spare.finish(None, sync=False)
            self.spare.path.unlink(missing_ok=True)
            self.spare = None

    def _run_thread(self) -> None:
        since = self._now()
        seen = self.current
        while not self._closing:
            self._wake.wait(min(self._fsync or RETRY, RETRY))
            self._wake.clear()
            self._finish_retired()
            if self.spare is None:
                self._make()
            current, now = self.current, self._now()
            if current is not seen:
                seen, since = current, now
            elif self._age and now - since >= self._age:
                since = now
                self.worn()
            if self._fsync and current is not None:
                self._sync(current)

    def _make(self) -> None:
        header = Header(self._slot, self._next, self._run, int(self._now() * 1000))
        try:
            self._owner.note(self._next)
            made = create(self._directory, header, self._size)
        except OSError as error:
            self._unmade = error
        else:
            self._next += 1
            self._unmade = None
            self.spare = made

    def _sync(self, segment: Segment) -> None:
        try:
            os.fdatasync(segment.fd)
        except OSError as error:
            self._unsynced = error
        else:
            self._unsynced = None

    def _finish_retired(self) -> None:
        while self._retired:
            segment, used = self._retired.popleft()
            try:
                segment.finish(used, sync=self._fsync > 0)
            except OSError as error:
                self._unsynced = error


def _nothing() -> None:
    pass
