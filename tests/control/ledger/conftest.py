"""Every test of the ledger runs on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_gateway.store.connect import Store
from servers import postgres
from store_support import DIALECTS, new_store

__all__ = ["postgres"]


@pytest.fixture(params=DIALECTS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty one of this test's own; `tmp_path` is the state directory."""
    made = new_store(str(request.param), tmp_path)
    yield made
    made.close()
