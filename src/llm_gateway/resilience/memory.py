"""How much memory there is, and how much is used: cgroup v2 (memory.max), cgroup v1 (memory.limit_in_bytes), /proc.

What the kernel would kill for is the cgroup's limit and what everything in it uses, without the pages of files that it can drop
at any time (Linux, admin-guide/cgroup-v2 "memory.stat" and cgroup-v1/memory). Limits hold downwards: the lowest one from our own
group up to the root counts. In a container the group is often mounted at the root, whatever /proc says its path is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

NO_LIMIT = 1 << 60
"""From here on a number of bytes means that there is none (v1 says 2**63 less a page)."""
SYS, PROC = Path("/sys/fs/cgroup"), Path("/proc/self")


class Names(NamedTuple):
    """How one version of cgroups calls its files and numbers."""

    limit: str
    usage: str
    droppable: tuple[bytes, ...]


V1 = Names("memory.limit_in_bytes", "memory.usage_in_bytes", (b"total_inactive_file", b"total_active_file"))
V2 = Names("memory.max", "memory.current", (b"inactive_file", b"active_file"))


class Cgroup(NamedTuple):
    """The group whose limit holds."""

    limit: int
    place: Path
    names: Names

    def used(self) -> int | None:
        """Bytes that count against the limit and cannot just be dropped; None if that cannot be read."""
        usage = _number(self.place / self.names.usage)
        if usage is None:
            return None
        stat = _stat(self.place / "memory.stat")
        return max(usage - sum(stat.get(name, 0) for name in self.names.droppable), 0)


def limiting(sys: Path = SYS, proc: Path = PROC) -> Cgroup | None:
    """The group with the lowest limit that this process is in; None if nothing limits it or there are no cgroups."""
    found = [
        Cgroup(limit, place, names)
        for top, path, names in _groups(sys, proc)
        for place in _upwards(top, path)
        if (limit := _number(place / names.limit)) is not None and limit < NO_LIMIT
    ]
    return min(found, key=lambda group: group.limit, default=None)


def most_held(wanted: int, size: int | None) -> int:
    """Bytes of request bodies that may be held at once: `wanted`, but at most half of the memory there is.

    `size`: what the process may have; None: as its cgroup says.
    """
    if size is None:
        group = limiting()
        size = None if group is None else group.limit
    return wanted if size is None else min(wanted, size // 2)


def resident(proc: Path = PROC) -> int | None:
    """Bytes of this process in memory (proc(5), statm: the second number, in pages); None where there is no /proc."""
    try:
        return int((proc / "statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _groups(sys: Path, proc: Path) -> Iterator[tuple[Path, str, Names]]:
    """Where memory is accounted for: the mount, our path below it, and which version it is (cgroups(7), /proc/pid/cgroup)."""
    try:
        lines = (proc / "cgroup").read_text().splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield sys, path, V2
        elif "memory" in controllers.split(","):
            yield sys / "memory", path, V1


def _upwards(top: Path, path: str) -> Iterator[Path]:
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    for count in range(len(parts), -1, -1):
        yield top.joinpath(*parts[:count])


def _number(file: Path) -> int | None:
    try:
        return int(file.read_bytes())
    except (OSError, ValueError):  # "max"
        return None


def _stat(file: Path) -> Mapping[bytes, int]:
    try:
        pairs = (line.split() for line in file.read_bytes().splitlines())
        return {name: int(value) for name, value in pairs}
    except (OSError, ValueError):
        return MappingProxyType({})
