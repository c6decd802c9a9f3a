"""`llm-gateway snapshots`."""

from __future__ import annotations


def test_history_and_going_back(asking, data):
    """A change makes a snapshot; the difference names it; going back undoes it."""
    first = data("snapshots", "list")["data"][0]["number"]
    assert asking("providers", "create", "later", "--set", "type=simulator").exit_code == 0
    newest = data("snapshots", "list")["data"][0]
    assert newest["number"] > first
    assert newest["current"]
    shown = asking("snapshots", "diff", str(newest["number"]), "--against", str(first))
    assert "providers.later" in shown.stdout
    assert "later" in asking("snapshots", "show", str(newest["number"])).stdout
    done = asking("snapshots", "rollback", str(first), "--yes", "--reason", "test")
    assert done.exit_code == 0, done.stderr
    assert "later" not in asking("providers", "list").stdout
    assert asking("snapshots", "show", "999999").exit_code == 1
