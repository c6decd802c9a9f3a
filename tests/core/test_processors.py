"""What `auto` means where a container has a share of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_gateway.core import processors as module
from llm_gateway.core.processors import processors


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen processors."""
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _pid: set(range(16)), raising=False)


def group(root: Path, path: str, limit: str) -> None:
    folder = root / "sys/fs/cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(limit + "\n")


def member(root: Path, text: str) -> None:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(text)


def test_without_groups(tmp_path: Path) -> None:
    """All that the scheduler gives it."""
    assert processors(tmp_path) == 16


@pytest.mark.parametrize(
    ("limit", "expected"), [("max 100000", 16), ("200000 100000", 2), ("250000 100000", 3), ("50000 100000", 1)]
)
def test_a_share(tmp_path: Path, limit: str, expected: int) -> None:
    """Rounded up, as a container sees it: its own group is the root."""
    member(tmp_path, "0::/\n")
    group(tmp_path, "", limit)
    assert processors(tmp_path) == expected


def test_the_smallest_of_all_groups_counts(tmp_path: Path) -> None:
    """A pod's limit stands above those of its containers."""
    member(tmp_path, "1:cpu:/old\n0::/pod/container\n")
    group(tmp_path, "pod", "300000 100000")
    group(tmp_path, "pod/container", "max 100000")
    assert processors(tmp_path) == 3


def test_the_first_version(tmp_path: Path) -> None:
    """Older systems; -1 is no limit."""
    folder = tmp_path / "sys/fs/cgroup/cpu"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    (folder / "cpu.cfs_quota_us").write_text("400000\n")
    assert processors(tmp_path) == 4
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    assert processors(tmp_path) == 16


@pytest.mark.parametrize("text", ["", "nonsense", "1 0", "- -", "max"])
def test_nonsense_is_no_limit(tmp_path: Path, text: str) -> None:
    """Nothing that a file says stops a start."""
    member(tmp_path, "0::/../..\n")
    group(tmp_path, "", text)
    assert processors(tmp_path) == 16
