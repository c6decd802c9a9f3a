"""Metrics of a real gateway: workers and control, asked over HTTP like Prometheus does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.telemetry.families import FAMILIES, NAMES

CHAT = "/v1/chat/completions"
CONDITIONAL = {
    "gateway_budget_refused_total": "needs a budget that is spent",
    "gateway_budget_alerts_total": "needs a budget near its end",
    "gateway_hedges_total": "needs a race",
    "gateway_timeouts_total": "needs a provider that is silent",
    "gateway_failovers_total": "needs two providers",
    "gateway_failover_duration_seconds": "the same",
    "gateway_log_lines_lost_total": "needs an access log",
}
"""What a short mixed load does not bring about. Unit tests of telemetry/folding and worker/measured cover each."""
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
CONFIG: dict[str, Any] = {
    "server": {"workers": 1, "expose_admin": True},
    "providers": {
        "sim": {"type": "simulator"},
        "broken": {"type": "simulator", "fault": "429"},
    },
    "models": {"fast": "sim/echo", "bad": "broken/echo"},
    "tenants": {"acme": {}},
    "auth": {
        "keys": [
            {"name": "tests", "key": KEY, "tenant": "acme"},
            {"name": "slow", "key": KEY + "-slow", "tenant": "acme", "limits": {"requests": {"minute": 1, "burst": 1}}},
        ]
    },
}


def scraped(gateway: GatewayProcess) -> Samples:
    """All samples now."""
    answer = httpx.get(f"{gateway.admin}/metrics", timeout=20)
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of what has these labels."""
    return sum(value for (found, of), value in samples.items() if found == name and labels.items() <= dict(of).items())


def until(gateway: GatewayProcess, name: str, least: float, seconds: float = 30.0, **labels: str) -> Samples:
    """Scrape until there is so much of it."""
    end = time.monotonic() + seconds
    while True:
        samples = scraped(gateway)
        if total(samples, name, **labels) >= least:
            return samples
        assert time.monotonic() < end, (name, labels, total(samples, name, **labels))
        time.sleep(0.2)


def ask(client: httpx.Client, model: str, key: str = KEY, **more: Any) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "say something to me"}], **more}
    return client.post(CHAT, json=body, headers={"authorization": f"Bearer {key}"}).status_code


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    with running_gateway(CONFIG, tmp_path) as process:
        yield process


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[GatewayProcess]:
    with running_gateway({"server": {"workers": 2}, "providers": {"sim": {"type": "simulator"}}}, tmp_path) as process:
        yield process


def test_a_mixed_load_is_seen_whole_and_survives_its_worker(gateway: GatewayProcess) -> None:
    """Every family of the table has samples, each request is counted once, nobody reads it through the main port without a
    key, and a worker that is killed takes nothing back.
    """
    with httpx.Client(base_url=gateway.url, timeout=20) as client:
        for number in range(40):
            assert ask(client, "fast", stream=number % 2 == 0, user="bob@example.com") == 200
        assert ask(client, "sk-proj-secret") in (400, 404)
        assert ask(client, "fast", key="sk-gateway-wrong-00000000000") == 401
        assert ask(client, "bad") in (429, 503)
        limited = [ask(client, "fast", key=KEY + "-slow") for _ in range(8)]
        assert 429 in limited
        assert client.get("/metrics").status_code == 401
    asked = 43 + len(limited)
    samples = until(gateway, "gateway_requests_total", asked)
    names = {name for name, _ in samples}
    shown = {family.name for family in FAMILIES if family.name in names or f"{family.name}_count" in names}
    missing = (
        {family.name for family in FAMILIES if not family.when or family.when == "ledger.enabled"} - shown - set(CONDITIONAL)
    )
    assert missing == set()
    good = 40 + limited.count(200)
    assert total(samples, "gateway_requests_total") == total(samples, "http_requests_total") == asked
    assert total(samples, "http_requests_total", status="200") == good
    assert total(samples, "gateway_request_duration_seconds_count", model="echo", provider="sim") == good
    assert total(samples, "gateway_tokens_total", tenant="acme", type="input") > good
    assert total(samples, "llm_rate_limit_exceeded_total", tenant="acme") == len(limited) - limited.count(200)
    assert total(samples, "gateway_provider_rate_limit_exceeded_total", provider="broken") >= 1
    for (name, labels), value in samples.items():
        family = NAMES[next(one for one in (name, name.rpartition("_")[0]) if one in NAMES)]
        assert {key for key, _ in labels} <= {*family.every, "le"}, (name, labels)
        assert not any(word in str(labels) for word in ("bob", "sk-proj", "say something", KEY)), labels
        assert value >= 0
    os.kill(gateway.worker, signal.SIGKILL)
    after = until(gateway, "gateway_worker_restarts_total", 1)
    assert total(after, "gateway_requests_total") == asked
    with httpx.Client(base_url=gateway.url, timeout=20) as client:
        for _ in range(10):
            ask(client, "fast")
    final = until(gateway, "gateway_requests_total", asked + 10)
    assert total(final, "gateway_requests_total") == asked + 10


@pytest.mark.long
def test_a_flood_of_names_stays_bounded(two_workers: GatewayProcess) -> None:
    """10,000 random names of models and end users: no metric has more than a few hundred of them (faults C33), and control
    answers as quickly as before.
    """
    gateway = two_workers
    with httpx.Client(base_url=gateway.url, timeout=20) as client:
        for number in range(10_000):
            ask(client, f"sim/random-{number}" if number % 2 else f"random-{number}", user=f"user-{number}")
    samples = until(gateway, "gateway_requests_total", 10_000)
    assert total(samples, "gateway_requests_total") == 10_000
    models = {value for _, labels in samples for name, value in labels if name == "model"}
    assert {"unknown", "other"} <= models
    assert len(models) < 450
    begin = time.monotonic()
    answer = httpx.get(f"{gateway.admin}/metrics", timeout=20)
    assert time.monotonic() - begin < 2.0
    assert answer.text.count("\n") < 60_000
