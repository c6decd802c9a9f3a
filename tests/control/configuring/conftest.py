"""Stores for these tests: SQLite, and both where SQL differs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_gateway.store.connect import Store
from servers import postgres
from store_support import DIALECTS, new_store

__all__ = ["postgres"]


@pytest.fixture(params=DIALECTS)
def each_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = new_store(str(request.param), tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = new_store("sqlite", tmp_path / "store")
    yield made
    made.close()
