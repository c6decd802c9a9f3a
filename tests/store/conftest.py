"""Every test of a repository runs on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_gateway.store.connect import Store
from servers import postgres
from store_support import DIALECTS, new_store

__all__ = ["postgres"]


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(dialect: str, tmp_path: Path) -> Iterator[Store]:
    """An empty database of this test's own, with its schema."""
    made = new_store(dialect, tmp_path)
    yield made
    made.close()


@pytest.fixture
def bare(dialect: str, tmp_path: Path) -> Iterator[Store]:
    """The same without a schema."""
    made = new_store(dialect, tmp_path, migrated=False, lock_wait=0.3)
    yield made
    made.close()
