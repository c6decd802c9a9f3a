"""Keys over the API: made once, shown once, rotated, revoked; never more than their parents have."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from admin_support import READER, ROOT, World, admin_world, sync
from llm_gateway.identity.minting import kind_of
from llm_gateway.identity.roles import Principal
from llm_gateway.store import keys
from store_support import DIALECTS

ALL = "/admin/v1/keys"
both = pytest.mark.parametrize("dialect", DIALECTS)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@both
@sync
async def test_a_key_is_shown_once_and_works(tmp_path: Path, dialect: str):
    """Workers know it with the rights that were said; nobody can see it again."""
    async with admin_world(tmp_path, dialect) as world:
        said = {"models": ["fast"], "tags": ["x"], "tier": "gold", "budgets": [{"amount": "2.5", "period": "day"}]}
        made = await world.key(**said)
        assert kind_of(made["key"]) == "gateway"
        assert made["key"].startswith(made["prefix"][:-3])
        caller = world.caller(made["key"])
        assert caller is not None
        assert (caller.key_id, caller.key_name, caller.tags, caller.allows("slow")) == (made["id"], "k", {"x"}, False)
        entry = caller.spending[0]
        assert (entry.limits.concurrent, int(entry.budgets[0].amount)) == (3, 2_500_000_000)
        shown = (await world.ask("GET", f"{ALL}/{made['id']}")).json()
        assert "key" not in shown
        assert {name: shown[name] for name in said} == said
        assert made["key"] not in (await world.ask("GET", ALL)).text


@both
@sync
async def test_rotation_keeps_what_is_counted(tmp_path: Path, dialect: str):
    """Both keys are accepted for the overlap; limits and things belong to the first one's id; only an active key is rotated."""
    async with admin_world(tmp_path, dialect) as world:
        old = await world.key(budgets=[{"amount": 1}])
        answer = await world.ask("POST", f"{ALL}/{old['id']}/rotate", {"overlap": "1h"})
        new = answer.json()
        assert (answer.status_code, new["rotated_from"], new["expires_at"]) == (201, old["id"], None)
        await world.roster.look()
        first, second = world.caller(old["key"]), world.caller(new["key"])
        assert first is not None
        assert second is not None
        assert (first.owner, second.owner) == (old["id"], old["id"])
        assert first.expires == pytest.approx(world.clock.now() + 3600)
        third = (await world.ask("POST", f"{ALL}/{new['id']}/rotate", {})).json()
        await world.roster.look()
        assert world.caller(third["key"]).owner == old["id"]
        world.clock.advance(7200)
        assert code(await world.ask("POST", f"{ALL}/{old['id']}/rotate", {})) == (409, "key_not_active")
        assert (await world.ask("GET", f"{ALL}/{old['id']}")).json()["status"] == "expired"


@both
@sync
async def test_a_revoked_key_is_told_at_once(tmp_path: Path, dialect: str):
    """Before any directory is built; for ever; a second time changes nothing."""
    async with admin_world(tmp_path, dialect) as world:
        made = await world.key()
        answer = await world.ask("POST", f"{ALL}/{made['id']}/revoke")
        assert (answer.json()["status"], world.revoked) == ("revoked", [made["id"]])
        await world.roster.look()
        assert world.caller(made["key"]) is None
        assert (await world.ask("DELETE", f"{ALL}/{made['id']}")).status_code == 204
        again = (await world.ask("GET", f"{ALL}/{made['id']}")).json()
        assert again["revoked_at"] == answer.json()["revoked_at"]
        patched = await world.ask("PATCH", f"{ALL}/{made['id']}", {"disabled": False}, If_Match="*")
        assert code(patched) == (409, "key_revoked")


@sync
async def test_another_nodes_revocation_is_heard(tmp_path: Path):
    """The store says that something changed: workers are told who is revoked before they get a new directory."""
    async with admin_world(tmp_path) as world:
        made = await world.key()
        now = world.desk.now
        await world.storing.write(lambda connection: keys.revoke(connection, made["id"], now))  # not over this API
        assert world.revoked == []
        assert await world.roster.look()
        assert world.revoked == [made["id"]]
        assert world.caller(made["key"]) is None
        assert not await world.roster.look()


@both
@sync
async def test_changes(tmp_path: Path, dialect: str):
    """A merge patch of everything but what it belongs to; disabled and enabled again."""
    async with admin_world(tmp_path, dialect) as world:
        made = await world.key(models=["fast"], expires_at="2030-01-01T00:00:00Z")
        one = f"{ALL}/{made['id']}"
        off = await world.ask("PATCH", one, {"disabled": True, "name": "z", "models": None}, If_Match='"1"')
        assert (off.json()["status"], off.json()["name"], "models" in off.json()) == ("disabled", "z", False)
        assert off.json()["expires_at"] == "2030-01-01T00:00:00.000Z"
        await world.roster.look()
        assert world.caller(made["key"]) is None
        on = await world.ask("PATCH", one, {"disabled": False, "expires_at": None}, If_Match='"2"')
        assert (on.json()["status"], on.json()["expires_at"]) == ("active", None)
        await world.roster.look()
        assert world.caller(made["key"]).allows("slow")
        wrong = await world.ask("PATCH", one, {"kind": "admin"}, If_Match="*")
        assert (code(wrong), wrong.json()["error"]["param"]) == ((422, "validation_error"), "kind")


@sync
async def test_a_child_has_no_more_than_its_parents(tmp_path: Path):
    """Models, providers, regions and passthrough beyond project or tenant: 422 with each place."""
    async with admin_world(tmp_path) as world:
        await world.ask("POST", "/admin/v1/tenants", {"name": "a", "models": ["fast"], "providers": ["sim"]})
        await world.ask("POST", "/admin/v1/tenants/a/projects", {"name": "p"})
        wrong = await world.ask("POST", ALL, {"name": "k", "tenant": "a", "project": "p", "models": ["fast", "slow"]})
        assert wrong.json()["error"]["details"]["validation_errors"] == [
            {"field": "models[1]", "message": "tenant a may not use slow"}
        ]
        for body, field in [
            ({"tenant": "nobody"}, "tenant"),
            ({"tenant": "a", "project": "q"}, "project"),
            ({"tenant": "filed", "project": "q"}, "project"),
            ({"models": ["nothing"]}, "models[0]"),
            ({"tier": "none"}, "tier"),
            ({"scopes": ["admin:write"]}, "scopes"),
            ({"roles": ["operator"]}, "roles"),
            ({"expires_at": "tomorrow"}, "expires_at"),
            ({"budgets": [{"amount": "-1"}]}, "budgets[0].amount"),
        ]:
            answer = await world.ask("POST", ALL, {"name": "k", **body})
            assert (answer.status_code, answer.json()["error"]["param"]) == (422, field), answer.text


@sync
async def test_nobody_makes_a_key_that_is_more_than_he(tmp_path: Path):
    """A service may make keys that ask models and none for administering; a tenant's administrator only of his own tenant."""
    async with admin_world(tmp_path) as world:
        world.sign_in(Principal("s", "s", frozenset({"service"}), "filed"))
        assert (await world.ask("POST", ALL, {"name": "k"})).json()["tenant"] == "filed"
        for kind in ("admin", "readonly"):
            assert code(await world.ask("POST", ALL, {"name": "k", "kind": kind})) == (403, "insufficient_permissions")
        world.sign_in(Principal("t", "t", frozenset({"tenant_admin"}), "filed"))
        assert (await world.ask("POST", ALL, {"name": "k", "kind": "admin"})).status_code == 201
        for roles in (["system_admin"], ["operator"]):
            wrong = await world.ask("POST", ALL, {"name": "k", "kind": "admin", "roles": roles})
            assert wrong.status_code == (403 if roles == ["system_admin"] else 201)
        made = await world.key()
        world.sign_in(Principal("a", "a", frozenset({"service"})))
        admin = await world.ask("GET", f"{ALL}?kind=admin&tenant=filed&limit=1")
        ident = admin.json()["data"][0]["id"]
        assert code(await world.ask("POST", f"{ALL}/{ident}/rotate", {})) == (403, "insufficient_permissions")
        assert (await world.ask("POST", f"{ALL}/{made['id']}/rotate", {})).status_code == 201


@sync
async def test_a_made_admin_key_administrates(tmp_path: Path):
    """The whole way: made over the API, recognised by the API."""
    async with admin_world(tmp_path) as world:
        made = await world.key(kind="admin", roles=["auditor"])
        assert (await world.ask("GET", ALL, key=made["key"])).status_code == 200
        assert code(await world.ask("POST", ALL, {"name": "k"}, key=made["key"])) == (403, "insufficient_permissions")
        gateway = await world.key()
        assert code(await world.ask("GET", ALL, key=gateway["key"])) == (403, "insufficient_permissions")
        assert code(await world.ask("GET", "/admin/v1/tenants", key=READER)) == (403, "insufficient_permissions")


@both
@sync
async def test_pages_over_file_and_store(tmp_path: Path, dialect: str):
    """By cursor forwards and backwards, by offset, in both orders: each key once, those of the file first."""
    async with admin_world(tmp_path, dialect) as world:
        for number in range(5):
            world.clock.advance(1)
            await world.key(name=f"k{number}", tags=["t"])
        expected = ["of-file", "reader", "root", "k0", "k1", "k2", "k3", "k4"]
        for limit in (1, 2, 3, 4, 8, 20):
            for sort, names in (("created_at", expected), ("-created_at", expected[::-1])):
                seen: list[str] = []
                cursor, pages = "", []
                while True:
                    page = (await world.ask("GET", f"{ALL}?limit={limit}&sort={sort}&cursor={cursor}")).json()
                    pages.append([one["name"] for one in page["data"]])
                    seen += pages[-1]
                    if not page["has_more"]:
                        break
                    cursor = page["next_cursor"]
                assert seen == names, (limit, sort)
                if page["previous_cursor"]:
                    back = await world.ask("GET", f"{ALL}?limit={limit}&sort={sort}&cursor={page['previous_cursor']}")
                    assert [one["name"] for one in back.json()["data"]] == seen[-len(pages[-1]) - limit : -len(pages[-1])]
                for offset in range(9):
                    part = (await world.ask("GET", f"{ALL}?limit={limit}&sort={sort}&offset={offset}")).json()
                    assert [one["name"] for one in part["data"]] == names[offset : offset + limit]
                    assert (part["total"], part["has_more"]) == (8, offset + limit < 8)
        assert [one["name"] for one in (await world.ask("GET", ALL + "?name=k3")).json()["data"]] == ["k3"]
        assert [one["owner"] for one in (await world.ask("GET", ALL + "?tenant=filed")).json()["data"]] == ["file"]
        for wrong in ("cursor=x", "cursor=eyJpZCI6MX0", "sort=name", "cursor=x&offset=1"):
            assert (await world.ask("GET", f"{ALL}?{wrong}")).status_code == 400, wrong


@sync
async def test_the_files_keys_belong_to_the_file(tmp_path: Path):
    """Shown with their place, and not to be changed here."""
    async with admin_world(tmp_path) as world:
        shown = (await world.ask("GET", f"{ALL}/root")).json()
        assert (shown["owner"], shown["kind"], "gateway.json:1:" in shown["where"]) == ("file", "admin", True)
        for method, path, body in [
            ("PATCH", "", {"name": "x"}),
            ("DELETE", "", None),
            ("POST", "/revoke", None),
            ("POST", "/rotate", {}),
        ]:
            answer = await world.ask(method, f"{ALL}/root{path}", body, If_Match="*")
            assert code(answer) == (409, "owned_by_file")
            assert "gateway.json:1:" in answer.json()["error"]["details"]["where"]


@sync
async def test_the_old_path(tmp_path: Path):
    """Requirements E19: api_key, name, created_at, expires_at."""
    async with admin_world(tmp_path) as world:
        body = {"name": "old", "scopes": ["chat:create"], "rate_limit_tier": "gold", "expires_at": "2030-01-01T00:00:00Z"}
        answer = await world.ask("POST", "/admin/api-keys", body, Idempotency_Key="i")
        made = answer.json()
        assert (answer.status_code, set(made)) == (201, {"id", "api_key", "name", "created_at", "expires_at"})
        await world.roster.look()
        caller = world.caller(made["api_key"])
        assert (caller.scopes, caller.expires) == ({"chat:create"}, datetime(2030, 1, 1, tzinfo=UTC).timestamp())
        assert (await world.ask("POST", "/admin/api-keys", body, Idempotency_Key="i")).json() == made


@sync
async def test_a_signing_key_says_its_secret_once(tmp_path: Path):
    """With require_signature the answer has what requests are signed with."""
    async with admin_world(tmp_path) as world:
        assert (await world.key(require_signature=True))["signing_secret"].startswith("sgn-")
        assert "signing_secret" not in await world.key()


@sync
async def test_last_use(tmp_path: Path):
    """Shown from what workers told, and kept in the store."""
    async with admin_world(tmp_path) as world:
        made = await world.key()
        await use(world, made["id"], "root")
        for ident in (made["id"], "root"):
            assert (await world.ask("GET", f"{ALL}/{ident}", key=ROOT)).json()["last_used_at"] == "2027-01-15T08:00:00.000Z"
        await world.uses.write()
        assert (await world.ask("GET", f"{ALL}/{made['id']}")).json()["last_used_at"] == "2027-01-15T08:00:00.000Z"


async def use(world: World, *idents: str) -> None:
    world.uses.told(None, [list(idents), {}])  # type: ignore[arg-type]  # which worker it was makes no difference


@sync
async def test_a_tenant_gives_itself_no_way_into_the_gateways_accounts(tmp_path: Path):
    """Passthrough shows all of a provider's account: a tenant's administrator keeps what a key was given, and gives no more."""
    async with admin_world(tmp_path) as world:
        given = await world.key(tenant="filed", passthrough=["sim"])
        mine = (await world.key(tenant="filed", kind="admin"))["key"]
        for wanted in (["sim"], ["*"]):
            refused = await world.ask("POST", ALL, {"name": "k", "passthrough": wanted}, key=mine)
            assert code(refused) == (403, "insufficient_permissions")
        one = f"{ALL}/{given['id']}"
        kept = await world.ask("PATCH", one, {"tags": ["x"]}, key=mine, If_Match="*")
        assert (kept.status_code, kept.json()["passthrough"]) == (200, ["sim"])
        assert (await world.ask("PATCH", one, {"passthrough": ["*"]}, key=mine, If_Match="*")).status_code == 403


@sync
async def test_nobody_revokes_an_administrators_key_who_could_not_make_it(tmp_path: Path):
    """A service makes and revokes keys for asking models; it cannot lock administrators out, and may give up its own key."""
    async with admin_world(tmp_path) as world:
        service = await world.key(tenant="filed", kind="admin", roles=["service"])
        admin, gateway = await world.key(tenant="filed", kind="admin"), await world.key(tenant="filed")
        for path, method in ((f"{ALL}/{admin['id']}", "DELETE"), (f"{ALL}/{admin['id']}/revoke", "POST")):
            assert code(await world.ask(method, path, key=service["key"])) == (403, "insufficient_permissions")
        assert (await world.ask("DELETE", f"{ALL}/{gateway['id']}", key=service["key"])).status_code == 204
        assert (await world.ask("DELETE", f"{ALL}/{service['id']}", key=service["key"])).status_code == 204
