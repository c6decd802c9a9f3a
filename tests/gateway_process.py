"""A real gateway in a process of its own, as a user would start it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

KEY = "sk-gateway-tests-0123456789abcdef"


class GatewayProcess:
    """Where it listens, and what it wrote."""

    def __init__(self, process: subprocess.Popen[bytes], said: dict[str, Any], folder: Path) -> None:
        self.process = process
        self.url: str = said["url"]
        self.admin: str | None = said["admin"]
        self.pids: dict[str, Any] = said["pids"]
        self.key = KEY
        self.folder = folder

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def access_lines(self, least: int = 0, seconds: float = 20.0) -> list[dict[str, Any]]:
        """The access log so far; waits until it has `least` lines."""
        file, end = self.folder / "access.log", time.monotonic() + seconds
        while True:
            written = file.read_bytes() if file.exists() else b""
            lines = written[: written.rfind(b"\n") + 1].splitlines()  # the last one may still be on its way
            if len(lines) >= least or time.monotonic() > end:
                return [msgspec.json.decode(line) for line in lines]
            time.sleep(0.02)

    def events(self) -> str:
        """What it wrote to standard error."""
        return (self.folder / "stderr").read_text()

    @property
    def worker(self) -> int:
        """The process id of the first worker, as it was announced."""
        return int(self.pids["workers"][0])

    def rss_kb(self) -> int:
        """Of the first worker."""
        lines = Path(f"/proc/{self.worker}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    def reload(self, config: dict[str, Any]) -> None:
        """Write another configuration; it is noticed by itself."""
        (self.folder / "gateway.json").write_bytes(msgspec.json.encode(_complete(config, self.folder)))

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)


@contextlib.contextmanager
def running_gateway(
    config: dict[str, Any], folder: Path, environ: dict[str, str] | None = None, status: int = 0
) -> Iterator[GatewayProcess]:
    """Start it on a free port with `config` (server.port, auth, logging and state are filled in), and end it.

    At the end it must leave by itself with `status` and have reported no bug.
    """
    file = folder / "gateway.json"
    file.write_bytes(msgspec.json.encode(_complete(config, folder)))
    clean = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper() and not name.startswith("GATEWAY_")}
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "llm_gateway", "--json", "serve", "--config", str(file)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=clean | (environ or {}),
        )
    assert process.stdout is not None
    try:
        said = b""
        while not said.endswith(b"\n}\n"):  # the brace that closes the whole document stands alone
            line = process.stdout.readline()
            if not line:
                raise AssertionError(f"the gateway did not start: {(folder / 'stderr').read_text()}")
            said += line
        gateway = GatewayProcess(process, msgspec.json.decode(said), folder)
        yield gateway
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == status
        assert '"event":"bug"' not in gateway.events(), gateway.events()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


def _complete(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    base: dict[str, Any] = {
        "server": {"port": 0, "drain": "5s", "admin": {"port": 0}},
        "auth": {"keys": [{"name": "tests", "key": KEY}]},
        "logging": {"access": str(folder / "access.log")},
        "state": {"dir": str(folder / "state")},
    }
    for section, value in config.items():
        base[section] = {**base[section], **value} if section in base else value
    return base
