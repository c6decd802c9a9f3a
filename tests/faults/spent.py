"""A gateway with prices, keys with budgets, and what its ledger says a request cost: for the tests of limits and usage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from faults.answers import Got
from faults.world import FRONTS, NO_GUARDS, Client
from gateway_process import KEY, GatewayProcess
from llm_gateway.accounting.fold import Fold
from llm_gateway.accounting.logs import directory_of, slots
from llm_gateway.accounting.scan import Scanner
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator

INPUT, OUTPUT = 1_000, 10_000
"""Nano-dollars of a token."""
BIG = "sk-gateway-big-0123456789abcdef"


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions(log_size=5000, tokens_per_second=200.0)) as made:
        yield made


def configuration(simulator: RunningSimulator, keys: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    prices = {"input": INPUT / 1000, "output": OUTPUT / 1000}
    url, key = simulator.url, "sk-provider-0123456789"
    return {
        "auth": {"keys": [{"name": "tests", "key": KEY}, *keys]},
        "providers": {
            "openai": {"type": "openai", "base_url": f"{url}/v1", "api_key": key},
            "anthropic": {"type": "anthropic", "base_url": url, "api_key": key},
        },
        "models": {
            **{f"{back}-m": {"deployments": [f"{back}/priced"], "retries": 0} for back in FRONTS},
            **{f"{back}-silent": {"deployments": [f"{back}/priced@@no_usage"], "retries": 0} for back in FRONTS},
        },
        "catalogue": {"models": {f"{back}/priced*": {"prices": prices} for back in FRONTS}},
        "resilience": NO_GUARDS,
        **more,
    }


def rows(gateway: GatewayProcess) -> list[LedgerRow]:
    """What the write-ahead logs say now."""
    state = gateway.folder / "state"
    found: list[LedgerRow] = []
    for slot in slots(state):
        found += Fold().take(Scanner(directory_of(state, slot)).read(100_000))
    return found


def row(gateway: GatewayProcess, request_id: str) -> LedgerRow:
    """Of this request, which is over or about to be."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for one in rows(gateway):
            if one.request_id == request_id:
                return one
        time.sleep(0.02)
    raise AssertionError(f"no row of {request_id}")


def ask(gateway: GatewayProcess, key: str, body: bytes, front: str = "openai", **headers: str) -> Got:
    client = Client(gateway.port)
    try:
        return client.send(front, body, {"Authorization": f"Bearer {key}", "x-api-key": key, **headers})
    finally:
        client.close()


def priced(gateway: GatewayProcess, got: Got, least_output: int) -> LedgerRow:
    """Its row, which says that it cost at least so many tokens of answer, and something for the prompt."""
    found = row(gateway, got.header("x-request-id") or "")
    assert found.cost >= least_output * OUTPUT + INPUT, found
    assert found.key == "big"
    return found
