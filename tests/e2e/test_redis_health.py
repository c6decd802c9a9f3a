"""What /health says of Redis."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from gateway_process import running_gateway
from servers import RedisServer, redis_server

__all__ = ["redis_server"]
pytestmark = pytest.mark.timeout(120)


def test_health_says_how_redis_is(redis_server: RedisServer, tmp_path: Path) -> None:
    """On both ports: connected, and failed while it is away (C11)."""
    config = {
        "providers": {"sim": {"type": "simulator"}},
        "models": {"m": "sim/x"},
        "redis": {"url": redis_server.url},
    }
    with running_gateway(config, tmp_path) as gateway:
        for said in ("connected", "failed"):
            if said == "failed":
                redis_server.stop()
            for url in (gateway.url, gateway.admin):
                end = time.monotonic() + 30
                while (seen := httpx.get(f"{url}/health", timeout=30).json()["dependencies"]["redis"]) != said:
                    assert time.monotonic() < end, (url, seen, said)
                    time.sleep(0.1)
