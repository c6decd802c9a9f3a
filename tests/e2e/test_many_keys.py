"""A hundred thousand keys in the store: what they cost a real worker, and how soon one of them is refused."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from sqlalchemy import insert

from e2e.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.identity.keys import Pepper
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator
from llm_gateway.store import marks
from llm_gateway.store.tables import keys
from llm_gateway.worker.pepper import load_peppers
from store_support import new_store

pytestmark = pytest.mark.timeout(180)
ADMIN = "sk-admin-many-0123456789abcdef"
MANY = 100_000


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions(log_size=10)) as made:
        yield made


def configuration(simulator: RunningSimulator) -> dict[str, Any]:
    return {
        "auth": {"keys": [{"name": "tests", "key": KEY}, {"name": "admin", "key": ADMIN, "kind": "admin"}]},
        "providers": {"sim": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": "sk-provider-0123456789"}},
        "models": {"m": "sim/any"},
    }


def secret(number: int) -> str:
    return f"sk-gateway-many-{number:026d}"


def ident(number: int) -> str:
    return f"key_{number:026d}"


def fill(state: Path, count: int) -> None:
    """Keys with limits and a budget, as the API would have made them."""
    state.mkdir()
    pepper = Pepper(load_peppers(state)[0])
    document = '{"limits":{"requests":{"minute":600}},"budgets":[{"amount":100,"period":"month"}]}'
    rows = [
        {
            "id": ident(number),
            "digest": pepper.digest(secret(number).encode()),
            "prefix": "sk-gateway-many",
            "name": f"service {number}",
            "kind": "gateway",
            "tenant": "",
            "project": "",
            "document": document,
            "status": "active",
            "created_at": number,
            "created_by": "test",
            "version": 1,
        }
        for number in range(count)
    ]
    store = new_store("sqlite", state, timeout=120.0)
    try:
        store.write(lambda connection: (connection.execute(insert(keys), rows), marks.changed(connection, "keys")))
    finally:
        store.close()


def chat(gateway: GatewayProcess, key: str, connection: http.client.HTTPConnection | None = None) -> int:
    made = connection or http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=15)
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
    made.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    answer = made.getresponse()
    answer.read()
    if connection is None:
        made.close()
    return answer.status


def admin(gateway: GatewayProcess, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
    assert gateway.admin is not None
    connection = http.client.HTTPConnection(gateway.admin.removeprefix("http://"), timeout=30)
    try:
        data = None if body is None else msgspec.json.encode(body)
        said = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json", **headers}
        connection.request(method, path, data, said)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, msgspec.json.decode(text or b"null")
    finally:
        connection.close()


class Neighbour:
    """Another caller, who asks on one connection without pause: how long he waited at most."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.slowest = 0.0
        self.statuses: set[int] = set()
        self._gateway = gateway
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._gateway.port, timeout=15)
        while not self._over.wait(0.005):
            began = time.monotonic()
            self.statuses.add(chat(self._gateway, KEY, connection))
            self.slowest = max(self.slowest, time.monotonic() - began)
        connection.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(20)


@pytest.mark.long
def test_a_hundred_thousand_keys(simulator: RunningSimulator, tmp_path: Path) -> None:
    """They come into a running worker without anybody waiting for a second, cost less than 200 bytes each, and one that is revoked
    is refused within a second, on open connections too."""
    (tmp_path / "without").mkdir()
    with running_gateway(configuration(simulator), tmp_path / "without") as gateway:
        assert chat(gateway, KEY) == 200
        assert eventually(lambda: admin(gateway, "GET", "/health")[0] == 200)
        time.sleep(2)
        empty = gateway.rss_kb()
    fill(tmp_path / "state", MANY)
    with running_gateway(configuration(simulator), tmp_path) as gateway:
        began = time.monotonic()
        with Neighbour(gateway) as neighbour:
            assert eventually(lambda: chat(gateway, secret(MANY // 2)) == 200, 60)
            came = time.monotonic() - began
        full = gateway.rss_kb()
        each = (full - empty) * 1024 / MANY
        held = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=15)
        assert chat(gateway, secret(7), held) == 200
        version = admin(gateway, "GET", f"/admin/v1/keys/{ident(7)}")[1]["etag"]
        began = time.monotonic()
        status, _, answer = admin(gateway, "POST", f"/admin/v1/keys/{ident(7)}/revoke", **{"If-Match": version})
        assert status == 200, answer
        assert eventually(lambda: chat(gateway, secret(7), held) == 401, 10)
        refused = time.monotonic() - began
        assert chat(gateway, secret(7)) == 401
        held.close()
        assert chat(gateway, secret(8)) == 200
    print({"came": came, "slowest meanwhile": neighbour.slowest, "bytes a key": each, "refused after": refused})
    assert neighbour.statuses == {200}
    assert neighbour.slowest < 1.0
    assert each < 200
    assert refused < 1.0


def test_a_key_that_is_disabled_for_a_while(simulator: RunningSimulator, tmp_path: Path) -> None:
    """It is refused within a second, and good again within seconds when it is enabled, without a restart."""
    with running_gateway(configuration(simulator), tmp_path) as gateway:
        assert eventually(lambda: admin(gateway, "GET", "/admin/v1/keys")[0] == 200, 20)
        status, _, made = admin(gateway, "POST", "/admin/v1/keys", {"name": "one"})
        assert status == 201, made
        key = made["key"]
        assert eventually(lambda: chat(gateway, key) == 200, 20)
        for _ in range(2):
            for disabled, expected in ((True, 401), (False, 200)):
                version = admin(gateway, "GET", f"/admin/v1/keys/{made['id']}")[1]["etag"]
                status, _, answer = admin(
                    gateway, "PATCH", f"/admin/v1/keys/{made['id']}", {"disabled": disabled}, **{"If-Match": version}
                )
                assert status == 200, answer
                assert eventually(lambda expected=expected: chat(gateway, key) == expected, 5), (disabled, expected)
