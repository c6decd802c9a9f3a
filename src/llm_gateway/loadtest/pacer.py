"""Wakes the event loop at a point in time.

An event loop's own timers are right to a millisecond, which would be most of what is measured here. On Linux the kernel's timer
(timerfd_create(2)) is right to some ten microseconds and costs nothing while it waits; elsewhere the loop's timer has to do.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_MONOTONIC = 1  # CLOCK_MONOTONIC
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_LONG = ctypes.sizeof(ctypes.c_long) == 8


class Pacer:
    """Calls `wake` when the time given to `at` has come. End it with `close`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float], wake: Callable[[], None]) -> None:
        """`clock`: the system's monotonic clock, in seconds."""
        self._loop = loop
        self._clock = clock
        self._wake = wake
        self._libc, self._fd = _timer()
        self._handle: asyncio.TimerHandle | None = None
        if self._fd >= 0:
            loop.add_reader(self._fd, self._rung)

    @property
    def exact(self) -> bool:
        """Whether it is the kernel's timer."""
        return self._fd >= 0

    def at(self, when: float) -> None:
        """Wake then, or at once if that is over. Takes the place of what was asked for before."""
        if self._fd >= 0:
            seconds = int(when)
            nanoseconds = max(int((when - seconds) * 1e9), 1)  # nothing at all would turn it off
            self._libc.timerfd_settime(self._fd, _ABSOLUTE, (ctypes.c_long * 4)(0, 0, seconds, nanoseconds), None)
            return
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_later(max(when - self._clock(), 0.0), self._wake)

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
        if self._handle is not None:
            self._handle.cancel()

    def _rung(self) -> None:
        with suppress(BlockingIOError):  # it was set anew in between
            os.read(self._fd, 8)
            self._wake()


def _timer() -> tuple[Any, int]:
    """The C library and a timer; -1: there is none here."""
    libc = ctypes.CDLL(None)
    if not _LONG or not hasattr(libc, "timerfd_create"):
        return libc, -1
    return libc, int(libc.timerfd_create(_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
