"""The secret store is away when the gateway starts, or has something new when an operator says so."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from e2e.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, running_simulator
from servers import free_port

pytestmark = pytest.mark.timeout(120)
PATIENCE = 25.0


class Vault:
    """As much of Vault as one secret needs: on a port of its own, there or not."""

    def __init__(self) -> None:
        self.port = free_port()
        self.value = "sk-provider-first-0123456789"
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        vault = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = msgspec.json.encode({"data": {"data": {"api_key": vault.value}, "metadata": {"version": 1}}})
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Answers)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def vault() -> Iterator[Vault]:
    made = Vault()
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as made:
        yield made


def configuration(simulator: RunningSimulator, vault: Vault, **more: Any) -> dict[str, Any]:
    return {
        "secrets": {"vault": {"address": vault.url, "token": "t-0123456789"}, "timeout": "2s"},
        "providers": {
            "sim": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": "${vault:secret/openai#api_key}"},
        },
        "models": {"m": "sim/one"},
        **more,
    }


def ask(gateway: GatewayProcess) -> int:
    with httpx.Client(trust_env=False) as client:
        body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
        return client.post(
            f"{gateway.url}/v1/chat/completions", headers={"Authorization": f"Bearer {KEY}"}, json=body
        ).status_code


def key_sent(gateway: GatewayProcess, simulator: RunningSimulator) -> str:
    """What the provider is shown."""
    assert ask(gateway) == 200
    sent = simulator.requests[-1].header("authorization")  # a digest of it
    assert sent is not None
    return sent


def test_it_starts_with_what_was_good_last(simulator: RunningSimulator, vault: Vault, tmp_path: Path) -> None:
    """SIGHUP fetches what is new in the store; with the store gone the next start serves that, says so, and goes on when it is back."""
    config = configuration(simulator, vault)
    with running_gateway(config, tmp_path) as gateway:
        before = key_sent(gateway, simulator)
        vault.value = "sk-provider-second-0123456789"
        gateway.process.send_signal(signal.SIGHUP)  # long before secrets.cache is over
        assert eventually(lambda: key_sent(gateway, simulator) != before, PATIENCE)
        second = key_sent(gateway, simulator)
        assert eventually(lambda: gateway.events().count('"event":"snapshot"') >= 1, PATIENCE)
    vault.stop()
    with running_gateway(config, tmp_path) as gateway:
        assert key_sent(gateway, simulator) == second
        assert '"event":"last_good_used"' in gateway.events()
        assert "sk-provider" not in gateway.events()
        vault.value = "sk-provider-third-0123456789"
        vault.start()
        gateway.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: key_sent(gateway, simulator) != second, PATIENCE)


@pytest.mark.long
def test_without_anything_kept_it_does_not_start(simulator: RunningSimulator, vault: Vault, tmp_path: Path) -> None:
    """A first start needs the store: status 2, and the text names the place of the reference."""
    vault.stop()
    file = tmp_path / "gateway.json"
    state = {"dir": str(tmp_path / "state")}
    file.write_bytes(msgspec.json.encode(configuration(simulator, vault, state=state, server={"port": 0, "admin": False})))
    done = subprocess.run(
        [sys.executable, "-m", "llm_gateway", "serve", "--config", str(file)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 2
    assert "providers.sim.api_key" in done.stderr


@pytest.mark.long
def test_another_mistake_is_no_absence(simulator: RunningSimulator, vault: Vault, tmp_path: Path) -> None:
    """A file that is wrong is refused at the start even though a good configuration is kept, store or no store."""
    config = configuration(simulator, vault)
    with running_gateway(config, tmp_path) as gateway:
        assert eventually((tmp_path / "state" / "snapshot").exists, PATIENCE)
        assert ask(gateway) == 200
    vault.stop()
    with pytest.raises(AssertionError, match="servr"), running_gateway({**config, "servr": {}}, tmp_path):
        pass
