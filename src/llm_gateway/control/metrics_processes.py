"""What the kernel knows of the gateway's processes: memory, time, descriptors (Linux, proc(5)). Elsewhere nothing is known."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
LEAST = 1.0
"""Seconds between two looks at the time that a process took: over less, a share of it means nothing."""
_UTIME, _STIME, _START, _RSS = 11, 12, 19, 21
"""Places in /proc/PID/stat, counted behind the name."""


class _Look(NamedTuple):
    at: float
    cpu: float
    percent: float


class Processes:
    """Looks at some processes, now and then. Called in a thread."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._before: dict[int, _Look] = {}
        self._ticks = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
        self._page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
        self._booted = _booted(proc / "stat")

    def look(self, processes: Mapping[str, int], now: float) -> Iterator[tuple[str, str, float]]:
        """Family, process and value. `processes`: names and process ids; `now`: monotonic seconds."""
        for gone in self._before.keys() - processes.values():
            del self._before[gone]
        for name, pid in processes.items():
            place = self._proc / str(pid)
            try:
                fields = (place / "stat").read_bytes().rpartition(b") ")[2].split()
            except OSError:
                continue  # it has just ended, or there is no /proc
            cpu = (int(fields[_UTIME]) + int(fields[_STIME])) / self._ticks
            yield "gateway_memory_usage_bytes", name, int(fields[_RSS]) * self._page
            yield "gateway_cpu_seconds_total", name, cpu
            yield "gateway_cpu_usage_percent", name, self._percent(pid, cpu, now)
            if self._booted:
                yield "gateway_start_time_seconds", name, self._booted + int(fields[_START]) / self._ticks
            try:
                yield "gateway_open_fds", name, sum(1 for _ in os.scandir(place / "fd"))
                yield "gateway_max_fds", name, _most(place / "limits")
            except (OSError, ValueError):
                continue

    def _percent(self, pid: int, cpu: float, now: float) -> float:
        before = self._before.get(pid)
        if before is None:
            self._before[pid] = _Look(now, cpu, 0.0)
            return 0.0
        passed = now - before.at
        if passed < LEAST:
            return before.percent
        percent = round(100 * (cpu - before.cpu) / passed, 2)
        self._before[pid] = _Look(now, cpu, percent)
        return percent


def _booted(stat: Path) -> float:
    """When the machine was started, in Unix seconds; 0.0: that is not known."""
    try:
        lines = stat.read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), 0.0)


def _most(limits: Path) -> int:
    """How many descriptors it may have. Raises OSError, ValueError."""
    for line in limits.read_text().splitlines():
        if line.startswith("Max open files"):
            return int(line.split()[3])
    raise ValueError("no such limit")
