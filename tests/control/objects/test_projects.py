"""Projects over the API: of tenants of the API, and of the file's."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin_support import admin_world, sync
from store_support import DIALECTS


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("tenant", ["acme", "filed"])
@sync
async def test_from_the_first_to_the_last(tmp_path: Path, dialect: str, tenant: str):
    """Whoever owns the tenant: a project of the API narrows what its keys may do."""
    async with admin_world(tmp_path, dialect) as world:
        await world.ask("POST", "/admin/v1/tenants", {"name": "acme"})
        path = f"/admin/v1/tenants/{tenant}/projects"
        assert (await world.ask("POST", path, {"name": "web", "models": ["fast"]})).status_code == 201
        assert (await world.ask("POST", path, {"name": "web"})).status_code == 409
        key = await world.key(tenant=tenant, project="web")
        caller = world.caller(key["key"])
        assert (caller.tenant, caller.project, caller.allows("slow")) == (tenant, "web", False)
        await world.ask("PATCH", f"{path}/web", {"models": None, "limits": {"concurrent": 2}}, If_Match='"1"')
        await world.roster.look()
        assert world.caller(key["key"]).spending[0].limits.concurrent == 2
        names = [one["name"] for one in (await world.ask("GET", path)).json()["data"]]
        assert names == (["web"] if tenant == "acme" else ["own", "web"])
        assert (await world.ask("DELETE", f"{path}/web")).json()["error"]["code"] == "in_use"
        await world.ask("DELETE", f"/admin/v1/keys/{key['id']}")
        assert (await world.ask("DELETE", f"{path}/web")).status_code == 204
        assert (await world.ask("GET", f"{path}/web")).status_code == 404


@sync
async def test_what_is_refused(tmp_path: Path):
    """The file's own, what its tenant may not, what belongs to nobody."""
    async with admin_world(tmp_path) as world:
        path = "/admin/v1/tenants/filed/projects"
        assert (await world.ask("GET", f"{path}/own")).json()["tags"] == ["t"]
        for method, where in (("PATCH", "/own"), ("DELETE", "/own")):
            answer = await world.ask(method, path + where, {} if method == "PATCH" else None, If_Match="*")
            assert answer.json()["error"]["code"] == "owned_by_file"
        await world.ask("POST", "/admin/v1/tenants", {"name": "a", "models": ["fast"]})
        wrong = await world.ask("POST", "/admin/v1/tenants/a/projects", {"name": "p", "models": ["slow"]})
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (422, "models[0]")
        assert (await world.ask("POST", "/admin/v1/tenants/none/projects", {"name": "p"})).status_code == 404
        assert (await world.ask("GET", "/admin/v1/tenants/none/projects")).status_code == 404
