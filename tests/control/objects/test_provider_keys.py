"""Tenants' own keys at providers: sealed, used, and never shown."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest

from admin_support import admin_world, sync
from llm_gateway.control.objects.provider_keys import reseal
from llm_gateway.credentials.ring import Ring
from llm_gateway.store import provider_keys
from store_support import DIALECTS

PATH = "/admin/v1/tenants/acme/provider-keys"


@pytest.mark.parametrize("dialect", DIALECTS)
@sync
async def test_from_the_first_to_the_last(tmp_path: Path, dialect: str):
    """The tenant's requests go out with it; the newest one counts; what the store has is sealed for its row."""
    async with admin_world(tmp_path, dialect) as world:
        await world.ask("POST", "/admin/v1/tenants", {"name": "acme"})
        key = (await world.key(tenant="acme"))["key"]
        made = await world.ask("POST", PATH, {"provider": "sim", "key": "own-secret-1"})
        assert (made.status_code, "own-secret" in made.text) == (201, False)
        await world.roster.look()
        assert world.caller(key).accounts == {"sim": "own-secret-1"}
        (row,) = await world.storing.read(provider_keys.everything)
        assert b"own-secret" not in row.sealed
        one = f"{PATH}/{made.json()['id']}"
        assert (await world.ask("PUT", one, {"key": "own-secret-2"}, If_Match='"1"')).headers["etag"] == '"2"'
        await world.roster.look()
        assert world.caller(key).accounts == {"sim": "own-secret-2"}
        assert "own-secret" not in (await world.ask("GET", PATH)).text + (await world.ask("GET", one)).text
        assert (await world.ask("DELETE", one, If_Match='"1"')).status_code == 412
        assert (await world.ask("DELETE", one)).status_code == 204
        await world.roster.look()
        assert world.caller(key).accounts is None


@sync
async def test_what_is_refused(tmp_path: Path):
    """No such provider, one that the tenant may not use, a tenant of the file, the same name twice."""
    async with admin_world(tmp_path) as world:
        await world.ask("POST", "/admin/v1/tenants", {"name": "acme", "providers": ["sim"]})
        assert (await world.ask("POST", PATH, {"provider": "other", "key": "x"})).json()["error"]["param"] == "provider"
        filed = await world.ask("POST", "/admin/v1/tenants/filed/provider-keys", {"provider": "sim", "key": "x"})
        assert filed.json()["error"]["code"] == "owned_by_file"
        (shown,) = (await world.ask("GET", "/admin/v1/tenants/filed/provider-keys")).json()["data"]
        assert (shown["owner"], shown["provider"]) == ("file", "sim")
        assert (await world.ask("POST", PATH, {"provider": "sim", "key": "x"})).status_code == 201
        assert (await world.ask("POST", PATH, {"provider": "sim", "key": "y"})).status_code == 409


@sync
async def test_one_that_cannot_be_opened_stops_nobody(tmp_path: Path):
    """It is logged and left out; everybody else is served."""
    async with admin_world(tmp_path) as world:
        await world.ask("POST", "/admin/v1/tenants", {"name": "acme"})
        made = (await world.ask("POST", PATH, {"provider": "sim", "key": "x"})).json()
        await world.storing.write(lambda connection: provider_keys.reseal(connection, made["id"], b"broken" * 20))
        key = (await world.key(tenant="acme"))["key"]
        assert world.caller(key).accounts is None
        assert "provider_key_unreadable" in [event for event, _ in world.logged]


@sync
async def test_sealed_anew_when_the_master_key_is_another(tmp_path: Path):
    """What was sealed under the one before is under the current one afterwards; what cannot be opened is named and left."""
    async with admin_world(tmp_path) as world:
        await world.ask("POST", "/admin/v1/tenants", {"name": "acme"})
        made = (await world.ask("POST", PATH, {"provider": "sim", "key": "x"})).json()
        old = (tmp_path / "master.key").read_text().strip()
        rotated = Ring([b"n" * 32, b64decode(old)])
        await reseal(world.storing, rotated, world.log)
        await reseal(world.storing, rotated, world.log)
        (row,) = await world.storing.read(provider_keys.everything)
        assert (Ring([b"n" * 32]).open(row.sealed, f"provider_keys/{made['id']}"), row.version) == (b"x", 2)
        await reseal(world.storing, Ring([b"z" * 32]), world.log)
        assert world.logged[-1][0] == "provider_key_unreadable"
