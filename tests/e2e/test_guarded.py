"""What a node of several workers keeps out: who may reach the admin port, who guesses, what was signed once."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway_process import KEY, GatewayProcess, running_gateway
from launched import until
from llm_gateway.identity.keys import Pepper
from llm_gateway.identity.signing import signature_of, signing_secret
from llm_gateway.worker.pepper import load_pepper

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]
ADMIN = "sk-admin-tests-0123456789abcdef"
SIGNED = "sk-signed-tests-0123456789abcdef"
PROXY = {"trusted_proxies": ["127.0.0.1"]}
CONFIG: dict[str, Any] = {
    "server": {
        "port": 0,
        "drain": "1s",
        "workers": 3,
        "access": PROXY,
        "allowed_hosts": ["api.example.com", "127.0.0.1"],
        "admin": {"port": 0, "access": {**PROXY, "deny": ["203.0.113.0/24"]}, "allowed_hosts": ["ops.example.com"]},
        "expose_admin": True,
    },
    "auth": {
        "keys": [
            {"name": "tests", "key": KEY},
            {"name": "root", "kind": "admin", "key": ADMIN},
            {"name": "signed", "key": SIGNED, "require_signature": True},
        ]
    },
    "providers": {"sim": {"type": "simulator"}},
    "models": {"m": {"deployments": ["sim/gpt-sim"]}},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder: Path = tmp_path_factory.mktemp("guarded")
    with running_gateway(CONFIG, folder) as made:
        until(lambda: len(msgspec.json.decode(asked(made.admin or "", "/health")[1])["workers"]) == 3)
        yield made


def asked(url: str, path: str, key: str = ADMIN, method: str = "GET", body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """On a connection of its own: any of the workers."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    named = {"Authorization": f"Bearer {key}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    try:
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_admin_port_has_lists_of_its_own(gateway: GatewayProcess) -> None:
    """By address for all of it, whichever port leads there; by name, but for those who come by address."""
    admin, main = gateway.admin or "", gateway.url
    away = {"X_Forwarded_For": "203.0.113.9"}
    for path in ("/admin/v1/keys", "/metrics", "/health/live"):
        assert asked(admin, path)[0] == 200
        assert asked(admin, path, Host="ops.example.com:9090")[0] == 200
        assert asked(admin, path, Host="api.example.com")[0] == 400
        assert asked(admin, path, **away)[0] == 403
    assert asked(main, "/admin/v1/keys", Host="api.example.com")[0] == 200
    assert asked(main, "/admin/v1/keys", **away)[0] == 403
    assert asked(main, "/v1/models", **away)[0] == 200
    assert asked(main, "/v1/models", Host="ops.example.com")[0] == 400
    log = gateway.folder / "state" / "audit"
    until(lambda: "auth.refused_address" in "".join(file.read_text() for file in log.glob("*.jsonl")))


def test_more_workers_are_no_more_tries(gateway: GatewayProcess) -> None:
    """Three workers would answer five each with 401. They agree within a moment; the right key is served all the same, and the
    operators' port is no other way to go on.
    """
    statuses: Counter[int] = Counter()
    for _ in range(24):
        statuses[asked(gateway.url, "/v1/models", "sk-gateway-wrong", X_Forwarded_For="198.51.100.7")[0]] += 1
        time.sleep(0.15)
    assert statuses[401] + statuses[429] == 24
    assert 5 <= statuses[401] <= 8
    assert asked(gateway.url, "/v1/models", KEY, X_Forwarded_For="198.51.100.7")[0] == 200
    assert asked(gateway.admin or "", "/admin/v1/keys", "sk-admin-wrong", X_Forwarded_For="198.51.100.7")[0] == 429


def test_what_was_signed_once_counts_once(gateway: GatewayProcess) -> None:
    """Of thirty connections to three workers one is served."""
    pepper = Pepper(load_pepper(gateway.folder / "state"))
    secret = signing_secret(pepper, pepper.digest(SIGNED.encode()))
    for _ in range(2):
        at = int(time.time())
        body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": f"hi {time.monotonic()}"}]})
        signature = signature_of(secret, b"POST", b"/v1/chat/completions", at, body)
        headers = {"X_Timestamp": str(at), "X_Signature": signature, "Content_Type": "application/json"}
        found = Counter(asked(gateway.url, "/v1/chat/completions", SIGNED, "POST", body, **headers)[0] for _ in range(30))
        assert found == {200: 1, 401: 29}
