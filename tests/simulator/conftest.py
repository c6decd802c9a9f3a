"""One simulator for all tests of this folder that need no options of their own."""

from __future__ import annotations

import pytest

from llm_gateway.simulator import running_simulator


@pytest.fixture(scope="session")
def shared_simulator():
    with running_simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(shared_simulator):
    """A running simulator with an empty log and fresh fault counters."""
    shared_simulator.accept()
    shared_simulator.reset()
    return shared_simulator
