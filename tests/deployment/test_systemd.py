"""deployment/systemd: the unit as systemd's own tools read it, and the gateway under the strictest of its rules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from launched import configuration, launched, serves_and_drains
from servers import free_port

pytestmark = pytest.mark.deployment
SYSTEMD = Path(__file__).parents[2] / "deployment" / "systemd"


def unit(folder: Path, old: str = "", new: str = "") -> Path:
    """The unit with a program that is there, and with one change."""
    text = (SYSTEMD / "llm-gateway.service").read_text()
    assert old in text
    file = folder / "llm-gateway.service"
    file.write_text(text.replace("/opt/llm-gateway/bin/llm-gateway", "/bin/true").replace(old or "\0", new))
    return file


def verified(tool: str, file: Path) -> str:
    """What `systemd-analyze verify` complains about. It ends with 0 for keys that it does not know."""
    done = subprocess.run([tool, "verify", str(file)], capture_output=True, text=True, check=False, timeout=60)
    return done.stderr + ("" if done.returncode == 0 else f"status {done.returncode}")


def test_systemd_understands_every_line(tool: object, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say."""
    assert verified(tool("systemd-analyze"), unit(tmp_path)) == ""


def test_a_wrong_line_is_noticed(tool: object, tmp_path: Path) -> None:
    """A key with a typing error is told."""
    assert "Unknown key" in verified(tool("systemd-analyze"), unit(tmp_path, "ProtectSystem=", "ProtectSytem="))


def test_the_exposure_is_low(tool: object, tmp_path: Path) -> None:
    """`systemd-analyze security` gives at most 1.6 of 10, and more without a sandbox."""
    command = [tool("systemd-analyze"), "security", "--offline=true", "--threshold=16"]
    assert subprocess.run([*command, str(unit(tmp_path))], capture_output=True, check=False, timeout=60).returncode == 0
    open_to_all = unit(tmp_path, "SystemCallFilter=@system-service", "")
    assert subprocess.run([*command, str(open_to_all)], capture_output=True, check=False, timeout=60).returncode != 0


def test_the_stop_is_longer_than_the_drain() -> None:
    """systemd waits longer than the gateway's default drain; the reload is the signal that the gateway knows."""
    text = (SYSTEMD / "llm-gateway.service").read_text()
    assert "TimeoutStopSec=75" in text
    assert "ExecReload=/bin/kill -HUP $MAINPID" in text
    assert "Type=exec" in text


def test_it_runs_without_memory_that_is_written_and_executed(tmp_path: Path) -> None:
    """MemoryDenyWriteExecute and NoNewPrivileges, as the kernel itself enforces them, are no obstacle."""
    port = free_port()
    config = tmp_path / "gateway.json"
    config.write_bytes(configuration(port, free_port(), tmp_path / "state"))
    command = [sys.executable, "-c", DENIED, sys.executable, "-m", "llm_gateway", "serve", "--config", str(config)]
    probe = subprocess.run([sys.executable, "-c", DENIED, "/bin/true"], capture_output=True, check=False, timeout=30)
    if probe.returncode == 75:
        pytest.skip("the kernel is older than 6.3")
    with launched(command, port, tmp_path) as process:
        serves_and_drains(process, port, process.pid)


DENIED = """import ctypes, os, sys
libc = ctypes.CDLL(None)
if libc.prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN
    sys.exit(75)
libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
os.execv(sys.argv[1], sys.argv[1:])
"""
