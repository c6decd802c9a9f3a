"""Objects of the admin API: the same words for each kind."""

from __future__ import annotations

import msgspec
import pytest


def test_a_tenant_from_its_making_to_its_end(asking, data):
    """Made with fields, shown, listed, changed, deleted; each step as a table or lines, and as JSON."""
    made = data(
        "tenants", "create", "globex", "--set", "tier=pro", "--set", 'budgets=[{"amount":"500.000000001","period":"month"}]'
    )
    assert (made["name"], made["tier"], made["budgets"][0]["amount"]) == ("globex", "pro", "500.000000001")
    listed = asking("tenants", "list").stdout
    assert "500.000000001 per month" in next(line for line in listed.splitlines() if line.startswith("globex"))
    changed = data("tenants", "change", "globex", "--set", "tier=null", "--set", "limits.requests.minute=60")
    assert changed["limits"] == {"requests": {"minute": 60}}
    assert "tier" not in changed
    assert "limits" in asking("tenants", "show", "globex").stdout
    assert asking("projects", "create", "globex", "web").exit_code == 0
    assert [one["name"] for one in data("projects", "list", "globex")["data"]] == ["web"]
    assert asking("tenants", "delete", "globex", "--yes").exit_code == 1, "it has a project"
    assert asking("projects", "delete", "globex", "web", "--yes").exit_code == 0
    asked = asking("tenants", "delete", "globex", stdin="n\n")
    assert asked.exit_code == 1
    assert asking("tenants", "delete", "globex", stdin="y\n").exit_code == 0
    gone = asking("tenants", "show", "globex")
    assert (gone.exit_code, "404" in gone.stderr) == (1, True)


def test_what_the_file_defines_is_changed_there(asking):
    """It is shown with its place, and a change is refused before it is asked for."""
    assert "gateway.json" in asking("tenants", "show", "acme").stdout
    done = asking("tenants", "change", "acme", "--set", "disabled=true")
    assert done.exit_code == 1
    assert "gateway.json" in done.stderr


def test_other_kinds(asking, data):
    """Providers, routes, rules and end users have the same commands."""
    assert asking("providers", "create", "extra", "--set", "type=simulator").exit_code == 0
    assert "extra" in asking("providers", "list").stdout
    assert asking("routes", "create", "alias", "--set", 'deployments=["extra/gpt-sim"]').exit_code == 0
    assert data("routes", "show", "alias")["deployments"]
    busy = asking("providers", "delete", "extra", "--yes")
    assert busy.exit_code == 1
    assert asking("routes", "delete", "alias", "--yes").exit_code == 0
    assert asking("providers", "delete", "extra", "--yes").exit_code == 0
    assert asking("users", "create", "acme", "kim@example.com", "--set", "blocked=true").exit_code in (0, 1)
    assert asking("rules", "list").exit_code == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [(("--set", "tier"), "PATH=VALUE"), (("--set", "a..b=1"), "PATH=VALUE"), (("--set", "a=1", "--set", "a.b=2"), "no object")],
)
def test_fields_that_are_none(asking, fields, said):
    """Status 2, before anything is asked."""
    done = asking("tenants", "create", "x", *fields)
    assert done.exit_code == 2
    assert said in done.stderr


def test_fields_from_a_file(asking, data, tmp_path):
    """A JSON object, over which --set goes; what is none is said."""
    (tmp_path / "tenant.json").write_bytes(msgspec.json.encode({"tier": "free", "tags": ["a"]}))
    made = data("tenants", "create", "initech", "-f", "tenant.json", "--set", "tier=pro")
    assert (made["tier"], made["tags"]) == ("pro", ["a"])
    assert asking("tenants", "create", "y", "-f", "nowhere.json").exit_code == 2
    (tmp_path / "bad.json").write_text("[]")
    assert asking("tenants", "create", "y", "-f", "bad.json").exit_code == 2
    assert asking("tenants", "delete", "initech", "--yes").exit_code == 0


def test_every_mistake_of_an_object_is_said(asking):
    """The admin API's words, with the place; as JSON all of them."""
    done = asking("--json", "tenants", "create", "bad", "--set", "tier=none", "--set", "limits.requests.minute=many")
    assert done.exit_code == 1
    error = msgspec.json.decode(done.stderr)["error"]
    assert "422" in error["message"]
    assert error["details"]["validation_errors"]
