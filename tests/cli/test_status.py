"""How a running gateway is, and those it asks."""

from __future__ import annotations

import time

import httpx
import pytest

from gateway_process import KEY


@pytest.fixture
def fail(gateway):
    """Makes a provider fail again and again."""

    def fail() -> None:
        with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
            for _ in range(8):
                client.post("/v1/chat/completions", json={"model": "broken", "messages": [{"role": "user", "content": "x"}]})

    return fail


def test_health(asking, data):
    """What scripts look for, and words for people."""
    said = data("health", "--detailed")
    assert {"status", "version", "providers", "dependencies", "components"} <= said.keys()
    done = asking("health")
    assert done.exit_code == 0
    assert done.stdout.startswith(("healthy: version", "degraded: version"))


def test_health_says_what_is_not_well(asking, fail):
    """Where one provider of several fails, the gateway is degraded, which is no failure of the command, and the provider is named."""
    end = time.monotonic() + 20
    fail()
    while "provider gone is unhealthy" not in (done := asking("health")).stdout and time.monotonic() < end:
        time.sleep(0.2)  # another worker may have answered, of which each knows its own requests
        fail()
    assert done.stdout.startswith("degraded: version")
    assert "  provider gone is unhealthy\n" in done.stdout
    assert done.exit_code == 0


def test_health_asks_the_address_that_was_given_alone(asking):
    """A gateway that is away is not well because another port of its host answers."""
    done = asking("health", "-u", "http://127.0.0.1:1")
    assert done.exit_code == 1
    assert "127.0.0.1:1" in done.stderr


def test_backend_health(asking, data, fail):
    """One line for each; the status says whether one of them is unhealthy; what is wrong is said; what never ran says so."""
    end = time.monotonic() + 20
    fail()
    while (done := asking("backend-health")).exit_code == 0 and time.monotonic() < end:
        time.sleep(0.2)  # workers report once in a while
        fail()  # on a slow machine its circuit was tried again meanwhile
    assert done.exit_code == 1
    row = next(line for line in done.stdout.splitlines() if line.startswith("gone"))
    assert "failures in a row" in row or "health checks could not reach it" in row  # whichever came first
    assert asking("backend-health", "-p", "sim").exit_code == 0
    only = asking("--json", "backend-health", "--unhealthy-only").stdout
    assert '"gone"' in only
    assert '"sim"' not in only
    assert asking("backend-health", "-p", "nobody").exit_code == 1
