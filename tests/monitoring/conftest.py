"""Prometheus' and Alertmanager's own checkers."""

from __future__ import annotations

import pytest

from monitoring.programs import Run, program, runner
from servers import redis_server

__all__ = ["redis_server"]


@pytest.fixture(scope="session")
def promtool() -> Run:
    """Runs promtool; skips the test where there is none."""
    return runner(program("promtool", "prometheus"))


@pytest.fixture(scope="session")
def amtool() -> Run:
    """Runs amtool; skips the test where there is none."""
    return runner(program("amtool", "prometheus-alertmanager"))
