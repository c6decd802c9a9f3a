"""Shared by all tests."""

from __future__ import annotations

import os

import pytest

# Tests start many gateways and commands: those shall find modules compiled, or each spends a second of processor time on it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Async tests run on the loop the gateway runs on."""
    return ("asyncio", {"use_uvloop": True})
