"""`make stack`: everything at once, with the dashboards, rules, scripts and secrets that belong to it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.standing import ROOT, Standing, eventually, standing
from fakes.collector import Seen, check_nesting
from gateway_process import KEY, running_gateway
from monitoring.promql import plain
from monitoring.rules import alerts, queries, rules
from servers import binary

pytestmark = [pytest.mark.long, pytest.mark.timeout(420)]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
KUBERNETES, EXPORTER = "kube-state-metrics", "redis_exporter"
MINUTE = 60.0
"""What rates look back on."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """A minute old, so that rates have something to look back on."""
    for name in ("redis-server", "prometheus"):
        binary(name)
    binary("initdb", "usr/lib/postgresql/*/bin/initdb")
    with standing(tmp_path_factory.mktemp("stack") / "all", "--scrape", "1s", "--rate", "8") as made:
        end = time.monotonic() + MINUTE
        while time.monotonic() < end:
            made.ask("kept")  # the load asks for something else each time
            time.sleep(2)
        yield made


def test_every_query_of_a_dashboard_is_answered(stack: Standing) -> None:
    """Empty are only those that say what they need, and that cannot be had on one machine; even those are understood."""
    wanted = {
        (where, legend): plain(query)
        for where, legend, query, panel in queries()
        if not panel.needs.startswith((KUBERNETES,) if stack.told["exporter"] else (KUBERNETES, EXPORTER))
    }
    assert len(wanted) > 100
    end = time.monotonic() + 2 * MINUTE
    while wanted and time.monotonic() < end:
        stack.ask("kept")
        wanted = {where: query for where, query in wanted.items() if not stack.query(query)}
        time.sleep(2 if wanted else 0)
    assert wanted == {}
    for _, _, query, _ in queries():
        stack.query(plain(query))


def test_every_rule_is_loaded_and_can_be_computed(stack: Standing) -> None:
    """Prometheus has all of them, under their names, and has computed each without an error."""

    def loaded() -> list[dict[str, str]]:
        groups = httpx.get(f"{stack.told['prometheus']}/api/v1/rules", timeout=30).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    eventually(lambda: all(rule["health"] != "unknown" for rule in loaded()), 90, "rules that were never computed")
    found = loaded()
    assert sorted(rule["name"] for rule in found) == sorted(rule.name for rule in rules())
    assert sorted(rule["name"] for rule in found if rule["type"] == "alerting") == sorted(rule.name for rule in alerts())
    assert [(rule["name"], rule["lastError"]) for rule in found if rule["health"] != "ok"] == []


def test_every_target_answers(stack: Standing) -> None:
    """The gateway, Prometheus itself, and Redis' exporter where it is installed."""
    found = {one["metric"]["job"]: one["value"][1] for one in stack.query("up")}
    assert found == dict.fromkeys(["llm-gateway", "prometheus", *(["redis"] if stack.told["exporter"] else [])], "1")


def test_a_trace_with_its_attempts_arrives(stack: Standing) -> None:
    """A provider that failed and was asked again: both attempts are spans below the request's own."""

    def tried_again() -> list[Seen]:
        for number in range(6):  # every third request fails there
            parent = f"{number + 1:016x}"
            assert stack.ask("retried", traceparent=f"00-{TRACE}-{parent}-01").status_code == 200
        spans = [span for span in stack.spans() if span.trace == TRACE]
        for root in (span for span in spans if span.name == "gateway.request"):
            below = {root.id}
            for _ in range(3):
                below |= {span.id for span in spans if span.parent in below}
            attempts = [span for span in spans if span.id in below and span.name == "provider.flaky.request"]
            if {span.attributes["gateway.attempt.result"] for span in attempts} == {"failed", "answered"}:
                return [span for span in spans if span.id in below]
        return []

    check_nesting(eventually(tried_again, 60, "no trace with a second attempt"))


def test_no_secret_is_anywhere(stack: Standing) -> None:
    """Neither keys nor passwords nor prompts: in no file, log, trace, metric or answer, and not in the databases. One tenant wants its
    content kept: only who asks for that sees it.
    """
    eventually(lambda: len(list((stack.folder / "traces").iterdir())) > 3, 60, "no traces")
    searched, told = 0, []
    for where, text in stack.outputs():
        searched += len(text)
        told += [
            (where, name)
            for name, canary in stack.secrets.items()
            if canary.encode() in text and not (name == "PROMPT" and where.startswith("/admin/v1/content"))
        ]
    assert told == []
    assert searched > 1_000_000
    assert len(stack.operations()) > 10


def script(name: str, url: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """One of deployment/scripts."""
    clean = {key: value for key, value in os.environ.items() if "PROXY" not in key.upper()}
    command = [str(ROOT / "deployment" / "scripts" / name), url]
    return subprocess.run(command, env=clean | environ, capture_output=True, text=True, timeout=120, check=False)


def test_the_scripts_find_it_well(stack: Standing) -> None:
    """smoke-tests.sh and health-check.sh pass, and leave nothing out but what is Kubernetes'."""
    environ = {
        "API_KEY": stack.secrets["APP_KEY"],
        "METRICS_URL": f"{stack.told['admin']}/metrics",
        "MIN_DISK_GB": "0",
    }
    smoke = script("smoke-tests.sh", stack.told["gateway"], **environ)
    assert smoke.returncode == 0, smoke.stderr
    assert "8 passed, 0 failed" in smoke.stdout
    assert "skipped" not in smoke.stdout
    health = script("health-check.sh", stack.told["gateway"], **environ)
    assert health.returncode == 0, health.stderr
    assert health.stdout.endswith("healthy\n")
    assert "4 Redis: connected" in health.stdout
    assert "6 chat: gpt-3.5-turbo answered" in health.stdout


def test_the_scripts_say_what_is_wrong_with_a_broken_one(tmp_path: Path) -> None:
    """A gateway whose only provider is away: both fail, and name it."""
    config = {
        "providers": {"dead": {"type": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "k"}},
        "models": {"gpt-3.5-turbo": {"deployments": ["dead/any"], "retries": 0}},
        "resilience": {"health_check": {"interval": "200ms", "unhealthy_after": 1}},
    }
    with running_gateway(config, tmp_path) as gateway:
        eventually(lambda: httpx.get(f"{gateway.url}/health", timeout=30).status_code == 503, 30, "a dead provider is well")
        environ = {"API_KEY": KEY, "METRICS_URL": f"{gateway.admin}/metrics"}
        smoke = script("smoke-tests.sh", gateway.url, **environ)
        health = script("health-check.sh", gateway.url, **environ)
    assert (smoke.returncode, health.returncode) == (1, 1)
    assert "FAILED: 1 health: not 200" in smoke.stderr
    assert "FAILED: 3 chat: gpt-3.5-turbo did not answer" in smoke.stderr
    assert "these providers fail: dead" in health.stderr
