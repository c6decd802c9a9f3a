"""Requests for pictures and speech that race for a hard budget before anything is known of what they cost."""

from __future__ import annotations

import http.client
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from e2e.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.accounting.fold import Fold
from llm_gateway.accounting.logs import directory_of
from llm_gateway.accounting.scan import Scanner
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator

pytestmark = [pytest.mark.long, pytest.mark.timeout(90)]
PAINTER, SPEAKER = "sk-gateway-painter-0123456789", "sk-gateway-speaker-0123456789"
TOGETHER = 50


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions(log_size=500)) as made:
        yield made


@pytest.fixture(scope="module")
def gateway(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    prices = {
        "openai/dall-e-3*": {"prices": {"image": 0.08, "image_by": {"standard/1024x1024": 0.04, "hd/1024x1024": 0.08}}},
        "openai/tts-1*": {"prices": {"characters": 15}},
    }
    config: dict[str, Any] = {
        "auth": {
            "keys": [
                {"name": "tests", "key": KEY},
                {"name": "painter", "key": PAINTER, "budgets": [{"amount": 1, "period": "total"}]},
                {"name": "speaker", "key": SPEAKER, "budgets": [{"amount": 0.1, "period": "total"}]},
            ]
        },
        "providers": {"openai": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": "sk-provider-0123456789"}},
        "models": {"pictures": "openai/dall-e-3", "voice": "openai/tts-1"},
        "catalogue": {"models": prices},
    }
    with running_gateway(config, tmp_path_factory.mktemp("media")) as running:
        yield running


def statuses(gateway: GatewayProcess, key: str, path: str, body: Any) -> Counter[int]:
    """Of so many requests at once."""
    data = msgspec.json.encode(body)

    def one(_: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
        try:
            connection.request("POST", path, data, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    with ThreadPoolExecutor(TOGETHER) as pool:
        return Counter(pool.map(one, range(TOGETHER)))


def spent(gateway: GatewayProcess, key: str) -> list[int]:
    """What each of a key's requests cost that did cost something, in nano-dollars."""
    rows = Fold().take(Scanner(directory_of(gateway.folder / "state", 0)).read(100_000))
    return [row.cost for row in rows if row.key == key and row.cost]


def test_pictures(gateway: GatewayProcess) -> None:
    """Three pictures cost 0.24 dollars, the budget is 1: of fifty such requests at once four are made, the fourth time in any
    order, and not a cent more is spent."""
    body = {"model": "pictures", "prompt": "A cat", "n": 3, "size": "1024x1024", "quality": "hd"}
    got = statuses(gateway, PAINTER, "/v1/images/generations", body)
    assert set(got) <= {200, 402, 429}
    assert got[200] == 4
    assert eventually(lambda: spent(gateway, "painter") == [240_000_000] * 4)


def test_speech(gateway: GatewayProcess) -> None:
    """A thousand characters cost 0.015 dollars, the budget is 0.10: six are spoken."""
    got = statuses(gateway, SPEAKER, "/v1/audio/speech", {"model": "voice", "input": "a" * 1000, "voice": "alloy"})
    assert set(got) <= {200, 402, 429}
    assert got[200] == 6
    assert eventually(lambda: spent(gateway, "speaker") == [15_000_000] * 6)
