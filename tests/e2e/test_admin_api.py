"""The admin API of a real gateway: what is changed there holds in its workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_process import KEY, GatewayProcess, running_gateway

ADMIN = "sk-admin-tests-0123456789abcdef"
CONFIG: dict[str, Any] = {
    "server": {"port": 0, "drain": "1s", "admin": {"port": 0}, "workers": 2},
    "auth": {"keys": [{"name": "tests", "key": KEY}, {"name": "root", "kind": "admin", "key": ADMIN}]},
    "providers": {"sim": {"type": "simulator"}},
    "models": {"m": {"deployments": ["sim/gpt-sim"]}},
}


def admin(gateway: GatewayProcess, key: str = ADMIN) -> httpx.Client:
    assert gateway.admin is not None
    return httpx.Client(base_url=gateway.admin, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=30)


def chat(gateway: GatewayProcess, key: str) -> int:
    """On a connection of its own: any of the workers."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{gateway.url}/v1/chat/completions", headers=headers, json=body, trust_env=False, timeout=30).status_code


def until(wanted: int, gateway: GatewayProcess, key: str, times: int = 8, seconds: float = 30.0) -> float:
    """Seconds until so many requests in a row are answered so."""
    began, row = time.monotonic(), 0
    while row < times:
        assert time.monotonic() < began + seconds, f"never {wanted}"
        row = row + 1 if chat(gateway, key) == wanted else 0
    return time.monotonic() - began


@pytest.mark.timeout(120)
def test_a_keys_life(tmp_path: Path, slack: float):
    """Made: served by all workers. Revoked: refused by all of them within a second, also while control is down afterwards."""
    with running_gateway(CONFIG, tmp_path) as gateway, admin(gateway) as client:
        made = client.post("/admin/v1/keys", json={"name": "k"}).json()
        until(200, gateway, made["key"])
        other = client.post("/admin/v1/keys", json={"name": "o"}).json()
        until(200, gateway, other["key"])
        assert client.post(f"/admin/v1/keys/{made['id']}/revoke").status_code == 200
        assert until(401, gateway, made["key"]) < 1.5 * slack  # of which most is the time of the requests themselves
        os.kill(gateway.pids["control"], signal.SIGKILL)
        assert (chat(gateway, made["key"]), chat(gateway, other["key"])) == (401, 200)
        os.kill(gateway.worker, signal.SIGKILL)
        until(200, gateway, other["key"], times=20)
        until(401, gateway, made["key"], times=20)


@pytest.mark.timeout(120)
@pytest.mark.long
def test_attacks_and_uses_reach_control(tmp_path: Path):
    """Workers' security events stand in the audit log; that a key was used is shown."""
    with running_gateway(CONFIG, tmp_path) as gateway, admin(gateway) as client:
        assert chat(gateway, "sk-gateway-wrong-wrong-wrong") == 401
        assert chat(gateway, KEY) == 200
        end = time.monotonic() + 30
        text = ""
        while "auth.failed" not in text and time.monotonic() < end:
            time.sleep(0.1)
            text = "".join(file.read_text() for file in (tmp_path / "state" / "audit").glob("*.jsonl"))
        assert '"auth.failed"' in text
        assert "wrong-wrong" not in text
        while client.get("/admin/v1/keys/tests").json()["last_used_at"] is None:
            assert time.monotonic() < end
            time.sleep(0.2)
    done = subprocess.run(
        [sys.executable, "-m", "llm_gateway", "audit", "verify", "--config", str(tmp_path / "gateway.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(120)
def test_the_first_admin_key(tmp_path: Path):
    """A gateway without any key is open on this machine, and changes nothing for anybody; a key made by the command is known to
    it within seconds, and from then on one is needed.
    """
    config = {"providers": CONFIG["providers"], "models": CONFIG["models"], "auth": {"keys": []}}
    with (
        running_gateway(config, tmp_path) as gateway,
        httpx.Client(base_url=gateway.admin or "", trust_env=False, timeout=30) as nobody,
    ):
        assert nobody.get("/admin/v1/tenants").status_code == 200
        assert nobody.post("/admin/v1/tenants", json={"name": "a"}).status_code == 403
        command = [sys.executable, "-m", "llm_gateway", "admin-key", "create", "--config", str(tmp_path / "gateway.json")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        key = done.stdout.split()[0]
        with admin(gateway, key) as client:
            end = time.monotonic() + 40
            while (answer := client.post("/admin/v1/tenants", json={"name": "a"})).status_code != 201:
                assert time.monotonic() < end, answer.text
                time.sleep(0.1)
        assert nobody.get("/admin/v1/tenants").status_code == 401
        assert chat(gateway, "anything") == 401
