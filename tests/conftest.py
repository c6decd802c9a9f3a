"""Shared by all tests."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterator

import pytest

from amount import load_examples

load_examples()

# Tests start many gateways and commands: those shall find modules compiled, or each spends a second of processor time on it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collecting makes a million objects, all of which stay: nobody looks for garbage among them, now or in any test that does."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(scope="module")
def tidy() -> None:
    """For tests that look for garbage: that of others is gone, and what is there is not looked through again by each of them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def tidy_before_langchain(request: pytest.FixtureRequest) -> None:
    """The same, but once: its clients are closed by the collector, so it must see them."""
    if "langchain_openai" not in sys.modules:
        request.getfixturevalue("tidy")


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A gateway sets the collector up for itself, and takes what is alive out of its sight; the tests want theirs back."""
    before = gc.get_threshold()
    monkeypatch.setattr(gc, "freeze", lambda: None)
    yield
    gc.set_threshold(*before)


@pytest.fixture(params=[8.0, pytest.param(1.0, marks=pytest.mark.long)], ids=["leisurely", "promised"])
def slack(request: pytest.FixtureRequest) -> float:
    """How many times as long as promised a thing may take: eight times beside other work, once in `make test-long`."""
    return float(request.param)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Async tests run on the loop the gateway runs on."""
    return ("asyncio", {"use_uvloop": True})
