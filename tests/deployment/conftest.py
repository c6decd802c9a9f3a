"""The checkers of deployment files. They live in build/checkers; `make test-deployment` makes it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Tool = Callable[[str], str]


@pytest.fixture(scope="session")
def tool() -> Tool:
    """The path of a checker by its name. One that is not there skips the test, or fails it where CHECKERS=required."""

    def found(name: str) -> str:
        path = ROOT / "build" / "checkers" / "bin" / name
        known = str(path) if path.exists() else shutil.which(name)
        if known is not None:
            return known
        if os.environ.get("CHECKERS") == "required":
            pytest.fail(f"{name} is not there. `make setup-checkers` installs what PyPI has; Debian has the rest.")
        pytest.skip(f"{name} is not installed; `make test-deployment` sets it up")

    return found
