"""A gateway that starts for the first time, without anything on its disk, while its database is away."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import httpx

from e2e.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from servers import Postgres, postgres
from store_support import new_database

__all__ = ["postgres"]
ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def configuration(url: str, *keys: dict[str, Any]) -> dict[str, Any]:
    return {
        "providers": {"sim": {"type": "simulator"}},
        "models": {"m": "sim/any"},
        "database": {"url": url, "migrate": "auto", "timeout": "2s"},
        **({"auth": {"keys": list(keys)}} if keys else {}),
    }


def ask(gateway: GatewayProcess, key: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.post(f"{gateway.url}/v1/chat/completions", json=ASKED, headers=headers)


def test_keys_that_could_not_be_read_are_not_said_to_be_wrong(postgres: Postgres, tmp_path: Path) -> None:
    """Peers L#38121: 503 for a key that may be good, and not ready, until the database was read once; keys of the file work."""
    url = new_database()
    postgres.stop("fast")
    try:
        with running_gateway(configuration(url, {"name": "file", "key": KEY}), tmp_path) as gateway:
            assert ask(gateway, KEY).status_code == 200
            refused = ask(gateway, "sk-gateway-of-the-database-0123456789")
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
            assert "retry-after" in refused.headers
            ready = httpx.get(f"{gateway.url}/health/ready")
            assert (ready.status_code, ready.json()["reason"]) == (503, "the database was not read yet")
            postgres.start()
            assert eventually(lambda: httpx.get(f"{gateway.url}/health/ready").status_code == 200, 30)
            assert ask(gateway, "sk-gateway-of-the-database-0123456789").status_code == 401
    finally:
        with contextlib.suppress(RuntimeError):  # it runs
            postgres.start()


def test_no_key_in_the_file_is_no_open_door(tmp_path: Path) -> None:
    """All keys may be in the database: who sends none is not let in because nobody could look."""
    with running_gateway(configuration("postgresql://nobody@127.0.0.1:1/none"), tmp_path) as gateway:
        assert ask(gateway, "").status_code == 503
        assert httpx.get(f"{gateway.url}/health/ready").status_code == 503
