"""What was used and what it cost, from the ledger of a gateway that runs."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from gateway_process import KEY


@pytest.fixture(scope="session")
def used(gateway):
    """Some requests, which are in the ledger."""
    import httpx

    with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
        for _ in range(3):
            body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
            assert client.post("/v1/chat/completions", json=body).status_code == 200


def eventually(ask, wanted: int):
    end = time.monotonic() + 15
    while True:
        found = ask()
        if found["total"]["requests"] >= wanted or time.monotonic() > end:
            return found
        time.sleep(0.1)


def test_cost(asking, data, used):
    """Sums by whatever is asked for, to the last digit; the sum of the lines is that of all."""
    found = eventually(lambda: data("cost", "-p", "sim", "-w", "1h"), 3)
    assert found["total"]["requests"] >= 3
    assert sum(Decimal(one["cost"]) for one in found["data"]) == Decimal(found["total"]["cost"]) > 0
    text = asking("cost", "-p", "sim", "-g", "tenant", "-g", "model").stdout
    told = text.rpartition("$")[2].strip()
    assert Decimal(told) >= Decimal(found["total"]["cost"])  # others may have asked meanwhile
    assert told == f"{Decimal(told):f}", "to the last digit"
    assert "acme" in text
    assert "gpt-sim" in asking("cost", "--breakdown").stdout


def test_token_usage(asking, data, used):
    """Input and output; each kind by itself with --detailed."""
    found = eventually(lambda: data("token-usage", "-t", "acme"), 3)
    total = found["total"]
    assert total["tokens"] == total["input"] + total["output"] > 0
    told = asking("token-usage", "-t", "acme", "--detailed").stdout
    written = int(told.rpartition(" tokens")[0].rpartition(" ")[2].replace(",", ""))
    again = data("token-usage", "-t", "acme")["total"]["tokens"]
    assert total["tokens"] <= written <= again, "others ask meanwhile"


def test_latency(asking, data, used):
    """Measured ones; of a while without requests nothing is made up."""
    eventually(lambda: data("cost", "-p", "sim"), 3)
    found = data("latency", "-m", "m")
    assert found["requests"] >= 3
    assert found["percentiles"]["p50"] > 0
    assert "p99" in asking("latency", "--percentiles").stdout
    nothing = asking("latency", "-m", "never-asked-for")
    assert nothing.exit_code == 0
    assert "ms" not in nothing.stdout
    assert "nothing to measure" in nothing.stderr


def test_budgets(asking, data, used):
    """What is spent of each, exactly; only those of which so much is used, if that is asked for."""
    spent = eventually(lambda: data("cost", "-t", "acme", "-w", "1h"), 3)["total"]["cost"]
    [budget] = data("budgets", "--scope", "tenant", "--name", "acme")["data"]
    assert budget["amount"] == "10"
    assert Decimal(budget["spent"]) >= Decimal(spent)
    assert Decimal(budget["spent"]) + Decimal(budget["left"]) == 10
    assert "per day (UTC)" in asking("budgets").stdout
    assert data("budgets", "--used", "50")["data"] == []


def test_a_window_that_is_none(asking):
    """The admin API's words, status 1."""
    done = asking("cost", "-w", "yesterday")
    assert done.exit_code == 1
    assert "400" in done.stderr


def test_budgets_of_one_tenant_alone(asking, data, used):
    """Whoever administrates a tenant sees its budgets, those of its projects and keys, and nobody else's."""
    budget = ("--set", 'budgets=[{"amount":"5"},{"amount":"7"}]')
    assert asking("tenants", "create", "umbrella", *budget).exit_code == 0
    assert asking("projects", "create", "umbrella", "lab", "--set", 'budgets=[{"amount":"3","period":"total"}]').exit_code == 0
    made = data("keys", "create", "spender", "-t", "umbrella", "--set", 'budgets=[{"amount":"1","timezone":"Europe/Berlin"}]')
    boss = data("keys", "create", "boss", "--kind", "admin", "-t", "umbrella", "--role", "tenant_admin")["key"]

    def seen() -> set[tuple[str, str, str]]:
        return {(one["scope"], one["name"], one["amount"]) for one in data("budgets", "-k", boss)["data"]}

    wanted = {
        ("tenant", "umbrella", "5"),
        ("tenant", "umbrella", "7"),
        ("project", "umbrella/lab", "3"),
        ("key", made["id"], "1"),
    }
    end = time.monotonic() + 20
    while seen() != wanted and time.monotonic() < end:
        time.sleep(0.1)
    assert seen() == wanted
    assert ("tenant", "acme") in {(one["scope"], one["name"]) for one in data("budgets")["data"]}
