"""What the kernel says of memory, in the shapes of both versions of cgroups, from files made for the test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llm_gateway.resilience.memory import V1, V2, Cgroup, limiting, most_held, resident

V2_STAT = "anon 700\nfile 250\ninactive_file 200\nactive_file 50\n"
V1_STAT = "cache 1\ntotal_inactive_file 30\ntotal_active_file 20\n"


def tree(tmp_path: Path, own: str, files: dict[str, str]) -> tuple[Path, Path]:
    """A /sys/fs/cgroup and a /proc/self."""
    sys, proc = tmp_path / "sys", tmp_path / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(own)
    for name, text in files.items():
        (sys / name).parent.mkdir(parents=True, exist_ok=True)
        (sys / name).write_text(text)
    return sys, proc


@pytest.mark.parametrize(
    ("own", "files", "place", "limit", "used"),
    [
        ("0::/\n", {"memory.max": "1000\n", "memory.current": "900\n", "memory.stat": V2_STAT}, "", 1000, 650),
        ("0::/a/b\n", {"a/memory.max": "500\n", "a/b/memory.max": "max\n", "a/memory.current": "90\n"}, "a", 500, 90),
        ("0::/a/b\n", {"a/memory.max": "500\n", "a/b/memory.max": "300\n", "a/b/memory.current": "9\n"}, "a/b", 300, 9),
        ("0::/not/mounted\n", {"memory.max": "1000\n"}, "", 1000, None),
        (
            "4:memory:/x\n0::/\n",
            {"memory/x/memory.limit_in_bytes": "800", "memory/x/memory.usage_in_bytes": "400", "memory/x/memory.stat": V1_STAT},
            "memory/x",
            800,
            350,
        ),
        (
            "9:cpu:/\n4:hugetlb,memory:/seen/from/the/host\n",
            {
                "memory/memory.limit_in_bytes": "800",
                "memory/memory.usage_in_bytes": "10",
                "memory/memory.stat": "total_active_file 99",
            },
            "memory",
            800,
            0,
        ),
    ],
    ids=["v2", "v2 parent", "v2 own", "v2 in a container", "v1", "v1 in a container"],
)
def test_the_lowest_limit_upwards_holds(tmp_path, own, files, place, limit, used):
    """Of the group itself or one above it; what it uses does not count pages of files, which can be dropped."""
    sys, proc = tree(tmp_path, own, files)
    group = limiting(sys, proc)
    assert group == Cgroup(limit, sys / place, V1 if "memory/" in next(iter(files)) else V2)
    assert group.used() == used


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("0::/\n", {"memory.max": "max\n"}),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}),
        ("0::/\n", {"memory.max": "nonsense"}),
        ("0::/\n", {}),
        ("nonsense\n", {"memory.max": "5\n"}),
        ("0::/../../etc\n", {}),
    ],
)
def test_no_limit(tmp_path, own, files):
    """None is said, in either version's way, or nothing can be read."""
    assert limiting(*tree(tmp_path, own, files)) is None


def test_where_there_are_no_cgroups(tmp_path):
    """Another system: no limit, and no size of the process."""
    assert limiting(tmp_path / "none", tmp_path / "none") is None
    assert resident(tmp_path / "none") is None


def test_the_process_itself(tmp_path):
    """The second number of statm, in pages; and this test does use some memory."""
    (tmp_path / "statm").write_text("765 430 402 5 0 123 0\n")
    assert resident(tmp_path) == 430 * os.sysconf("SC_PAGE_SIZE")
    if Path("/proc/self/statm").exists():
        assert (resident() or 0) > 5 << 20


@pytest.mark.parametrize(
    ("wanted", "size", "group", "held"),
    [
        (256, None, None, 256),
        (256, 1000, None, 256),
        (256, 300, None, 150),
        (256, None, 300, 150),
        (256, 1000, 300, 256),
    ],
)
def test_bodies_get_half_of_the_memory_at_most(wanted, size, group, held, monkeypatch):
    """A size that is written counts before the cgroup's; without either it is as wanted."""
    found = None if group is None else Cgroup(group, Path(), V2)
    monkeypatch.setattr("llm_gateway.resilience.memory.limiting", lambda: found)
    assert most_held(wanted, size) == held
