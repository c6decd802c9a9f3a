"""The checkers of deployment files. They live in build/checkers; `make test-deployment` makes it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deployment.charts import installed

__all__ = ["installed", "tool"]
ROOT = Path(__file__).parents[2]
ELSEWHERE = frozenset({"kubectl", "terraform", "docker", "helm"})
Tool = Callable[[str], str]


@pytest.fixture(scope="session")
def tool() -> Tool:
    """The path of a checker by its name. One that is not there skips the test, or fails it where CHECKERS=required (those that
    neither PyPI nor Debian has: where CHECKERS=all).
    """

    def found(name: str) -> str:
        path = ROOT / "build" / "checkers" / "bin" / name
        known = str(path) if path.exists() else shutil.which(name)
        if known is not None:
            return known
        wanted = os.environ.get("CHECKERS")
        if wanted == "all" or (wanted == "required" and name not in ELSEWHERE):
            pytest.fail(f"{name} is not there. `make setup-checkers` installs what PyPI has; Debian has the rest.")
        pytest.skip(f"{name} is not installed; `make test-deployment` sets it up")

    return found
