"""A real Prometheus scrapes a real gateway under a mixed load: every dashboard query is answered, every rule is evaluated."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from gateway_process import KEY, GatewayProcess, running_gateway
from monitoring.programs import program
from monitoring.promql import plain
from monitoring.rules import MONITORING, alerts, dashboards, queries, rules
from servers import RedisServer, free_port

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]
dashboards()
PANELS = importlib.import_module("boards.panel")
ELSEWHERE = frozenset(getattr(PANELS, name) for name in ("KUBERNETES", "EXPORTER", "TRACING", "CONTENT", "LOAD", "HEDGE"))
"""What this test does not have: their queries must be right, which test_queries.py sees, and stay empty."""
PATIENCE = 60.0
BROKE = KEY + "-broke"
LIMITED = KEY + "-limited"


def config(redis: str) -> dict[str, Any]:
    return {
        "server": {"workers": 1},
        "redis": {"url": redis},
        "cache": {"backend": "redis"},
        "ledger": {"enabled": True},
        "resilience": {"circuit_breaker": {"enabled": False}},
        "providers": {
            "sim": {"type": "simulator"},
            "down": {"type": "simulator", "fault": "500"},
            "full": {"type": "simulator", "fault": "429"},
            "silent": {"type": "simulator", "fault": "slow_headers:secs=5"},
            "cut": {"type": "simulator", "fault": "close_mid:after=400"},
        },
        "models": {
            "fast": "sim/gpt-4o",
            "other": {"deployments": ["down/gpt-4o"], "retries": 1, "fallback": ["sim/gpt-4o"]},
            "full": {"deployments": ["full/gpt-4o"], "retries": 0},
            "silent": {"deployments": ["silent/gpt-4o"], "retries": 0, "timeouts": {"head": "200ms"}},
            "cut": {"deployments": ["cut/gpt-4o"], "retries": 0},
            "kept": {"deployments": ["sim/gpt-4o"], "cache": {"enabled": True, "ttl": "2s"}},
        },
        "catalogue": {"models": {"sim/gpt-4o": {"prices": {"input": 1000, "output": 1000}}}},
        "tenants": {
            "acme": {"budgets": [{"amount": 0.0001, "hard": False, "alerts": [1]}]},
            "poor": {"budgets": [{"amount": 0.000001}]},
        },
        "auth": {
            "keys": [
                {"name": "tests", "key": KEY, "tenant": "acme"},
                {"name": "broke", "key": BROKE, "tenant": "poor"},
                {"name": "limited", "key": LIMITED, "tenant": "acme", "limits": {"requests": {"minute": 1, "burst": 1}}},
            ]
        },
    }


def ask(client: httpx.Client, model: str, stream: bool, key: str = KEY) -> None:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "say something to me"}]}
    with contextlib.suppress(httpx.RemoteProtocolError):
        client.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"})


def load(url: str, ended: threading.Event) -> None:
    """Everything that a dashboard shows happens again and again."""
    rounds = itertools.count()
    with httpx.Client(base_url=url, timeout=20) as client:
        while not ended.wait(0.1):
            for model in ("fast", "other", "full", "silent", "cut", "kept", "kept"):
                ask(client, model, stream=next(rounds) % 2 == 0 or model == "cut")
            ask(client, "fast", stream=False, key=BROKE)
            ask(client, "fast", stream=False, key=LIMITED)


@contextlib.contextmanager
def loaded(gateway: GatewayProcess) -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=load, args=(gateway.url, ended))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(30)


@contextlib.contextmanager
def prometheus(gateway: GatewayProcess, folder: Path) -> Iterator[httpx.Client]:
    """Its API. The configuration is the one beside Compose, with other addresses, and quicker."""
    document = yaml.safe_load((MONITORING / "prometheus.compose.yml").read_text())
    port = free_port()
    document["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    document["rule_files"] = ["rules/*.yml"]
    document.pop("alerting")
    assert gateway.admin is not None
    targets = {"llm-gateway": gateway.admin.removeprefix("http://"), "prometheus": f"127.0.0.1:{port}"}
    document["scrape_configs"] = [
        {"job_name": name, "static_configs": [{"targets": [target]}]} for name, target in targets.items()
    ]
    (folder / "rules").mkdir()
    for file in (MONITORING / "rules").glob("*.yml"):
        quick = yaml.safe_load(file.read_text())
        for group in quick["groups"]:
            group["interval"] = "1s"
        (folder / "rules" / file.name).write_text(yaml.safe_dump(quick))
    shutil.copytree(MONITORING / "templates", folder / "templates")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(document))
    path = program("prometheus", "prometheus")
    with (folder / "prometheus.log").open("wb") as said:
        process = subprocess.Popen(
            [
                path,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=said,
            stderr=said,
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", timeout=20) as client:
                yield client
        finally:
            process.terminate()
            process.wait(30)


def answered(client: httpx.Client, query: str) -> list[Any]:
    answer = client.get("query", params={"query": query})
    if answer.status_code == 503:
        return []  # it is starting
    assert answer.json()["status"] == "success", (query, answer.text)
    return list(answer.json()["data"]["result"])


def until_empty(client: httpx.Client, wanted: dict[str, str]) -> dict[str, str]:
    """Queries, by what they are for, that are not answered when patience ends."""
    end = time.monotonic() + PATIENCE
    left = wanted
    while left and time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):  # it is starting
            left = {where: query for where, query in left.items() if not answered(client, query)}
        time.sleep(1)
    return left


def test_every_dashboard_query_is_answered_and_every_rule_loaded(tmp_path: Path, redis_server: RedisServer) -> None:
    """Panels that need what is not here (a cluster, exporters, a collector) are left out, and only those."""
    asked = {
        f"{where} [{legend}]": plain(query).replace("[1m]", "[15s]").replace("[1h]", "[30s]")
        for where, legend, query, panel in queries()
        if panel.needs not in ELSEWHERE
    }
    assert len(asked) > 90
    (tmp_path / "gateway").mkdir()
    (tmp_path / "prometheus").mkdir()
    with (
        running_gateway(config(redis_server.url), tmp_path / "gateway") as gateway,
        loaded(gateway),
        prometheus(gateway, tmp_path / "prometheus") as client,
    ):
        assert until_empty(client, asked) == {}
        assert [found["metric"]["alertname"] for found in answered(client, 'ALERTS{alertname="Watchdog",alertstate="firing"}')]
        groups = client.get("rules").json()["data"]["groups"]
        loaded_rules = [rule for group in groups for rule in group["rules"]]
        assert len(loaded_rules) == len(rules())
        assert {rule["name"] for rule in loaded_rules if rule["type"] == "alerting"} == {rule.name for rule in alerts()}
        assert [(rule["name"], rule.get("lastError")) for rule in loaded_rules if rule["health"] == "err"] == []
