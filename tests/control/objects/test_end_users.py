"""End users about whom there is something to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin_support import admin_world, sync
from store_support import DIALECTS


@pytest.mark.parametrize("dialect", DIALECTS)
@sync
async def test_from_the_first_to_the_last(tmp_path: Path, dialect: str):
    """Said, said anew, forgotten; callers look them up, whoever owns the tenant."""
    async with admin_world(tmp_path, dialect) as world:
        path = "/admin/v1/tenants/filed/users"
        key = await world.key(tenant="filed")
        put = await world.ask("PUT", f"{path}/a%2Fb", {"blocked": True})
        assert (put.status_code, put.json()["name"], put.headers["etag"]) == (200, "a/b", '"1"')
        await world.roster.look()
        users = world.caller(key["key"]).users
        assert (users.user("filed", "a/b").blocked, users.user("filed", "bob").blocked) == (True, True)
        assert users.user("filed", "c") is None
        again = await world.ask("PUT", f"{path}/a%2Fb", {"limits": {"concurrent": 1}}, If_Match='"1"')
        assert ("blocked" in again.json(), again.headers["etag"]) == (False, '"2"')
        assert (await world.ask("PUT", f"{path}/a%2Fb", {}, If_Match='"1"')).status_code == 412
        assert [one["name"] for one in (await world.ask("GET", path)).json()["data"]] == ["bob", "a/b"]
        assert (await world.ask("DELETE", f"{path}/a%2Fb")).status_code == 204
        assert (await world.ask("GET", f"{path}/a%2Fb")).status_code == 404
        assert (await world.ask("PUT", f"{path}/bob", {})).json()["error"]["code"] == "owned_by_file"
        assert (await world.ask("PUT", "/admin/v1/tenants/none/users/x", {})).status_code == 404
