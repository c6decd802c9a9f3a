"""One provider that can fail, one gateway in front of it, for all tests of this folder that need nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.world import World, running_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("e2e")
    with running_world(folder) as made:
        yield made
