"""Tenants over the API, beside those of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin_support import admin_world, sync
from store_support import DIALECTS

ALL = "/admin/v1/tenants"
both = pytest.mark.parametrize("dialect", DIALECTS)


@both
@sync
async def test_from_the_first_to_the_last(tmp_path: Path, dialect: str):
    """Made, shown, listed, changed, deleted; keys have its rights as soon as workers know."""
    async with admin_world(tmp_path, dialect) as world:
        made = await world.ask("POST", ALL, {"name": "acme", "models": ["fast"], "budgets": [{"amount": "0.5"}]})
        assert (made.status_code, made.json()["owner"], made.json()["budgets"]) == (201, "api", [{"amount": "0.5"}])
        assert (await world.ask("POST", ALL, {"name": "acme"})).json()["error"]["code"] == "already_exists"
        key = (await world.key(tenant="acme"))["key"]
        assert not world.caller(key).allows("slow")
        assert world.caller(key).spending[0].scope == "tenant"
        await world.ask("PATCH", f"{ALL}/acme", {"disabled": True, "models": ["slow"]}, If_Match='"1"')
        await world.roster.look()
        caller = world.caller(key)
        assert (caller.disabled, caller.allows("slow")) == ("tenant acme", True)
        in_use = await world.ask("DELETE", f"{ALL}/acme")
        assert (in_use.status_code, in_use.json()["error"]["code"]) == (409, "in_use")
        await world.ask("DELETE", f"/admin/v1/keys/{caller.key_id}")
        assert (await world.ask("DELETE", f"{ALL}/acme")).status_code == 204
        assert [one["name"] for one in (await world.ask("GET", ALL)).json()["data"]] == ["filed"]


@sync
async def test_the_files_tenants_belong_to_the_file(tmp_path: Path):
    """Shown with their place and without secrets; not to be changed or made again here."""
    async with admin_world(tmp_path) as world:
        shown = await world.ask("GET", f"{ALL}/filed")
        assert (shown.json()["owner"], "gateway.json" in shown.json()["where"]) == ("file", True)
        assert "secret-1" not in shown.text
        for method, path, body in [("POST", "", {"name": "filed"}), ("PATCH", "/filed", {}), ("DELETE", "/filed", None)]:
            answer = await world.ask(method, ALL + path, body, If_Match="*")
            assert answer.json()["error"]["code"] == "owned_by_file"


@sync
async def test_references_are_checked(tmp_path: Path):
    """As in the file, with the same words and places inside of the object."""
    async with admin_world(tmp_path) as world:
        wrong = await world.ask("POST", ALL, {"name": "a", "models": ["fas"], "default_model": "none", "tier": "gol"})
        problems = {one["field"]: one["message"] for one in wrong.json()["error"]["details"]["validation_errors"]}
        assert set(problems) == {"models[0]", "default_model", "tier"}
        assert 'did you mean "gold"?' in problems["tier"]
        assert (await world.ask("POST", ALL, {"name": "a b"})).status_code == 422


@sync
async def test_filters_and_order(tmp_path: Path):
    """Requirements G3."""
    async with admin_world(tmp_path) as world:
        for name, tags in (("b", ["x"]), ("a", ["x", "y"]), ("c", [])):
            world.clock.advance(1)
            await world.ask("POST", ALL, {"name": name, "tags": tags})

        async def names(query: str) -> list[str]:
            return [one["name"] for one in (await world.ask("GET", f"{ALL}?{query}")).json()["data"]]

        assert await names("owner=api") == ["b", "a", "c"]
        assert await names("tags=x&sort=name") == ["a", "b"]
        assert await names("name__in=a,c&sort=-name") == ["c", "a"]
        assert await names("owner=api&offset=1&limit=1") == ["a"]
        assert (await world.ask("GET", f"{ALL}?color=red")).status_code == 400


@sync
async def test_a_first_tenant_that_the_files_keys_do_not_know(tmp_path: Path):
    """Where there are no tenants, keys of the file may say any; a first one must not make these keys nobody's."""
    config = {
        "auth": {
            "keys": [
                {"name": "root", "kind": "admin", "key": "sk-admin-tests-root-0123456789"},
                {"name": "l", "key": "sk-gateway-0123456789-l", "tenant": "label"},
            ]
        }
    }
    async with admin_world(tmp_path, config=config) as world:
        wrong = await world.ask("POST", ALL, {"name": "acme"})
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (422, "auth.keys[1].tenant")
        assert (await world.ask("POST", ALL, {"name": "label"})).status_code == 201
        await world.roster.look()
        assert world.caller("sk-gateway-0123456789-l").tenant == "label"
