"""The only module that reads the clock: everything else is handed a Clock, so that every policy runs under a fake one."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two times: one to show (wall, can jump), one to measure with (monotonic, cannot)."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...


class SystemClock:
    """The machine's clock."""

    now = staticmethod(time.time)  # noqa: TID251 - this is the one place
    monotonic = staticmethod(time.monotonic)  # noqa: TID251 - this is the one place


class FakeClock:
    """A clock that moves when told to; for tests and for replaying decisions."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass on both clocks."""
        self._now += seconds
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Move the wall clock alone, as a time server or an operator does."""
        self._now += seconds
