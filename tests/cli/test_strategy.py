"""`llm-gateway routing-strategy`."""

from __future__ import annotations


def test_what_is_configured(asking, data):
    """The strategy of each route, weights and their shares, rules."""
    assert "weighted" in next(line for line in asking("routing-strategy", "show").stdout.splitlines() if line.startswith("m "))
    assert data("routing-strategy", "show")["routing"]["strategy"] == "priority"
    [one] = data("routing-strategy", "weights", "-m", "m")["data"]
    assert (one["deployment"], one["share"]) == ("sim/gpt-sim", 1.0)
    assert asking("routing-strategy", "weights", "-m", "none").exit_code == 1
    assert data("routing-strategy", "rules") == {"data": []}


def test_what_would_happen_and_what_did(asking, gateway):
    """`test` is `explain`; `stats` comes from the ledger."""
    done = asking("routing-strategy", "test", "-m", "m", "-k", "sk-gateway-tests-0123456789abcdef")
    assert done.exit_code == 0, done.stderr
    assert "sim/gpt-sim" in done.stdout
    assert asking("routing-strategy", "stats", "-w", "1h").exit_code == 0
