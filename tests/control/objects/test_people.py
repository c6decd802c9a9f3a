"""Who may sign in."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin_support import admin_world, sync
from llm_gateway.identity.roles import Principal
from llm_gateway.store import people
from store_support import DIALECTS

ALL = "/admin/v1/people"


@pytest.mark.parametrize("dialect", DIALECTS)
@sync
async def test_from_the_first_to_the_last(tmp_path: Path, dialect: str):
    """Added, listed, changed, removed; a password is kept as its hash, and neither shown nor written down."""
    async with admin_world(tmp_path, dialect) as world:
        made = await world.ask("POST", ALL, {"login": " Kim@Example.com ", "roles": ["operator"], "password": "correct horse"})
        kim = made.json()
        assert (made.status_code, kim["login"], kim["password"], kim["roles"]) == (201, "kim@example.com", True, ["operator"])
        assert world.passwords == ["correct horse"]
        assert (await world.ask("POST", ALL, {"login": "kim@example.com", "roles": ["analyst"]})).json()["error"][
            "param"
        ] == "login"
        one = f"{ALL}/{kim['id']}"
        changed = await world.ask("PATCH", one, {"roles": ["analyst", "auditor"], "name": "Kim"}, If_Match='"1"')
        assert (changed.json()["roles"], changed.json()["password"]) == (["analyst", "auditor"], True)
        changed = await world.ask("PATCH", one, {"password": None, "status": "disabled"}, If_Match='"2"')
        assert (changed.json()["status"], changed.json()["password"]) == ("disabled", False)
        assert [one["login"] for one in (await world.ask("GET", ALL + "?roles=auditor")).json()["data"]] == ["kim@example.com"]
        assert (await world.ask("DELETE", one)).status_code == 204
        assert (await world.ask("GET", one)).status_code == 404
        assert "correct horse" not in str(await world.entries())


@sync
async def test_what_is_refused(tmp_path: Path):
    """Weak passwords, unknown roles and tenants, logins that nobody can have."""
    async with admin_world(tmp_path) as world:
        for body, field in [
            ({"password": "short"}, "password"),
            ({"password": "aaaaaaaaaaaaaaaa"}, "password"),
            ({"roles": ["king"]}, "roles[0]"),
            ({"roles": []}, "roles"),
            ({"tenant": "nobody"}, "tenant"),
            ({"login": "a b"}, "login"),
        ]:
            answer = await world.ask("POST", ALL, {"login": "kim", "roles": ["analyst"], **body})
            assert (answer.status_code, answer.json()["error"]["param"]) == (422, field), answer.text


@sync
async def test_nobody_gives_or_takes_what_he_does_not_have(tmp_path: Path):
    """A tenant's administrator makes no system administrator, and cannot touch one."""
    async with admin_world(tmp_path) as world:
        boss = (await world.ask("POST", ALL, {"login": "boss", "roles": ["system_admin"], "tenant": "filed"})).status_code
        assert boss in (201, 403)
        world.sign_in(Principal("t", "t", frozenset({"tenant_admin"}), "filed"))
        assert (await world.ask("POST", ALL, {"login": "a", "roles": ["system_admin"]})).status_code == 403
        mine = (await world.ask("POST", ALL, {"login": "b", "roles": ["analyst"]})).json()
        assert mine["tenant"] == "filed"
        up = await world.ask("PATCH", f"{ALL}/{mine['id']}", {"roles": ["system_admin"]}, If_Match="*")
        assert up.status_code == 403
        (row,) = (await world.storing.read(lambda connection: people.listed(connection, tenant="filed"))).rows[-1:]
        assert row.roles == '["analyst"]'
