"""How many processors this process may use: what `auto` means."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path

_SYSTEM = Path("/")


def processors(root: Path = _SYSTEM) -> int:
    """At least 1. A container's share counts (Linux cgroup v2, `cpu.max`; v1, `cpu.cfs_quota_us`): half a processor is one, two
    and a half are three. `root`: where /proc and /sys are.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    here = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, min(here, *(ceil(share) for share in _shares(root)), here))


def _shares(root: Path) -> list[float]:
    """The limits of this process's group and of those that it is in, in processors."""
    mounted = root / "sys/fs/cgroup"
    found = [_first(mounted / "cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us")]
    group = mounted / _group(root)
    while True:
        found.append(_second(group / "cpu.max"))
        if group == mounted or mounted not in group.parents:
            return [share for share in found if share > 0]
        group = group.parent


def _group(root: Path) -> str:
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, path = line.partition("::")
        if number == "0":
            return path.strip("/")
    return ""


def _second(file: Path) -> float:
    quota, _, period = _text(file).strip().partition(" ")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else 0.0


def _first(folder: Path, quota: str, period: str) -> float:
    given, each = _text(folder / quota).strip(), _text(folder / period).strip()
    return int(given) / int(each) if given.isdecimal() and each.isdecimal() and int(each) else 0.0


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
