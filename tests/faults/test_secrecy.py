"""What nobody may find afterwards: keys anywhere, prompts in logs and metrics. C23 and C24 of faults.md."""

from __future__ import annotations

import hashlib
import http.client
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from faults.world import FRONTS, NO_GUARDS, PATHS, eventually, read_until_closed
from gateway_process import GatewayProcess, running_gateway
from llm_gateway.identity.keys import Pepper
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator
from llm_gateway.worker.pepper import load_peppers

ADMIN = "sk-admin-CANARY1-0123456789abcdef"
CALLER = "sk-gateway-CANARY2-0123456789abcdef"
OTHER = "sk-gateway-CANARY3-0123456789abcdef"
PROVIDER = "sk-provider-CANARY4-0123456789abcdef"
TENANTS = "sk-provider-CANARY5-0123456789abcdef"
SENT = ("CANARY6-unknown-key-0123456789", "CANARY7-in-the-query-0123456789", "CANARY8-in-the-body-0123456789", "CANARY9-cookie")
URL = "CANARY0-in-the-address-0123456789"
"""Operators may see where a provider is; nobody else, and no log."""
PROMPT = "CANARYPROMPT what the caller said"
SECRETS = (ADMIN, CALLER, OTHER, PROVIDER, TENANTS, *SENT)


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions(log_size=1000)) as made:
        yield made


def configuration(simulator: RunningSimulator, folder: Path) -> dict[str, Any]:
    keys = [
        {"name": "admin", "key": ADMIN, "kind": "admin"},
        {"name": "caller", "key": CALLER, "tenant": "acme", "budgets": [{"amount": 5}]},
        {"name": "other", "key": OTHER, "tenant": "acme", "limits": {"requests": {"day": 1}}},
    ]
    return {
        "auth": {"keys": keys},
        "tenants": {"acme": {"provider_keys": {"anthropic": TENANTS}}},
        "providers": {
            "openai": {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": PROVIDER},
            "anthropic": {"type": "anthropic", "base_url": simulator.url, "api_key": PROVIDER},
            "gone": {"type": "openai", "base_url": f"http://127.0.0.1:9/{URL}", "api_key": PROVIDER},
        },
        "models": {
            **{f"{back}-m": {"deployments": [f"{back}/any"], "retries": 0} for back in FRONTS},
            "failing": {"deployments": ["openai/any@@500", "gone/any"], "retries": 1},
            "refusing": {"deployments": ["openai/any@@401"], "retries": 0},
            "broken": {"deployments": ["openai/any@@reset_mid:after=400"], "retries": 0},
        },
        "logging": {"level": "debug", "access": str(folder / "access.log")},
        "resilience": NO_GUARDS,
    }


def send(gateway: GatewayProcess, front: str, body: bytes, *lines: str, query: str = "") -> bytes:
    head = [
        f"POST {PATHS[front]}{query} HTTP/1.1",
        "Host: gateway",
        "Content-Type: application/json",
        "Connection: close",
        *lines,
    ]
    data = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as sock:
        sock.sendall(data)
        return read_until_closed(sock)


def body_of(model: str, *, stream: bool = False, **more: Any) -> bytes:
    messages = [{"role": "user", "content": PROMPT}]
    return msgspec.json.encode({"model": model, "max_tokens": 100, "stream": stream, "messages": messages, **more})


def everything(gateway: GatewayProcess, folder: Path) -> dict[str, bytes]:
    """All that was written: logs, write-ahead logs, database, snapshots; and what operators are shown."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found.pop("gateway.json")  # where they are kept
    assert gateway.admin is not None
    for path in (
        "/metrics",
        "/health",
        "/admin/v1/keys",
        "/admin/v1/providers",
        "/admin/v1/audit",
        "/admin/v1/snapshots",
        "/admin/config",
    ):
        connection = http.client.HTTPConnection(gateway.admin.removeprefix("http://"), timeout=10)
        connection.request("GET", path, headers={"Authorization": f"Bearer {ADMIN}"})
        found[path] = connection.getresponse().read()
        connection.close()
    return found


def test_no_key_and_no_prompt_is_left_anywhere(simulator: RunningSimulator, tmp_path: Path) -> None:
    """C23, C24 (litellm #39964): with the log at debug, after good requests, failing ones and wrong keys."""
    with running_gateway(configuration(simulator, tmp_path), tmp_path) as gateway:
        answers = []
        bearer = f"Authorization: Bearer {CALLER}"
        for front in FRONTS:
            for model in ("openai-m", "anthropic-m", "failing", "refusing", "broken", "no-such-model"):
                cookie = f"Cookie: session={SENT[3]}"
                answers += [send(gateway, front, body_of(model, stream=stream), bearer, cookie) for stream in (True, False)]
            answers.append(send(gateway, front, body_of("openai-m"), f"Authorization: Bearer {SENT[0]}"))
            answers.append(send(gateway, front, body_of("openai-m"), f"x-api-key: {SENT[0]}"))
            answers.append(send(gateway, front, body_of("openai-m"), query=f"?key={SENT[1]}"))
            answers.append(send(gateway, front, body_of("openai-m"), bearer, query=f"?key={SENT[1]}"))
            answers.append(send(gateway, front, body_of("openai-m", api_key=SENT[2]), bearer))
            answers.append(send(gateway, front, b'{"model": "openai-m", ' + PROMPT.encode(), bearer))
            answers += [send(gateway, front, body_of("openai-m"), f"Authorization: Bearer {OTHER}") for _ in range(2)]
        assert eventually(lambda: len(gateway.access_lines()) >= len(answers))
        time.sleep(1.5)  # control reads the log
        found = everything(gateway, tmp_path)
    found |= {f"after the end: {name}": (tmp_path / name).read_bytes() for name in ("stderr", "access.log")}
    pepper = Pepper(load_peppers(tmp_path / "state")[0])
    digests = [
        form for key in (ADMIN, CALLER, OTHER) for form in (pepper.digest(key.encode()), hashlib.sha256(key.encode()).digest())
    ]
    for name, data in found.items():
        for secret in SECRETS:
            assert secret.encode() not in data, (name, secret)
        assert PROMPT.encode() not in data, name
        assert name.startswith(("/admin", "state")) or URL.encode() not in data, name
        if not name.startswith("state"):
            for digest in digests:
                assert digest not in data, name
                assert digest.hex().encode() not in data, name
    for answer in answers:
        for secret in (*SECRETS, URL):
            assert secret.encode() not in answer, answer
