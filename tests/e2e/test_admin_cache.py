"""What a gateway of two workers keeps, seen and cleared over its admin API."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from e2e.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.cli.main import main
from servers import RedisServer, redis_server

__all__ = ["redis_server"]
pytestmark = pytest.mark.timeout(90)
ADMIN = "sk-admin-tests-0123456789abcdef"
OF_TENANT = "sk-admin-tenant-0123456789abcdef"
CONFIG: dict[str, Any] = {
    "server": {"port": 0, "drain": "1s", "admin": {"port": 0}, "workers": 2},
    "auth": {
        "keys": [
            {"name": "tests", "key": KEY},
            {"name": "root", "kind": "admin", "key": ADMIN},
            {"name": "acme", "kind": "admin", "key": OF_TENANT, "tenant": "acme"},
        ]
    },
    "tenants": {"acme": {}},
    "providers": {"sim": {"type": "simulator"}},
    "models": {"fast": {"deployments": ["sim/gpt-sim"]}, "slow": {"deployments": ["sim/gpt-slow"], "cache": {"ttl": "5m"}}},
    "cache": {"enabled": True, "ttl": "1h", "size": "8MB"},
}
PATH = "/admin/v1/cache"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    with running_gateway(CONFIG, tmp_path) as made:
        yield made


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[httpx.Client]:
    with operator(gateway) as made:
        yield made


@contextlib.contextmanager
def operator(gateway: GatewayProcess) -> Iterator[httpx.Client]:
    """Of the admin API, when both workers are there."""
    headers = {"Authorization": f"Bearer {ADMIN}"}
    with httpx.Client(base_url=gateway.admin or "", headers=headers, trust_env=False, timeout=30) as made:
        assert eventually(lambda: len(made.get("/health").json()["workers"]) == 2)
        yield made


def chat(gateway: GatewayProcess, model: str, text: str, **headers: str) -> str:
    """What X-Cache says. On a connection of its own: any of the workers."""
    answer = httpx.post(
        f"{gateway.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {KEY}", **headers},
        json={"model": model, "messages": [{"role": "user", "content": text}]},
        trust_env=False,
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    return answer.headers["x-cache"]


def listed(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{PATH}/entries", params=query)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


def in_both(gateway: GatewayProcess, client: httpx.Client, model: str, text: str) -> list[str]:
    """Asks until each worker keeps one answer more; what X-Cache said each time."""

    def entries() -> list[int]:
        return [one["entries"] for one in client.get(PATH, params={"detailed": "true"}).json()["workers"]]

    said: list[str] = []
    wanted = [count + 1 for count in entries()]
    while entries() != wanted:
        assert len(said) < 200
        said.append(chat(gateway, model, text))
    return said


def eventually_audited(client: httpx.Client, count: int) -> list[dict[str, Any]]:
    """Entries of the audit log about clearing, the newest first."""

    def entries() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = client.get("/admin/v1/audit", params={"action": "cache.cleared"}).json()["data"]
        return rows

    assert eventually(lambda: len(entries()) >= count)
    return entries()


def test_filled_seen_and_cleared(gateway: GatewayProcess, client: httpx.Client) -> None:
    """Figures and rows are those of both workers, without a word that was said; what is cleared is asked for anew, in both."""
    said = in_both(gateway, client, "fast", "a secret question")
    said += [chat(gateway, "fast", "a secret question") for _ in range(3)]
    said.append(chat(gateway, "fast", "a secret question", **{"Cache-Control": "no-cache"}))
    assert said.count("MISS") == 2
    hits = said.count("HIT")
    shown = client.get(PATH, params={"detailed": "true"})
    found = shown.json()
    assert (found["hits"], found["misses"], found["bypassed"], found["stored"]) == (hits, 2, 1, 3)
    assert found["hit_ratio"] == round(hits / (hits + 2), 4)
    assert (found["entries"], found["limit_bytes"]) == (2, 16 << 20)
    assert [(one["worker"], one["entries"], one["misses"]) for one in found["workers"]] == [(0, 1, 1), (1, 1, 1)]
    rows = client.get(f"{PATH}/entries")
    assert "secret" not in shown.text + rows.text
    for row in rows.json()["data"]:
        assert (row["model"], row["provider"], row["served_model"], row["stream"]) == ("fast", "sim", "gpt-sim", False)
        assert (len(row["key"]), 3500 < row["ttl_left_seconds"] <= 3600) == (48, True)
    counted = {"hits": hits, "misses": 2, "stale": 0, "coalesced": 0, "bypassed": 1, "hit_ratio": found["hit_ratio"]}
    assert eventually(lambda: client.get("/admin/stats").json().get("cache") == counted)

    in_both(gateway, client, "slow", "another one")
    assert client.delete(PATH, params={"model": "slow"}).json() == {"cleared": 2}
    assert {row["model"] for row in listed(client)} == {"fast"}
    assert client.delete(PATH, params={"older_than": "1h"}).json() == {"cleared": 0}
    assert client.delete(PATH, params={"older_than": "1ms"}).json() == {"cleared": 2}
    assert listed(client) == []
    assert "MISS" in in_both(gateway, client, "fast", "a secret question")
    assert client.post("/api/v1/cache/clear").json() == {"cleared": 2}
    assert client.get("/api/v1/cache/stats").json()["entries"] == 0
    entries = eventually_audited(client, 4)
    assert [entry["after"] for entry in reversed(entries)] == [{"model": "slow"}, {"older_than": "1h"}, {"older_than": "1ms"}, {}]
    assert {entry["resource"] for entry in entries} == {"cache"}


def test_what_a_worker_counted_outlives_it(gateway: GatewayProcess, client: httpx.Client) -> None:
    """A worker that is killed takes its answers with it; in /admin/stats what it counted stays, and nothing counts twice."""
    asked = len(in_both(gateway, client, "fast", "hello"))

    def counted() -> int:
        cache = client.get("/admin/stats").json().get("cache", {})
        return int(cache.get("hits", 0) + cache.get("misses", 0))

    assert eventually(lambda: counted() == asked)
    os.kill(gateway.worker, signal.SIGKILL)
    assert eventually(lambda: client.get(PATH, params={"detailed": "true"}).json().get("workers", [{}])[0].get("entries") == 0)
    again = [chat(gateway, "fast", "hello") for _ in range(4)]
    assert eventually(lambda: counted() == asked + len(again))


def test_only_who_administrates_the_whole_gateway(gateway: GatewayProcess, client: httpx.Client) -> None:
    """A key that asks models, and an administrator of one tenant, neither see nor clear anything."""
    assert chat(gateway, "fast", "hello") == "MISS"
    for key in (KEY, OF_TENANT):
        headers = {"Authorization": f"Bearer {key}"}
        for method, path in (("GET", PATH), ("GET", f"{PATH}/entries"), ("GET", f"{PATH}/config"), ("DELETE", PATH)):
            assert client.request(method, path, headers=headers).status_code == 403
    assert len(listed(client)) == 1
    assert client.get(f"{PATH}/config").json()["models"]["slow"] == {"enabled": True, "ttl": "5m", "stale": "0s"}


def test_what_is_cleared_does_not_come_back_from_redis(redis_server: RedisServer, tmp_path: Path) -> None:
    """A worker finds there what the other one left, and finds it no more when it was cleared."""
    config = {**CONFIG, "cache": {**CONFIG["cache"], "backend": "redis"}, "redis": {"url": redis_server.url}}
    with running_gateway(config, tmp_path) as gateway, operator(gateway) as client:
        questions: list[str] = []
        while not client.get(PATH).json()["redis"]["hits"]:  # on a busy machine a lookup may come to nothing
            assert len(questions) < 50
            questions.append(f"question {len(questions)}")
            in_both(gateway, client, "fast", questions[-1])
        shared = [row for row in listed(client, limit=100) if row["workers"] == [0, 1]]
        assert shared
        words = ["cache-status", "stats", "--admin-url", gateway.admin or "", "-k", ADMIN]
        assert "in Redis: hits: " in CliRunner().invoke(main, words, catch_exceptions=False).stdout
        before = sum(len(row["workers"]) for row in listed(client, limit=100))
        assert client.delete(PATH, params={"model": "fast"}).json() == {"cleared": before}
        assert [chat(gateway, "fast", question) for question in questions] == ["MISS"] * len(questions)
