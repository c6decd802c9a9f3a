"""One gateway with an account of every provider type, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.world import World, running_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("contract")) as made:
        yield made
