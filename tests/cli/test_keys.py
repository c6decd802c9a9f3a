"""`llm-gateway keys`."""

from __future__ import annotations

from gateway_process import GatewayProcess


def test_a_key_is_made_used_replaced_and_revoked(asking, alone, data, gateway: GatewayProcess):
    """The key alone on standard output, which works at once; rotated with an overlap; revoked, and refused at once."""
    done = asking("keys", "create", "ci", "-t", "acme", "-m", "m", "--expires", "2090-01-01")
    assert done.exit_code == 0, done.stderr
    key = done.stdout.strip()
    assert key.startswith("sk-gateway-")
    assert "only time" in done.stderr
    row = next(one for one in data("keys", "list", "-t", "acme")["data"] if one["name"] == "ci")
    assert (row["tenant"], row["status"], row["expires_at"]) == ("acme", "active", "2090-01-01T00:00:00.000Z")
    assert key not in asking("--json", "keys", "list").stdout
    assert _asked(alone, gateway, key)
    second = asking("keys", "rotate", row["id"], "--overlap", "1h").stdout.strip()
    assert second != key
    assert _asked(alone, gateway, key)
    assert _asked(alone, gateway, second)
    for one in data("keys", "list", "-t", "acme", "--status", "active")["data"]:
        if one["name"] == "ci" and one["owner"] == "api":
            assert asking("keys", "revoke", one["id"], "--yes").exit_code == 0
    assert not _asked(alone, gateway, key)
    assert not _asked(alone, gateway, second)


def test_a_key_is_changed_shown_and_forgotten(asking, data):
    """By its id; --json of a new key has everything."""
    made = data("keys", "create", "ops", "--kind", "admin", "--role", "operator", "--set", 'tags=["x"]')
    assert made["key"].startswith("sk-admin-")
    changed = data("keys", "change", made["id"], "--set", "disabled=true")
    assert changed["status"] == "disabled"
    assert "disabled" in asking("keys", "show", made["id"]).stdout
    assert asking("keys", "delete", made["id"], "--yes").exit_code == 0
    nobody = asking("keys", "revoke", "key_none", "--yes")
    assert (nobody.exit_code, "404" in nobody.stderr) == (1, True)


def _asked(alone, gateway: GatewayProcess, key: str) -> bool:
    return alone("chat", "Hi", "-m", "m", "--no-stream", "-u", gateway.url, "-k", key).exit_code == 0
