"""What the kernel tells of processes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from llm_gateway.control.metrics_processes import Processes


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_this_process_is_seen():
    """Its memory, time, descriptors and beginning are those of this process."""
    found = {family: value for family, _, value in Processes().look({"me": os.getpid()}, 0.0)}
    assert 5e6 < found["gateway_memory_usage_bytes"] < 5e9
    assert abs(found["gateway_open_fds"] - sum(1 for _ in Path("/proc/self/fd").iterdir())) <= 3
    assert found["gateway_max_fds"] >= found["gateway_open_fds"]
    assert 0 <= time.time() - found["gateway_start_time_seconds"] < 3 * 86_400
    assert found["gateway_cpu_seconds_total"] == pytest.approx(sum(os.times()[:2]), abs=0.5)


def made(proc: Path, ticks: int) -> Processes:
    """A process that calls itself something nasty."""
    place = proc / "7"
    (place / "fd").mkdir(parents=True, exist_ok=True)
    fields = ["0"] * 40
    fields[11], fields[12], fields[19], fields[21] = str(ticks), "0", "50", "3"
    (place / "stat").write_text("7 (a) b ) S " + " ".join(fields[1:]))
    (place / "limits").write_text(
        "Limit Soft Hard Units\nMax open files            1024                 4096                 files\n"
    )
    (proc / "stat").write_text("cpu 1 2\nbtime 1700000000\n")
    return Processes(proc)


def test_the_share_of_time_is_since_the_look_before(tmp_path):
    """And not of less than a second, where it would mean nothing."""
    per_second = os.sysconf("SC_CLK_TCK")
    processes = made(tmp_path, 0)

    def percent(now: float) -> float:
        return {family: value for family, _, value in processes.look({"one": 7}, now)}["gateway_cpu_usage_percent"]

    assert percent(10.0) == 0.0
    made(tmp_path, per_second)
    assert percent(10.5) == 0.0
    assert percent(12.0) == 50.0
    assert percent(12.1) == 50.0


def test_who_has_ended_is_left_out(tmp_path):
    """And is forgotten."""
    processes = made(tmp_path, 0)
    assert list(processes.look({"gone": 8}, 1.0)) == []
    assert len(list(processes.look({"one": 7}, 1.0))) == 6
