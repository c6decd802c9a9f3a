"""Reloads, restarts and ends that callers do not notice: no request is lost, and no stream is cut."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from e2e.processes import running
from e2e.simulator_process import SimulatorProcess, simulator_process
from e2e.streaming_load import HEADERS, Callers
from e2e.world import eventually
from gateway_process import GatewayProcess, running_gateway
from servers import binary, free_port

pytestmark = pytest.mark.timeout(240)
PATIENCE = 30.0
SOME = pytest.mark.parametrize("streams", [20, 200])


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with simulator_process(tmp_path_factory.mktemp("simulator"), 20.0) as made:
        yield made


def configuration(simulator: SimulatorProcess, model: str = "old", **server: Any) -> dict[str, Any]:
    return {
        "server": {"drain": "30s", **server},
        "providers": {"sim": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": "sk-provider-0123456789"}},
        "models": {"m": f"sim/{model}"},
        "resilience": {"shedding": {"enabled": False}},  # a slow machine must not refuse what this counts
    }


def workers(gateway: GatewayProcess) -> dict[int, int]:
    """Slot -> process id, of those that control knows."""
    found = httpx.get(f"{gateway.admin}/health", trust_env=False).json()
    return {worker["slot"]: worker["pid"] for worker in found["workers"]}


@pytest.mark.long
@SOME
def test_reloads(simulator: SimulatorProcess, tmp_path: Path, streams: int) -> None:
    """The configuration is replaced three times under streams and short requests, by file and by SIGHUP."""
    with running_gateway(configuration(simulator), tmp_path) as gateway:
        callers = Callers(gateway.url, streams, 60 + streams)
        with callers:
            gateway.reload(configuration(simulator, "new"))
            assert eventually(lambda: gateway.events().count('"event":"reloaded"') >= 1, PATIENCE)
            for wanted in (2, 3):
                gateway.process.send_signal(signal.SIGHUP)
                assert eventually(lambda wanted=wanted: gateway.events().count('"event":"reloaded"') >= wanted, PATIENCE)
            before = callers.answered
            assert eventually(lambda: callers.answered > before + 10, PATIENCE)
        callers.right()


@pytest.mark.long
@SOME
def test_workers_one_by_one(simulator: SimulatorProcess, tmp_path: Path, streams: int) -> None:
    """Each worker is ended and comes back as another process, while callers go on: who connects meanwhile waits, and is served."""
    with running_gateway(configuration(simulator, workers=2), tmp_path) as gateway:
        assert eventually(lambda: len(workers(gateway)) == 2, PATIENCE)
        callers = Callers(gateway.url, streams, 60 + streams)
        with callers:
            before = workers(gateway)
            for slot, pid in before.items():
                os.kill(pid, signal.SIGTERM)
                assert eventually(lambda slot=slot, pid=pid: workers(gateway).get(slot, pid) != pid, 2 * PATIENCE)
            answered = callers.answered
            assert eventually(lambda: callers.answered > answered + 10, PATIENCE)
        callers.right()
        assert not set(before.values()) & set(workers(gateway).values())


@contextmanager
def haproxy(folder: Path, ports: list[int]) -> Iterator[str]:
    """Its URL. It sends callers to whoever is ready, and tries nothing twice: what is lost shows."""
    port, admin = free_port(), folder / "haproxy.sock"
    servers = "\n".join(f"  server g{at} 127.0.0.1:{port} check inter 200ms fall 1 rise 1" for at, port in enumerate(ports))
    file = folder / "haproxy.cfg"
    file.write_text(
        f"global\n  stats socket {admin}\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 300s\n  timeout server 300s\n  retries 0\n  no option redispatch\n"
        f"frontend f\n  bind 127.0.0.1:{port}\n  default_backend b\n"
        f"backend b\n  balance roundrobin\n  option httpchk GET /health/ready\n{servers}\n"
    )
    process = subprocess.Popen([binary("haproxy"), "-f", str(file), "-db", "-q"], stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        # It takes everybody for well until it has looked: twice around, so that it knows who is not there.
        assert eventually(lambda: all(_answers(url) for _ in range(2 * len(ports))), PATIENCE)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.long
@SOME
def test_gateways_one_by_one(simulator: SimulatorProcess, tmp_path: Path, streams: int) -> None:
    """A rolling restart as a cluster does it, behind a proxy that never tries again: two gateways are replaced by two others."""
    ports = [free_port() for _ in range(4)]
    with ExitStack() as stack:

        def start(at: int) -> GatewayProcess:
            folder = tmp_path / f"gateway{at}"
            folder.mkdir()
            config = configuration(simulator, port=ports[at], drain_delay="2s")
            return stack.enter_context(running_gateway(config, folder))

        old = [start(0), start(1)]
        url = stack.enter_context(haproxy(tmp_path, ports))
        callers = Callers(url, streams, 120 + streams)
        with callers:
            for at, gateway in enumerate(old):
                new = start(2 + at)
                assert eventually(lambda new=new: _answers(new.url), PATIENCE)
                time.sleep(0.6)  # the proxy has seen it, too
                gateway.terminate()
                assert gateway.process.wait(2 * PATIENCE) == 0
            answered = callers.answered
            assert eventually(lambda: callers.answered > answered + 10, PATIENCE)
        callers.right()


def test_the_order_of_an_end(simulator: SimulatorProcess, tmp_path: Path) -> None:
    """SIGTERM: not ready on both ports while callers are still served; then nobody is let in; then streams end; then the ledger is
    in the store; then all processes are gone, with status 0.
    """
    with running_gateway(configuration(simulator, drain_delay="1s"), tmp_path) as gateway:
        address = ("127.0.0.1", gateway.port)
        assert eventually(lambda: len(workers(gateway)) == 1, PATIENCE)
        callers = Callers(gateway.url, 20, 100, short=1)
        with callers:
            callers.stop_short()
            kept = http.client.HTTPConnection(*address, timeout=20)
            assert _asked(kept, "GET", "/health/ready")[0] == 200
            gateway.terminate()
            assert eventually(lambda: _asked(kept, "GET", "/health/ready", again=True)[0] == 503, PATIENCE)
            status, headers = _asked(kept, "POST", "/v1/chat/completions", again=True)
            assert (status, headers["connection"]) == (200, "close")
            assert httpx.get(f"{gateway.admin}/health/ready", trust_env=False).json()["reason"] == "draining"
            kept.close()
            assert eventually(lambda: _refused(address), PATIENCE)
            assert callers.whole == 0
            assert gateway.process.poll() is None
        callers.right()
        assert gateway.process.wait(PATIENCE) == 0
        assert not any(running(pid) for pid in (gateway.worker, gateway.pids["control"]))
        order = ["draining", "closing", "drained", "ended", "control_ended"]
        told = [msgspec.json.decode(line)["event"] for line in gateway.events().splitlines()]
        assert [event for event in told if event in order] == order
        rows = _ledger(tmp_path)
        assert [row["status"] for row in rows].count("interrupted") == 0
        assert len(rows) == 20 + callers.answered + 1


def _asked(connection: http.client.HTTPConnection, method: str, path: str, *, again: bool = False) -> tuple[int, dict[str, str]]:
    """`again`: on a new connection, as after an answer that said that it was the last."""
    if again:
        connection.close()
    body = b'{"model":"m","messages":[{"role":"user","content":"[tokens=1]"}]}' if method == "POST" else None
    connection.request(method, path, body, {**HEADERS, "Content-Type": "application/json"})
    reply = connection.getresponse()
    reply.read()
    return reply.status, {name.lower(): value for name, value in reply.getheaders()}


def _refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, 5).close()
    except ConnectionRefusedError:
        return True
    return False


def _ledger(folder: Path) -> list[dict[str, Any]]:
    """Everything in the store."""
    command = [sys.executable, "-m", "llm_gateway", "ledger", "export", "--config", str(folder / "gateway.json")]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return [msgspec.json.decode(line) for line in done.stdout.splitlines()]
