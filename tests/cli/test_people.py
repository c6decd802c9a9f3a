"""`llm-gateway people`: the first administrator is made here."""

from __future__ import annotations

import httpx
import msgspec

from gateway_process import running_gateway

PASSWORD = "correct horse battery\n"


def test_the_first_administrator(alone, tmp_path):
    """Made before anything runs, in the audit log; signs in to the gateway that starts then, and a new password signs out."""
    config = {"state": {"dir": str(tmp_path / "state")}}
    here = ("--set", f"state.dir={tmp_path}/state")
    done = alone("--json", "people", "add", "Ann", "--role", "admin", *here, stdin=PASSWORD)
    assert done.exit_code == 0, done.stderr
    assert msgspec.json.decode(done.stdout)["roles"] == ["system_admin"]
    assert "people.created" in alone("audit", "tail", *here).stdout
    assert PASSWORD.strip() not in alone("audit", "export", *here).stdout
    with running_gateway(config, tmp_path) as gateway:
        base = gateway.admin or ""
        with httpx.Client(base_url=base, headers={"Origin": base}) as browser:
            given = {"login": "ann", "password": PASSWORD.strip()}
            assert browser.post("/admin/v1/signin", json=given).status_code == 200
            assert browser.get("/admin/v1/people").json()["data"][0]["login"] == "ann"
            made = browser.post("/admin/v1/tenants", json={"name": "made-by-ann"})
            assert made.status_code == 201, made.text
            changed = alone("people", "password", "ann", *here, stdin="another good password\n")
            assert changed.exit_code == 0
            assert "not in it" in changed.stderr, "the gateway alone writes the audit log"
            assert browser.get("/admin/v1/people").status_code == 401
    assert alone("audit", "verify", *here).exit_code == 0


def test_what_cannot_be(alone, tmp_path):
    """Status 2 for a login or a password that is none, 1 for somebody who is there already or not at all."""
    here = ("--set", f"state.dir={tmp_path}/state")
    assert alone("people", "add", "a b", "--role", "admin", *here, stdin=PASSWORD).exit_code == 2
    short = alone("people", "add", "ann", "--role", "admin", *here, stdin="short\n")
    assert (short.exit_code, "12" in short.stderr) == (2, True)
    assert alone("people", "add", "ann", "--role", "king", *here, stdin=PASSWORD).exit_code == 2
    assert alone("people", "add", "ann", "--role", "operator", *here, stdin=PASSWORD).exit_code == 0
    assert alone("people", "add", "ANN", "--role", "operator", *here, stdin=PASSWORD).exit_code == 1
    assert alone("people", "password", "bob", *here, stdin=PASSWORD).exit_code == 1


def test_people_of_a_running_gateway(asking, data, gateway):
    """Listed, disabled, enabled, given other roles, removed: by login."""
    here = ("--set", f"state.dir={gateway.folder}/state")
    assert asking("people", "add", "kim", "--role", "analyst", "--tenant", "acme", *here, stdin=PASSWORD).exit_code == 0
    row = next(one for one in data("people", "list")["data"] if one["login"] == "kim")
    assert (row["roles"], row["tenant"], row["status"]) == (["analyst"], "acme", "active")
    assert data("people", "disable", "kim")["status"] == "disabled"
    assert data("people", "enable", "KIM")["status"] == "active"
    assert data("people", "roles", "kim", "--role", "auditor")["roles"] == ["auditor"]
    assert asking("people", "remove", "kim", "--yes").exit_code == 0
    assert asking("people", "disable", "kim").exit_code == 1
