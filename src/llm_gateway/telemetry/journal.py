"""Where lines go: a bounded queue and one thread, so that a full pipe or a slow disk never stops the event loop."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from llm_gateway.core.clock import Clock

HELD_BYTES = 4 << 20
"""More than this waiting to be written, and lines are dropped and counted rather than memory filled."""


class Journal:
    """Appends lines to a file descriptor from a thread of its own."""

    def __init__(self, fd: int, *, close_fd: bool = False) -> None:
        self._fd = fd
        self._close_fd = close_fd
        self._lines: list[bytes] = []
        self._held = 0
        self._dropped = 0
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines lost because nobody took them."""
        return self._dropped

    def write(self, data: bytes, lines: int = 1) -> None:
        """Queue whole lines. Never blocks on the disk."""
        with self._wake:
            if self._closed or self._held + len(data) > HELD_BYTES:
                self._dropped += lines
                return
            self._lines.append(data)
            self._held += len(data)
            self._wake.notify()

    def close(self, seconds: float = 2.0) -> None:
        """Write what is held, for at most so long."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._lines and not self._closed:
                    self._wake.wait()
                batch, self._lines = self._lines, []
                closing = self._closed
            data = b"".join(batch)
            self._deliver(data)
            with self._wake:
                self._held -= len(data)
                if closing and not self._lines:
                    break
        if self._close_fd:
            os.close(self._fd)

    def _deliver(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except OSError:  # a closed pipe or a full disk: the log is lost, the gateway goes on
                self._dropped += data.count(b"\n")
                return


Level = Literal["debug", "info", "warning", "error"]
_RANK: Mapping[str, int] = MappingProxyType({"debug": 0, "info": 1, "warning": 2, "error": 3})


class Log:
    """Structured events, one JSON line each: what happened, never what was said (no prompts, keys or bodies)."""

    def __init__(self, journal: Journal, clock: Clock, level: Level = "info", form: Literal["json", "text"] = "json") -> None:
        """`form` text: a line for people instead of JSON."""
        self._journal = journal
        self._clock = clock
        self._encode = msgspec.json.Encoder().encode
        self.configure(level, form)

    def configure(self, level: Level, form: Literal["json", "text"]) -> None:
        """From now on."""
        self._least = _RANK[level]
        self._text = form == "text"

    def __call__(self, level: Level, event: str, **fields: Any) -> None:
        """`event` is a short constant name; `fields` its facts."""
        if _RANK[level] >= self._least:
            at = timestamp(self._clock.now())
            if self._text:
                facts = b"".join(b" %b=%b" % (name.encode(), self._encode(value)) for name, value in fields.items())
                self._journal.write(f"{at[11:19]} {level} {event}".encode() + facts + b"\n")
            else:
                line = {"timestamp": at, "level": level, "event": event, **fields}
                self._journal.write(self._encode(line) + b"\n")


def timestamp(now: float) -> str:
    """Unix seconds as RFC 3339 in UTC with milliseconds."""
    whole = int(now)
    return f"{_second(whole)}.{int((now - whole) * 1000):03d}Z"


@lru_cache(maxsize=4)  # the lines of one second share all but their milliseconds
def _second(whole: int) -> str:
    days, rest = divmod(whole, 86400)
    year, month, day = _civil(days)
    return f"{year:04d}-{month:02d}-{day:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


def _civil(days: int) -> tuple[int, int, int]:
    """Days since 1970-01-01 to a date of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms")."""
    days += 719468
    era, doe = divmod(days, 146097)
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + 3 if mp < 10 else mp - 9
    return yoe + era * 400 + (month <= 2), month, doy - (153 * mp + 2) // 5 + 1


def where(error: BaseException) -> list[str]:
    """file:line of each frame. Not the message: it could hold what a caller sent."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None and len(frames) < 32:
        frames.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return frames


def open_journal(where: str) -> Journal | None:
    """`stdout`, `stderr`, `off` (None) or a file path, which is appended to. Raises OSError."""
    if where == "off":
        return None
    if where in ("stdout", "stderr"):
        return Journal((sys.stdout if where == "stdout" else sys.stderr).fileno())
    return Journal(os.open(where, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640), close_fd=True)
