"""Programs that look at monitoring files: Prometheus' and Alertmanager's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def program(name: str, package: str) -> str:
    """Its path; skips the test where it is not, or fails it where CHECKERS=required."""
    path = shutil.which(name)
    if path is None:
        why = f"{name} is not installed; Debian has it in {package}"
        if os.environ.get("CHECKERS") == "required":
            pytest.fail(why)
        pytest.skip(why)
    return path


def runner(path: str) -> Run:
    """What runs it and returns all that it said."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, timeout=50, check=False)

    return run
