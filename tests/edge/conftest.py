"""The same tests wherever things are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store_support import DIALECTS, new_store
from whole_gateway import KEPT_IN


@pytest.fixture(params=["memory", *DIALECTS])
def every_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Gateways of the test keep things in memory, or in a database of the test's own."""
    if request.param == "memory":
        yield
        return
    store = new_store(request.param, tmp_path)
    token = KEPT_IN.set(lambda: store)
    yield
    KEPT_IN.reset(token)
    store.close()
