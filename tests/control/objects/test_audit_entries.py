"""The audit log over the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin_support import admin_world, sync
from llm_gateway.control.audit_store import TableAudit
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
