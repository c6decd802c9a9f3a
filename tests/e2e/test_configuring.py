"""Providers and models over the admin API of a gateway that serves: at once, without a failed request, and for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import yaml

from e2e.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator

pytestmark = pytest.mark.timeout(90)
ADMIN = "sk-admin-tests-0123456789abcdef0123"
PROVIDER_KEY = "sk-provider-0123456789"


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions(log_size=20_000)) as made:
        yield made


def configuration(simulator: RunningSimulator) -> dict[str, Any]:
    return {
        "providers": {"sim": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": PROVIDER_KEY}},
        "models": {"m": "sim/old"},
        "auth": {"keys": [{"name": "tests", "key": KEY}, {"name": "boss", "key": ADMIN, "kind": "admin"}]},
    }


def asked(gateway: GatewayProcess, model: str, client: Any = httpx) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
    return client.post(f"{gateway.url}/v1/chat/completions", headers={"Authorization": f"Bearer {KEY}"}, json=body, timeout=10)


def admin(gateway: GatewayProcess, method: str, path: str, **more: Any) -> httpx.Response:
    """Tried again while control or its store is only just there."""
    end = time.monotonic() + 15
    while True:
        try:
            answer = httpx.request(
                method, f"{gateway.admin}{path}", headers={"Authorization": f"Bearer {ADMIN}"}, timeout=20, **more
            )
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
        else:
            if answer.status_code != 503 or time.monotonic() > end:
                return answer
        time.sleep(0.05)


class Load:
    """Requests one after the other in the background; those that failed are kept."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway
        self._over = threading.Event()
        self.failed: list[str] = []
        self.done = 0
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with httpx.Client() as client:
            while not self._over.is_set():
                answer = asked(self._gateway, "m", client)
                self.done += 1
                if answer.status_code != 200:
                    self.failed.append(answer.text)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        assert self.failed == []
        assert self.done > 0


def test_a_provider_and_a_model_made_while_requests_run(simulator, tmp_path):
    """They can be asked as soon as the answer is there, are gone when gone back, and outlive control, restarts and the store."""
    provider = {"name": "extra", "type": "openai", "base_url": f"{simulator.url}/v1", "api_key": PROVIDER_KEY}
    with running_gateway(configuration(simulator), tmp_path) as gateway, Load(gateway):
        before = admin(gateway, "POST", "/admin/v1/providers", json=provider)
        assert before.status_code == 201, before.text
        assert asked(gateway, "fast").status_code == 404
        made = admin(gateway, "POST", "/admin/v1/models", json={"name": "fast", "deployments": ["extra/new"]})
        assert made.status_code == 201, made.text
        assert asked(gateway, "fast").json()["model"] == "new"
        listed = httpx.get(f"{gateway.url}/v1/providers", headers={"Authorization": f"Bearer {KEY}"}).json()
        assert [(row["id"], row["type"]) for row in listed["data"]] == [("extra", "openai"), ("sim", "openai")]
        number = int(before.headers["x-gateway-snapshot"])
        gone = admin(gateway, "POST", f"/admin/v1/snapshots/{number}/rollback", json={})
        assert gone.json()["changed"] == ["models/fast"]
        assert asked(gateway, "fast").status_code == 404
        back = admin(gateway, "POST", f"/admin/v1/snapshots/{made.headers['x-gateway-snapshot']}/rollback", json={})
        assert back.status_code == 200, back.text
        os.kill(int(gateway.pids["control"]), signal.SIGKILL)
        for _ in range(20):
            assert asked(gateway, "fast").status_code == 200
        assert eventually(lambda: "process_started" in gateway.events())
        assert admin(gateway, "GET", "/admin/v1/models/fast").json()["owner"] == "api"
        assert asked(gateway, "fast").status_code == 200
    store = tmp_path / "state" / "gateway.db"
    for part in store.parent.glob("gateway.db*"):
        part.rename(part.with_name(f"away-{part.name}"))
    store.mkdir()  # it cannot be opened
    with running_gateway(configuration(simulator), tmp_path) as gateway:
        assert asked(gateway, "fast").status_code == 200  # the very first request
        assert eventually(lambda: "store_away" in gateway.events(), 15)
        assert eventually(lambda: '"event":"worker_joined"' in gateway.events())
        assert asked(gateway, "fast").status_code == 200
        store.rmdir()
        for part in store.parent.glob("away-*"):
            part.rename(part.with_name(part.name.removeprefix("away-")))
        assert eventually(lambda: admin(gateway, "GET", "/admin/v1/models").json()["data"][-1]["name"] == "fast", 15)
        assert admin(gateway, "DELETE", "/admin/v1/models/fast").status_code == 204
        assert asked(gateway, "fast").status_code == 404


def cli(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")} | {"COLUMNS": "200"}
    command = [sys.executable, "-m", "llm_gateway", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=clean | environ)


@pytest.mark.long
def test_from_a_file_to_the_api_and_back(simulator, tmp_path):
    """`config export`, `import` and `diff`, as a person does it."""
    with running_gateway(configuration(simulator), tmp_path) as gateway:
        assert gateway.admin is not None
        where = ("--admin-url", gateway.admin, "-k", ADMIN)
        file = Path(tmp_path / "more.yaml")
        file.write_text(
            f"providers: {{two: {{type: openai, base_url: '{simulator.url}/v1', api_key: '${{TWO_KEY}}'}}}}\nmodels: {{fast: two/new}}\n"
        )
        admin(gateway, "GET", "/admin/v1/models")
        done = cli("config", "import", str(file), "--dry-run", *where, TWO_KEY=PROVIDER_KEY)
        assert "created: providers/two, models/fast" in done.stdout, done
        assert asked(gateway, "fast").status_code == 404
        assert cli("config", "import", str(file), *where, TWO_KEY=PROVIDER_KEY).returncode == 0
        assert asked(gateway, "fast").status_code == 200
        differs = cli("config", "diff", "-c", str(tmp_path / "gateway.json"), *where)
        assert differs.returncode == 1
        assert "models.fast" in differs.stdout
        assert PROVIDER_KEY not in differs.stdout
        written = cli("config", "export", *where).stdout
        assert yaml.safe_load(written)["providers"]["two"]["api_key"] == "${PROVIDERS_TWO_API_KEY}"
        refused = cli("config", "import", str(tmp_path / "gateway.json"), *where)
        assert refused.returncode == 1
        assert "owned_by_file" in refused.stderr
    away = cli("config", "export", *where)
    assert away.returncode == 1
    assert "Is the gateway running there?" in away.stderr
