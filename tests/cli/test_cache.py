"""`llm-gateway cache-status`, asked of a gateway that keeps answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from gateway_process import KEY, GatewayProcess, running_gateway

ROOT = "sk-admin-tests-0123456789abcdef"
CONFIGURATION = {
    "providers": {"sim": {"type": "simulator"}},
    "models": {
        "m": "sim/gpt-sim",
        "other": {"deployments": ["sim/gpt-sim"], "cache": {"ttl": "10m"}},
        "off": {"deployments": ["sim/gpt-sim"], "cache": {"enabled": False}},
    },
    "cache": {"enabled": True, "ttl": "2h", "stale": "1d"},
    "auth": {"keys": [{"name": "root", "key": ROOT, "kind": "admin"}, {"name": "app", "key": KEY}]},
}
Fill = Callable[..., None]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """In the place of the one that all other commands ask: that one keeps nothing."""
    with running_gateway(CONFIGURATION, tmp_path_factory.mktemp("gateway")) as process:
        yield process


@pytest.fixture
def fill(gateway: GatewayProcess, data: Callable[..., Any]) -> Fill:
    """Asks each question of a model; nothing was kept before."""
    data("cache-status", "clear", "--force")

    def fill(model: str, *questions: str) -> None:
        with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as client:
            for question in questions:
                body = {"model": model, "messages": [{"role": "user", "content": question}]}
                assert client.post("/v1/chat/completions", json=body).status_code == 200

    return fill


def test_stats(asking, data, fill):
    """How much there is and how often it was of use; with --detailed each worker has a line of its own."""
    before = data("cache-status", "stats")
    fill("m", "one", "one", "two")
    found = data("cache-status", "stats", "--detailed")
    assert (found["hits"] - before["hits"], found["misses"] - before["misses"], found["entries"]) == (1, 2, 2)
    done = asking("cache-status", "stats", "--detailed")
    heading, worker, everyone = done.stdout.splitlines()[1:]
    assert "hit ratio" in heading
    assert (worker.split()[:3], everyone.split()[:2]) == (["worker", "0", "2"], ["all", "2"])
    assert "256 MB" in everyone
    assert "without asking a provider" in done.stderr
    assert "worker 0" not in asking("cache-status", "stats").stdout


def test_list(asking, data, fill):
    """The newest first, of one name if that is wanted, no more than asked for; nothing of what was said."""
    fill("m", "a secret", "two")
    fill("other", "three")
    found = data("cache-status", "list")["data"]
    assert [one["model"] for one in found] == ["other", "m", "m"]
    assert found[0]["ttl_left_seconds"] <= 600 < found[1]["ttl_left_seconds"]
    assert [one["model"] for one in data("cache-status", "list", "-m", "m", "--limit", "1")["data"]] == ["m"]
    shown = asking("cache-status", "list").stdout
    assert "secret" not in shown
    row = next(line for line in shown.splitlines() if " other " in line)
    assert " sim " in row
    assert "gpt-sim" in row
    assert "stale for" not in row


def test_clear(asking, data, fill):
    """Of one name, older than a while, all; it asks before, unless it is told not to; a "no" changes nothing."""
    fill("m", "one", "two")
    fill("other", "three")
    assert data("cache-status", "clear", "--model", "other", "--force") == {"cleared": 1}
    assert data("cache-status", "clear", "--older-than", "1h", "--force") == {"cleared": 0}
    refused = asking("cache-status", "clear", "-m", "m", "--older-than", "1ms", stdin="n\n")
    assert refused.exit_code == 1
    assert "Forget answers of m older than 1ms?" in refused.stderr
    assert data("cache-status", "stats")["entries"] == 2
    done = asking("cache-status", "clear", stdin="y\n")
    assert "Forget all answers?" in done.stderr
    assert done.stdout.endswith("2 answers are forgotten.\n")
    assert data("cache-status", "stats")["entries"] == 0


@pytest.mark.parametrize("wrong", ["soon", "60", "1w", ""])
def test_a_time_that_is_none(asking, data, fill, wrong):
    """2, and what a time looks like; nothing is forgotten."""
    fill("m", "one")
    done = asking("cache-status", "clear", "--older-than", wrong, "--force")
    assert done.exit_code == 2
    assert "a duration" in done.stderr
    assert data("cache-status", "stats")["entries"] == 1


def test_config(asking, data):
    """The section, and what comes of it for each alias."""
    found = data("cache-status", "config")
    assert (found["ttl"], found["stale"], found["scope"]) == ("2h", "1d", "tenant")
    assert found["models"]["other"] == {"enabled": True, "ttl": "10m", "stale": "1d"}
    assert not found["models"]["off"]["enabled"]
    lines = [line.split() for line in asking("cache-status", "config").stdout.splitlines()]
    assert ["backend", "memory"] in lines
    assert ["other", "yes", "10m", "1d"] in lines
