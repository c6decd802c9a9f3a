"""Kept answers of a real gateway, as the ledger and the metrics tell of them."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from e2e.simulator_process import simulator_process
from e2e.test_metrics import total, until
from gateway_process import KEY, GatewayProcess, running_gateway

CHAT = "/v1/chat/completions"
ADMIN = "sk-admin-tests-0123456789abcdef"
PRICED = {"prices": {"input": 1000, "output": 1000}}
CONFIG: dict[str, Any] = {
    "server": {"workers": 1},
    "models": {"fast": {"deployments": ["sim/echo"], "retries": 0}},
    "catalogue": {"models": {"sim/echo": PRICED}},
    "cache": {"enabled": True, "ttl": "1s", "stale": "1h"},
    "resilience": {"circuit_breaker": {"enabled": False}},
    "tenants": {"acme": {}},
    "ledger": {"enabled": True},
    "auth": {
        "keys": [
            {"name": "tests", "key": KEY, "tenant": "acme", "tags": ["blue"]},
            {"name": "admin", "key": ADMIN, "kind": "admin"},
        ]
    },
}


def ask(client: httpx.Client, words: str, *, stream: bool = False, **headers: str) -> str:
    """What X-Cache says."""
    body = {"model": "fast", "stream": stream, "messages": [{"role": "user", "content": words}]}
    answer = client.post(CHAT, json=body, headers={"authorization": f"Bearer {KEY}", **headers})
    assert answer.status_code == 200, answer.text
    return answer.headers["x-cache"]


def stale(client: httpx.Client) -> int:
    """Its provider is gone: how often it is asked until a stale answer comes, which is the last one."""
    end = time.monotonic() + 20
    for number in range(1, 1000):
        if ask(client, "the same") == "STALE":
            return number
        assert time.monotonic() < end
        time.sleep(0.05)
    raise AssertionError


def admin(gateway: GatewayProcess, path: str) -> dict[str, Any]:
    answer = httpx.get(f"{gateway.admin}{path}", headers={"authorization": f"Bearer {ADMIN}"}, timeout=20)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def booked(gateway: GatewayProcess, count: int) -> list[dict[str, Any]]:
    """All rows, when there are so many."""
    end = time.monotonic() + 20
    while len(rows := admin(gateway, "/admin/v1/ledger?limit=100")["data"]) < count:
        assert time.monotonic() < end, (len(rows), count)
        time.sleep(0.1)
    return list(rows)


def saved(rows: list[dict[str, Any]]) -> float:
    """Dollars: each hit would have cost what the answer before it did, of its kind."""
    costs = {row["stream"]: float(row["cost"]) for row in rows if row["provider"]}
    return sum(costs[row["stream"]] for row in rows if "cache:hit" in row["tags"])


def run(*arguments: str, gateway: GatewayProcess) -> str:
    """A command on the gateway's own configuration."""
    command = [sys.executable, "-m", "llm_gateway", *arguments, "--config", str(gateway.folder / "gateway.json")]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=True).stdout


def test_the_ledger_and_the_metrics_agree_about_kept_answers(tmp_path: Path) -> None:
    """Of each request the one row and the one count that it should have; they can be asked for by their tag, are for nothing, and
    the ledger is right with them.
    """
    with simulator_process(tmp_path, None) as simulator, ExitStack() as stack:
        provider = {"type": "openai_compatible", "base_url": f"{simulator.url}/v1", "api_key": "x"}
        gateway = stack.enter_context(running_gateway({**CONFIG, "providers": {"sim": provider}}, tmp_path))
        client = stack.enter_context(httpx.Client(base_url=gateway.url, timeout=20))
        for stream in (False, True):
            said = [ask(client, "the same", stream=stream) for _ in range(3)]
            assert said == ["MISS", "HIT", "HIT"]
        assert ask(client, "the same", **{"cache-control": "no-cache"}) == "BYPASS"
        alive = stack.pop_all()
    with alive:
        asked = 7 + stale(client)
        rows = booked(gateway, asked)
        assert len(rows) == asked
        given = {name: [row for row in rows if f"cache:{name}" in row["tags"]] for name in ("hit", "stale")}
        assert len(given["stale"]) == 1
        for row in (*given["hit"], *given["stale"]):
            assert (row["status"], row["http_status"], row["provider"], row["served_model"]) == ("completed", 200, "", "")
            assert (row["cost"], row["tenant"], row["tags"][0]) == ("0", "acme", "blue")
            assert not any(row["tokens"].values()) if "tokens" in row else not row["input"] + row["output"]
        assert [one["provider"] for one in given["stale"][0]["attempts"]] == ["sim"]
        usage = {one["group"]["tag"]: one for one in admin(gateway, "/admin/v1/usage?group_by=tag")["data"]}
        hits = len(given["hit"])
        assert (usage["cache:hit"]["requests"], usage["cache:hit"]["cost"], usage["cache:hit"]["tokens"]) == (hits, "0", 0)
        assert (usage["blue"]["requests"], usage["cache:stale"]["requests"]) == (asked, 1)
        assert float(usage["blue"]["cost"]) > 0
        filtered = admin(gateway, "/admin/v1/usage?tag=cache:hit&group_by=tenant,provider,status")
        assert [(one["group"], one["requests"]) for one in filtered["data"]] == [
            ({"tenant": "acme", "provider": "", "status": "completed"}, hits)
        ]
        samples = until(gateway, "gateway_requests_total", asked)
        counted = {
            "gateway_cache_hits_total": hits,
            "llm_cache_hits_total": hits,
            "gateway_cache_bypasses_total": 1,
            "gateway_cache_evictions_total": 0,
        }
        assert {name: total(samples, name) for name in counted} == counted
        misses = asked - hits - 2
        assert total(samples, "llm_cache_misses_total") == total(samples, "gateway_cache_misses_total") == misses
        assert total(samples, "cache_operations_total", operation="get", result="stale") == 1
        assert total(samples, "cache_operations_total", operation="get") == asked
        assert total(samples, "gateway_requests_total", provider="cache", model="fast", status="200") == hits + 1
        assert total(samples, "gateway_requests_total", status="200") == asked
        assert total(samples, "gateway_provider_errors_total", provider="sim", model="echo") == 1
        assert total(samples, "gateway_tokens_total", provider="cache") == 0
        assert total(samples, "gateway_cache_entries", worker="0") == total(samples, "gateway_cache_stored_total") - 1 > 0
        assert 0 < total(samples, "gateway_cache_size_bytes") < total(samples, "gateway_cache_limit_bytes") == 256 << 20
        assert total(samples, "gateway_cache_saved_dollars_total") == pytest.approx(saved(rows))
        assert "cache:hit" in run("ledger", "export", "--format", "jsonl", gateway=gateway)
    found = msgspec.json.decode(run("--json", "ledger", "verify", gateway=gateway))
    assert (found["right"], found["requests_in_logs"]) == (True, asked)
