"""A whole tree of processes, and what is left of it when one of them is killed."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from e2e.processes import children, running
from e2e.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator

pytestmark = pytest.mark.timeout(90)
ADMIN = "sk-admin-tests-0123456789abcdef"


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions(log_size=20_000)) as made:
        yield made


def configuration(simulator: RunningSimulator, model: str = "old", **server: Any) -> dict[str, Any]:
    keys = [{"name": "tests", "key": KEY}, {"name": "admin", "key": ADMIN, "kind": "admin"}]
    return {
        "server": server,
        "auth": {"keys": keys},
        "providers": {"sim": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": "sk-provider-0123456789"}},
        "models": {"m": f"sim/{model}", "slow": f"sim/{model}@@rechunk:mode=event,delay=0.02"},
    }


def request(url: str, method: str, path: str, body: Any = None, key: str = KEY) -> tuple[int, dict[str, str], bytes]:
    """On a connection of its own."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=15)
    try:
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request(method, path, data, headers)
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def chat(
    gateway: GatewayProcess, model: str = "m", *, stream: bool = False, text: str = "Hi"
) -> tuple[int, dict[str, str], bytes]:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}
    return request(gateway.url, "POST", "/v1/chat/completions", body)


def admin(gateway: GatewayProcess, path: str, method: str = "GET", key: str = ADMIN) -> tuple[int, Any]:
    assert gateway.admin is not None
    status, _, body = request(gateway.admin, method, path, key=key)
    return status, msgspec.json.decode(body) if body else None


def workers(gateway: GatewayProcess) -> dict[int, int]:
    """Slot -> process id, of those that control knows."""
    return {worker["slot"]: worker["pid"] for worker in admin(gateway, "/health")[1]["workers"]}


def snapshots(gateway: GatewayProcess) -> list[int]:
    return [worker["snapshot"] for worker in admin(gateway, "/health")[1]["workers"]]


class Asking:
    """Clients that ask without pause, each time on a new connection; what came of it."""

    def __init__(self, gateway: GatewayProcess, clients: int = 3) -> None:
        self.statuses: list[int] = []
        self.refused = 0
        self.broken = 0
        self._over = threading.Event()
        self._gateway = gateway
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.statuses.append(chat(self._gateway)[0])
            except ConnectionRefusedError:
                self.refused += 1
            except (OSError, http.client.HTTPException):
                self.broken += 1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        assert eventually(lambda: len(self.statuses) > 5)
        return self

    def __exit__(self, *_: object) -> None:
        before = len(self.statuses)
        assert eventually(lambda: len(self.statuses) > before + 10, 10)
        self._over.set()
        for thread in self._threads:
            thread.join(20)


def test_control_is_killed(simulator: RunningSimulator, tmp_path: Path) -> None:
    """Nobody who asks a model notices; control is back, with its workers, on the same port, and configurations are followed."""
    with running_gateway(configuration(simulator), tmp_path) as gateway:
        assert eventually(lambda: len(workers(gateway)) == 1)
        with Asking(gateway) as asking:
            os.kill(gateway.pids["control"], signal.SIGKILL)
            assert eventually(lambda: '"event":"process_started","process":"control"' in gateway.events(), 10)
            assert eventually(lambda: len(workers(gateway)) == 1, 10)
            gateway.reload(configuration(simulator, "new"))
            assert eventually(lambda: chat(gateway)[1]["x-gateway-model"] == "new", 10)
        assert (set(asking.statuses), asking.refused, asking.broken) == ({200}, 0, 0)


def test_a_worker_is_killed(simulator: RunningSimulator, tmp_path: Path) -> None:
    """The other worker's streams end as they began, no connection is refused, and the killed one is back."""
    with running_gateway(configuration(simulator, workers=2), tmp_path) as gateway:
        assert eventually(lambda: len(workers(gateway)) == 2)
        streams: list[bytes] = []

        def stream() -> None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                streams.append(chat(gateway, "slow", stream=True, text="[tokens=60]")[2])

        threads = [threading.Thread(target=stream) for _ in range(16)]
        for thread in threads:
            thread.start()
        assert eventually(lambda: len(simulator.requests) >= 16)
        time.sleep(0.3)
        victim = gateway.pids["workers"][0]
        with Asking(gateway) as asking:
            os.kill(victim, signal.SIGKILL)
            assert eventually(lambda: len(set(workers(gateway).values()) - {victim}) == 2, 15)
        for thread in threads:
            thread.join(20)
        assert asking.refused == 0
        assert set(asking.statuses) == {200}
        whole = [body for body in streams if body.endswith(b"data: [DONE]\n\n")]
        assert 0 < len(whole) < 16  # 2 ** -16 that all were with one of the two
        assert all(body.count(b'"content"') >= 60 for body in whole)
    lines = [msgspec.json.decode(line) for line in gateway.events().splitlines() if '"event":"worker_left"' in line]
    assert [line["pid"] for line in lines if line["level"] == "warning"] == [victim]
    assert len([line for line in lines if line["level"] == "info"]) == 2  # those that ended in order


def test_a_worker_needs_nobody_to_come_back(simulator: RunningSimulator, tmp_path: Path) -> None:
    """Control does not answer, and the file is broken: the worker serves what was good last, the reload included."""
    with running_gateway(configuration(simulator), tmp_path) as gateway:
        gateway.reload(configuration(simulator, "new"))
        assert eventually(lambda: chat(gateway)[1]["x-gateway-model"] == "new")
        assert eventually(lambda: '"event":"snapshot"' in gateway.events())
        time.sleep(0.2)  # it is on disk behind that line
        os.kill(gateway.pids["control"], signal.SIGSTOP)
        try:
            (tmp_path / "gateway.json").write_text("{ broken")
            os.kill(gateway.worker, signal.SIGKILL)
            assert chat(gateway)[1]["x-gateway-model"] == "new"
        finally:
            os.kill(gateway.pids["control"], signal.SIGCONT)
        assert eventually(lambda: "reload_refused" in gateway.events())
        assert chat(gateway)[0] == 200


def test_the_supervisor_is_killed(simulator: RunningSimulator, tmp_path: Path) -> None:
    """No process is left, and the next gateway has the state directory and the port."""
    config = configuration(simulator, workers=2)
    with running_gateway(config, tmp_path, status=-signal.SIGKILL) as gateway:
        pids = children(gateway.process.pid)
        assert len(pids) == 3
        gateway.process.kill()
        gateway.process.wait()
        port = gateway.port
        assert eventually(lambda: not any(map(running, pids)), 10)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    with running_gateway(config, tmp_path) as gateway:
        assert chat(gateway)[0] == 200


def test_a_second_gateway_in_one_state_directory_is_refused(simulator: RunningSimulator, tmp_path: Path) -> None:
    """Said in words, at once; the first one is not disturbed."""
    with running_gateway(configuration(simulator), tmp_path) as gateway:
        began = time.monotonic()
        command = [sys.executable, "-m", "llm_gateway", "serve", "--config", str(tmp_path / "gateway.json")]
        second = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
        assert second.returncode == 2
        assert "in use by another gateway" in second.stderr
        assert time.monotonic() - began < 30
        assert chat(gateway)[0] == 200


def test_a_second_signal_ends_it_at_once(simulator: RunningSimulator, tmp_path: Path) -> None:
    """The first one drains; who signals again does not want to wait."""
    with running_gateway(configuration(simulator, drain="30s"), tmp_path, status=128 + signal.SIGTERM) as gateway:
        pids = children(gateway.process.pid)
        thread = threading.Thread(target=_quietly, args=(gateway,))
        thread.start()
        assert eventually(lambda: any(b"tokens=3000" in seen.body for seen in simulator.requests))
        gateway.terminate()
        assert eventually(lambda: '"event":"draining"' in gateway.events())
        assert gateway.process.poll() is None
        gateway.terminate()
        assert gateway.process.wait(20) == 128 + signal.SIGTERM
        assert eventually(lambda: not any(map(running, pids)), 3)
        thread.join(10)


def _quietly(gateway: GatewayProcess) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        chat(gateway, "slow", stream=True, text="[tokens=3000]")


@pytest.mark.long
def test_operators_see_all_workers(simulator: RunningSimulator, tmp_path: Path) -> None:
    """Breakers of every worker, reset in every one; statistics are added up, and a worker's restart does not count twice."""
    config = configuration(simulator, workers=2, expose_admin=True)
    with running_gateway(config, tmp_path) as gateway:
        assert eventually(lambda: len(workers(gateway)) == 2)
        for _ in range(20):
            assert chat(gateway)[0] == 200

        def counted() -> int:
            row = admin(gateway, "/health/providers")[1]["providers"][0]
            return int(row["metrics"]["requests_per_minute"])

        assert eventually(lambda: counted() == 20, 5)
        os.kill(gateway.worker, signal.SIGKILL)
        assert eventually(lambda: gateway.worker not in workers(gateway).values() and len(workers(gateway)) == 2, 10)
        assert counted() <= 20
        breakers = admin(gateway, "/admin/circuit-breakers")[1]
        assert "missing" not in breakers
        assert set(breakers["data"][0]["workers"]) == {"0", "1"}
        assert admin(gateway, "/admin/circuit-breakers/sim/reset", "POST") == (204, None)
        assert admin(gateway, "/admin/circuit-breakers/none/reset", "POST")[0] == 404
        assert admin(gateway, "/admin/circuit-breakers", key=KEY)[0] == 403
        assert admin(gateway, "/v1/responses/x")[0] == 404
        status, _, body = request(gateway.url, "GET", "/admin/circuit-breakers", key=ADMIN)
        assert (status, len(msgspec.json.decode(body)["data"])) == (200, len(breakers["data"]))
        assert request(gateway.url, "GET", "/admin/circuit-breakers", key=KEY)[0] == 403
        assert request(gateway.url, "GET", "/admin/none", key=ADMIN)[0] == 404


@pytest.mark.long
def test_a_configuration_that_only_a_worker_can_refuse_is_put_back(simulator: RunningSimulator, tmp_path: Path) -> None:
    """A file of certificates that is not there: told in the log, the old one serves on, also in a worker that is started again."""
    with running_gateway(configuration(simulator), tmp_path) as gateway:
        assert eventually(lambda: len(workers(gateway)) == 1)
        bad = configuration(simulator, "new")
        bad["providers"]["sim"]["tls"] = {"ca_file": "/no/such/file"}
        gateway.reload(bad)
        assert eventually(lambda: "reload_refused" in gateway.events())
        assert chat(gateway)[1]["x-gateway-model"] == "old"
        os.kill(gateway.worker, signal.SIGKILL)
        assert chat(gateway)[1]["x-gateway-model"] == "old"
        gateway.reload(configuration(simulator, "new"))
        assert eventually(lambda: chat(gateway)[1]["x-gateway-model"] == "new")
