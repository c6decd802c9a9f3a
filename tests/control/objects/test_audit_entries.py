"""The audit log over the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin_support import admin_world, sync
from llm_gateway.control.audit import of_worker
from llm_gateway.control.audit_store import TableAudit
from llm_gateway.core.security_event import SecurityEvent
from llm_gateway.identity.roles import Principal
from store_support import DIALECTS

ALL = "/admin/v1/audit"


@pytest.mark.parametrize("dialect", DIALECTS)
@sync
async def test_pages_and_filters(tmp_path: Path, dialect: str):
    """The newest first, by who, what, where and when; a tenant's auditor sees what is about his tenant."""
    async with admin_world(tmp_path, dialect) as world:
        for name in ("a", "b"):
            await world.ask("POST", "/admin/v1/tenants", {"name": name, "tags": ["x"]})
            await world.ask("POST", f"/admin/v1/tenants/{name}/projects", {"name": "p"})
            world.clock.advance(60)
        await TableAudit(world.storing, "here").append(await world.entries())  # as the log does in the background

        async def seen(query: str = "") -> list[str]:
            return [entry["resource"] for entry in (await world.ask("GET", f"{ALL}?{query}")).json()["data"]]

        everything = ["tenants/b/projects/p", "tenants/b", "tenants/a/projects/p", "tenants/a"]
        assert await seen() == everything
        assert await seen("action=tenant.created") == ["tenants/b", "tenants/a"]
        assert await seen("resource=tenants/a&actor=root") == everything[2:]
        assert await seen("since=2027-01-15T08:00:30Z") == everything[:2]
        assert await seen("until=2027-01-15T08:00:30Z&actor=nobody") == []
        first = (await world.ask("GET", ALL + "?limit=3")).json()
        rest = (await world.ask("GET", f"{ALL}?limit=3&cursor={first['next_cursor']}")).json()
        assert [entry["seq"] for entry in (*first["data"], *rest["data"])] == [4, 3, 2, 1]
        assert (rest["has_more"], rest["data"][0]["after"], rest["data"][0]["before"]) == (False, {"tags": ["x"]}, None)
        assert (await world.ask("GET", ALL + "?cursor=x")).json()["error"]["code"] == "invalid_cursor"
        world.sign_in(Principal("p", "p", frozenset({"auditor"}), "a"))
        assert await seen() == everything[2:]
        assert await seen("resource=tenants/b") == []
        assert await seen("resource=tenants/a/projects") == ["tenants/a/projects/p"]


@sync
async def test_a_tenants_auditor_sees_all_that_concerns_it_and_nothing_else(tmp_path: Path):
    """Whatever it is of: keys, people, provider keys, rights that were missing. What is the gateway's or another tenant's is not
    there, however much alike its name is.
    """
    async with admin_world(tmp_path) as world:
        for name in ("acme", "ACME", "acme2"):
            await world.ask("POST", "/admin/v1/tenants", {"name": name})
            key = await world.key(tenant=name)
            await world.ask("PATCH", f"/admin/v1/keys/{key['id']}", {"limits": {"concurrent": 2}}, If_Match="*")
            rotated = (await world.ask("POST", f"/admin/v1/keys/{key['id']}/rotate", {})).json()
            await world.ask("DELETE", f"/admin/v1/keys/{rotated['id']}")
            person = {"login": f"{name}1@example.com", "roles": ["analyst"], "tenant": name}
            someone = (await world.ask("POST", "/admin/v1/people", person)).json()
            await world.ask("DELETE", f"/admin/v1/people/{someone['id']}")
            await world.ask("PATCH", f"/admin/v1/tenants/{name}", {"budgets": [{"amount": "5", "period": "day"}]}, If_Match="*")
            await world.ask("PUT", f"/admin/v1/tenants/{name}/users/u", {"blocked": True})
        await world.key(kind="admin", roles=["auditor"])
        world.sign_in(Principal("p", "p", frozenset({"auditor"}), "acme"))
        assert (await world.ask("POST", "/admin/v1/keys", {"name": "k"})).status_code == 403
        for event in (*world.desk.noted.take()[0], SecurityEvent(1, "permission.denied", "k", resource="models/tenants/acme/x")):
            await world.audit.record(of_worker(event))
        await TableAudit(world.storing, "here").append(await world.entries())

        found = (await world.ask("GET", ALL + "?limit=100")).json()["data"]
        assert {entry["resource"].partition("/")[0] for entry in found} == {"tenants"}
        assert {entry["resource"].split("/")[1] for entry in found} == {"acme"}
        assert [entry["action"] for entry in reversed(found)] == [
            "tenant.created",
            "key.created",
            "key.changed",
            "key.rotated",
            "key.revoked",
            "person.created",
            "person.deleted",
            "tenant.changed",
            "end_user.created",
            "permission.denied",
        ]
        assert found[0]["resource"] == "tenants/acme/POST /admin/v1/keys"
        by_key = (await world.ask("GET", ALL + "?resource=tenants/acme/keys")).json()["data"]
        assert [entry["action"] for entry in by_key] == ["key.revoked", "key.rotated", "key.changed", "key.created"]
        assert (await world.ask("GET", ALL + "?resource=tenants/ACME")).json()["data"] == []
