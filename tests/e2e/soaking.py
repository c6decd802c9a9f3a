"""Looks at processes for a long time: does anything they hold only ever become more?

Memory (what is a process's own: pages of the ledger's log, which is mapped and filled, are the file's), descriptors, threads and
connections are read from /proc. The number of asyncio tasks is not to be seen from outside: each
process gets a module (`sitecustomize`) that writes it down every second, from a thread of its own.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

PROBE = '''
"""Writes the number of asyncio tasks of a process into a file of its own, every second."""
import asyncio, gc, os, sys, threading, time

def count():
    # Until 3.13 asyncio keeps a set of all tasks; later the loops have to be found, before the worker takes them out of the
    # collector's sight (gc.freeze).
    tasks = getattr(asyncio.tasks, "_all_tasks", None) or getattr(asyncio.tasks, "_scheduled_tasks", None)
    if tasks is not None:
        return sum(not task.done() for task in list(tasks))
    known[:] = [loop for loop in known or gc.get_objects() if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running()]
    return sum(len(asyncio.all_tasks(loop)) for loop in known)

known = []

def look(folder):
    file = os.path.join(folder, str(os.getpid()))
    while True:
        time.sleep(1 if known or hasattr(asyncio.tasks, "_all_tasks") else 0.02)
        try:
            text = str(count())
        except RuntimeError:
            continue
        with open(file + ".new", "w") as out:
            out.write(text)
        os.replace(file + ".new", file)

def begin():
    threading.Thread(target=look, args=(os.environ["SOAK_FOLDER"],), daemon=True).start()

if os.environ.get("SOAK_FOLDER"):
    os.register_at_fork(after_in_child=begin)
    if any("llm_gateway.worker" in word or "llm_gateway.control" in word for word in sys.orig_argv):
        begin()
'''


class Slope(NamedTuple):
    """`per_second`: the median of the slopes between all pairs of samples (Theil and Sen): a third of the samples may be wrong by
    any amount without moving it. `least`: the slope that nineteen in twenty such slopes lie above. `growth`: over all that time.
    """

    per_second: float
    least: float
    growth: float
    begin: float
    end: float


def slope(samples: Iterable[tuple[float, float]]) -> Slope:
    """Of (seconds, value), at least three of them."""
    points = sorted(samples)
    if len(points) > 600:  # pairs grow with the square
        points = points[:: len(points) // 600 + 1]
    slopes = sorted(
        (late - early) / (after - before) for (before, early), (after, late) in combinations(points, 2) if after > before
    )
    middle = statistics.median(slopes)
    count, pairs = len(points), len(slopes)
    spread = 1.645 * (count * (count - 1) * (2 * count + 5) / 18) ** 0.5  # of Kendall's S, without ties
    least = slopes[max(int((pairs - spread) / 2), 0)]
    offset = statistics.median(value - middle * at for at, value in points)
    begin, end = (offset + middle * at for at in (points[0][0], points[-1][0]))
    return Slope(middle, least, end - begin, begin, end)


class Process:
    """One process that is looked at."""

    def __init__(self, name: str, pid: int, folder: Path) -> None:
        self.name = name
        self.pid = pid
        self._folder = folder

    def look(self) -> dict[str, float]:
        """What it holds now; a kind that cannot be seen is left out. Raises FileNotFoundError if it has ended."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines() if ":" in line)
        if status["State"].split()[0] == "Z":
            raise FileNotFoundError(f"{self.name} has ended")
        descriptors = list(_descriptors(self.pid))
        open_sockets = _established()
        found = {
            "memory_kb": float(status["RssAnon"].split()[0]),
            "threads": float(status["Threads"]),
            "fds": float(len(descriptors)),
            "connections": float(sum(one in open_sockets for one in descriptors)),
        }
        with suppress(FileNotFoundError, ValueError):
            found["tasks"] = float((self._folder / str(self.pid)).read_text())
        return found


class Watch:
    """Samples of several processes, by name and kind."""

    def __init__(self, processes: Iterable[Process]) -> None:
        self.processes = tuple(processes)
        self.samples: dict[tuple[str, str], list[tuple[float, float]]] = {}

    def look(self) -> None:
        """Once more."""
        at = time.monotonic()
        for process in self.processes:
            for kind, value in process.look().items():
                self.samples.setdefault((process.name, kind), []).append((at, value))

    def slopes(self, since: float = 0.0) -> dict[tuple[str, str], Slope]:
        """Of everything, from a moment on."""
        chosen = {name: [one for one in seen if one[0] >= since] for name, seen in self.samples.items()}
        return {name: slope(seen) for name, seen in chosen.items() if len(seen) >= 3}


def leaks(slopes: Mapping[tuple[str, str], Slope], tolerances: Mapping[str, float]) -> list[str]:
    """What grew by more than is allowed over the whole time, and surely grew. Tolerances by kind; `NAME KIND`: of one process."""
    found = []
    for (name, kind), grown in slopes.items():
        allowed = tolerances.get(f"{name} {kind}", tolerances[kind])
        if grown.growth > allowed and grown.least > 0:
            found.append(
                f"{name}: {kind} grew by {grown.growth:.1f} (from {grown.begin:.1f} to {grown.end:.1f}), {allowed:g} is allowed"
            )
    return found


def probe(folder: Path) -> dict[str, str]:
    """The environment with which processes write down their tasks."""
    counts = folder / "tasks"
    counts.mkdir()
    (folder / "sitecustomize.py").write_text(PROBE)
    before = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{before}" if before else str(folder), "SOAK_FOLDER": str(counts)}


def _descriptors(pid: int) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(link.readlink())


def _established() -> frozenset[str]:
    """As /proc/PID/fd names them."""
    found = set()
    for file in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(FileNotFoundError):
            rows = [line.split() for line in Path(file).read_text().splitlines()[1:]]
            found |= {f"socket:[{row[9]}]" for row in rows if row[3] == "01"}
    return frozenset(found)
