"""What holds for every route: who may, what is read, what is answered again, what is recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from admin_support import admin_world, sync
from llm_gateway.control.audit import Event
from llm_gateway.control.audit_log import AuditUnavailable
from llm_gateway.identity.roles import OF_TENANTS, PERMISSIONS, ROLES, Principal, allowed
from llm_gateway.store.errors import StoreUnavailable

TENANTS = "/admin/v1/tenants"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@sync
async def test_who_is_nobody_gets_nothing(tmp_path: Path):
    """Every route: 401 without a key and with a wrong one, before anything else is looked at."""
    async with admin_world(tmp_path) as world:
        for route in world.table:
            path = route.path.replace("{user:path}", "u").replace("{", "").replace("}", "")
            assert code(await world.ask(route.method, path, key=None)) == (401, "missing_api_key"), route
            assert code(await world.ask(route.method, path, key="sk-admin-wrong")) == (401, "invalid_api_key"), route


@pytest.mark.parametrize("role", ROLES)
@sync
async def test_every_route_asks_for_its_permission(tmp_path: Path, role: str):
    """Default deny, route by route and role by role: 403 exactly where the matrix says no, for the gateway's and a tenant's."""
    async with admin_world(tmp_path) as world:
        for tenant in ("", "filed"):
            world.sign_in(Principal("p", "p", frozenset({role}), tenant))
            for route in world.table:
                assert route.permission in PERMISSIONS
                path = route.path.replace("{tenant}", "filed").replace("{user:path}", "u").replace("{", "").replace("}", "")
                place = "filed" if "{tenant}" in route.path and route.permission in OF_TENANTS else tenant
                answer = await world.ask(route.method, path, If_Match='"7"')
                may = allowed(Principal("p", "p", frozenset({role}), tenant), route.permission, place)
                assert (answer.status_code == 403) is not may, (route.method, path, tenant, answer.text)


@sync
async def test_a_tenants_admin_sees_his_own(tmp_path: Path):
    """What is another tenant's is not there for him: the same 404 as for what does not exist (C25)."""
    async with admin_world(tmp_path) as world:
        await world.ask("POST", TENANTS, {"name": "mine"})
        await world.ask("POST", TENANTS, {"name": "other"})
        theirs = await world.key(tenant="other")
        person = (await world.ask("POST", "/admin/v1/people", {"login": "o", "roles": ["analyst"], "tenant": "other"})).json()
        await world.ask("POST", TENANTS + "/other/projects", {"name": "web"})
        await world.ask("PUT", TENANTS + "/other/users/u", {"blocked": True})
        pkey = (await world.ask("POST", TENANTS + "/other/provider-keys", {"provider": "sim", "key": "secret"})).json()
        admin = (await world.key(tenant="mine", kind="admin"))["key"]
        for method, path, body in [
            ("GET", TENANTS + "/other", None),
            ("GET", TENANTS + "/other/projects", None),
            ("GET", TENANTS + "/other/projects/web", None),
            ("PATCH", TENANTS + "/other/projects/web", {}),
            ("GET", TENANTS + "/other/users/u", None),
            ("PUT", TENANTS + "/other/users/u", {}),
            ("GET", TENANTS + "/other/provider-keys", None),
            ("DELETE", TENANTS + f"/other/provider-keys/{pkey['id']}", None),
            ("GET", TENANTS + f"/mine/provider-keys/{pkey['id']}", None),
            ("GET", f"/admin/v1/keys/{theirs['id']}", None),
            ("GET", "/admin/v1/keys/of-file", None),
            ("PATCH", "/admin/v1/keys/of-file", {"name": "x"}),
            ("PATCH", f"/admin/v1/keys/{theirs['id']}", {"name": "x"}),
            ("POST", f"/admin/v1/keys/{theirs['id']}/revoke", None),
            ("POST", f"/admin/v1/keys/{theirs['id']}/rotate", {}),
            ("DELETE", f"/admin/v1/keys/{theirs['id']}", None),
            ("POST", "/admin/v1/keys", {"name": "x", "tenant": "other"}),
            ("GET", f"/admin/v1/people/{person['id']}", None),
            ("PATCH", f"/admin/v1/people/{person['id']}", {"name": "x"}),
            ("DELETE", f"/admin/v1/people/{person['id']}", None),
            ("POST", "/admin/v1/people", {"login": "n", "roles": ["analyst"], "tenant": "other"}),
        ]:
            answer = await world.ask(method, path, body, key=admin, If_Match="*")
            assert code(answer) == (404, "resource_not_found"), (method, path, answer.text)
        for path in (TENANTS, "/admin/v1/keys", "/admin/v1/people"):
            seen = (await world.ask("GET", path, key=admin)).json()["data"]
            assert all("other" not in (one.get("tenant"), one["name"]) for one in seen)
        assert (await world.ask("GET", "/admin/v1/keys?tenant=other", key=admin)).json()["data"] == []
        assert world.caller(theirs["key"]) is not None


@sync
async def test_a_readonly_key_changes_nothing(tmp_path: Path):
    """It is nobody's administrator."""
    async with admin_world(tmp_path) as world:
        from admin_support import READER

        assert code(await world.ask("POST", TENANTS, {"name": "a"}, key=READER)) == (403, "insufficient_permissions")
        events, _ = world.desk.noted.take()
        assert [(event.action, event.actor, event.reason) for event in events] == [
            ("permission.denied", "reader", "tenants:write")
        ]


@sync
async def test_bodies_are_checked(tmp_path: Path):
    """What is no JSON, no object, too large, of another type or has an unknown field is refused, each in its way."""
    async with admin_world(tmp_path) as world:
        for body, headers, expected in [
            (b"{", {}, (400, "json_parse_error")),
            (b"[]", {}, (422, "validation_error")),
            (b"{}", {"Content-Type": "text/plain"}, (415, "unsupported_media_type")),
            (b'{"name": "a", "nam": 1}', {}, (422, "validation_error")),
            (b'{"name": "a\\u0000"}', {}, (422, "validation_error")),
            (b'{"name": "' + b"a" * (1 << 20) + b'"}', {}, (413, "payload_too_large")),
        ]:
            answer = await world.send("POST", TENANTS, body, {"Content-Type": "application/json", **headers})
            assert code(answer) == expected, body[:40]
        wrong = await world.ask("POST", TENANTS, {"name": "a", "tier": "lead", "limits": {"concurrent": 0}})
        problems = wrong.json()["error"]["details"]["validation_errors"]
        assert {one["field"] for one in problems} == {"tier", "limits.concurrent"} or problems[0]["field"] == "limits.concurrent"
        assert code(await world.send("POST", "/admin/v1/keys/x/revoke", b'{"a": 1}', {})) == (400, "unexpected_body")


@sync
async def test_unknown_paths_methods_and_parameters(tmp_path: Path):
    """404, 405 with what is taken, 400."""
    async with admin_world(tmp_path) as world:
        assert code(await world.ask("GET", "/admin/v1/nothing")) == (404, "not_found")
        answer = await world.ask("PUT", TENANTS)
        assert code(answer) == (405, "method_not_allowed")
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
        assert code(await world.ask("GET", TENANTS + "?what=1")) == (400, "invalid_parameter_value")
        assert code(await world.ask("GET", TENANTS + "?limit=101")) == (400, "invalid_parameter_value")
        assert code(await world.ask("GET", TENANTS + "/a%00b")) == (404, "resource_not_found")
        assert (await world.ask("GET", TENANTS + "/" + "a" * 200)).status_code == 404
        assert (await world.ask("HEAD", TENANTS)).content == b""


@sync
async def test_changes_are_made_from_what_was_seen(tmp_path: Path):
    """428 without If-Match, 412 with an old one, 304 for what is known."""
    async with admin_world(tmp_path) as world:
        made = await world.ask("POST", TENANTS, {"name": "a"})
        assert made.headers["etag"] == '"1"'
        one = TENANTS + "/a"
        assert code(await world.ask("PATCH", one, {"tags": ["x"]})) == (428, "precondition_required")
        assert (await world.ask("PATCH", one, {"tags": ["x"]}, If_Match='"1"')).headers["etag"] == '"2"'
        for stale in ('"1"', 'W/"2"', "2", '"x"'):
            assert code(await world.ask("PATCH", one, {"tags": ["y"]}, If_Match=stale)) == (412, "precondition_failed")
        assert code(await world.ask("DELETE", one, If_Match='"1"')) == (412, "precondition_failed")
        assert (await world.ask("GET", one, If_None_Match='"1", "2"')).status_code == 304
        assert (await world.ask("PATCH", one, {"tags": None}, If_Match="*")).json().get("tags") is None


@sync
async def test_a_request_again_is_answered_as_before(tmp_path: Path):
    """Idempotency-Key (I1): done once, 200 and the key echoed; 422 for another body, 409 while it runs; a refusal leaves it free."""
    async with admin_world(tmp_path) as world:
        first = await world.ask("POST", "/admin/v1/keys", {"name": "k"}, Idempotency_Key="a-1")
        again = await world.ask("POST", "/admin/v1/keys", {"name": "k"}, Idempotency_Key="a-1")
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()
        assert (again.headers["idempotent-replayed"], again.headers["idempotency-key"]) == ("true", "a-1")
        assert (first.headers["idempotency-key"], "idempotent-replayed" in first.headers) == ("a-1", False)
        assert code(await world.ask("POST", "/admin/v1/keys", {"name": "l"}, Idempotency_Key="a-1")) == (
            422,
            "idempotency_key_reused",
        )
        assert code(await world.ask("POST", TENANTS, {"name": "k"}, Idempotency_Key="a-1")) == (422, "idempotency_key_reused")
        assert (await world.ask("POST", "/admin/v1/keys", {"name": "k"}, Idempotency_Key="A-1")).status_code == 201
        assert code(await world.ask("POST", TENANTS, {"name": "-"}, Idempotency_Key="b")) == (422, "validation_error")
        assert (await world.ask("POST", TENANTS, {"name": "b"}, Idempotency_Key="b")).status_code == 201
        assert code(await world.ask("POST", TENANTS, {"name": "b"}, Idempotency_Key="x" * 256)) == (
            400,
            "invalid_idempotency_key",
        )
        world.clock.advance(24 * 3600 + 1)
        assert (await world.ask("POST", "/admin/v1/keys", {"name": "k"}, Idempotency_Key="a-1")).status_code == 201
        kept = await asyncio.to_thread(lambda: b"".join(file.read_bytes() for file in tmp_path.glob("gateway.db*")))
        assert first.json()["key"].encode() not in kept


@sync
async def test_two_at_once_with_one_key(tmp_path: Path):
    """One of them is done; the other is told to wait, or is answered the same."""
    async with admin_world(tmp_path) as world:
        asked = [world.ask("POST", TENANTS, {"name": "a"}, Idempotency_Key="k") for _ in range(4)]
        answers = await asyncio.gather(*asked)
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses.count(201) == 1
        assert set(statuses) <= {200, 201, 409}
        assert len((await world.ask("GET", TENANTS + "?owner=api")).json()["data"]) == 1


@sync
async def test_no_change_without_its_entry(tmp_path: Path):
    """The audit log has who, what, before and after with secrets hidden; if it cannot be written nothing is changed."""
    async with admin_world(tmp_path) as world:
        await world.ask("POST", TENANTS, {"name": "a", "tags": ["x"]}, X_Request_ID="r-1")
        await world.ask("PATCH", TENANTS + "/a", {"tags": ["y"]}, If_Match="*")
        await world.ask("POST", TENANTS + "/a/provider-keys", {"provider": "sim", "key": "secret-77"})
        made, changed, sealed = await world.entries()
        assert (made.action, made.actor, made.resource, made.request_id) == ("tenant.created", "root", "tenants/a", "r-1")
        assert (made.ip, msgspec.json.decode(made.after)) == ("127.0.0.1", {"tags": ["x"]})
        assert (msgspec.json.decode(changed.before), msgspec.json.decode(changed.after)) == ({"tags": ["x"]}, {"tags": ["y"]})
        assert "secret-77" not in str(sealed)

        async def refuse(_event: Any) -> Any:
            raise AuditUnavailable("The audit log cannot be written.")

        world.desk.audit.record = refuse
        assert code(await world.ask("POST", TENANTS, {"name": "b"}, Idempotency_Key="k")) == (503, "audit_unavailable")
        assert code(await world.ask("GET", TENANTS + "/b")) == (404, "resource_not_found")


@sync
async def test_an_entry_of_what_came_to_nothing_is_corrected(tmp_path: Path):
    """The transaction fails after its entry was written: another entry says so."""
    async with admin_world(tmp_path) as world:
        write = world.storing.write

        async def lost(work: Any) -> Any:
            def whole(connection: Any) -> Any:
                work(connection)
                raise StoreUnavailable("the connection is gone")

            return await write(whole)

        world.storing.write = lost
        assert code(await world.ask("POST", TENANTS, {"name": "a"})) == (503, "store_unavailable")
        world.storing.write = write
        await world.audit.record(Event(action="later", actor="test"))
        made, undone, _ = await world.entries()
        assert (made.action, undone.action, undone.result) == ("tenant.created", "tenant.created.undone", "failure")
        assert msgspec.json.decode(undone.after)["entry"] == made.seq


@sync
async def test_without_a_store(tmp_path: Path):
    """503, and when to come back."""
    async with admin_world(tmp_path) as world:

        async def away(_work: Any) -> Any:
            raise StoreUnavailable("PostgreSQL at db: refused")

        world.storing.read = world.storing.write = away
        answer = await world.ask("GET", TENANTS)
        assert code(answer) == (503, "store_unavailable")
        assert answer.headers["retry-after"]
        assert "PostgreSQL" not in answer.text


OPEN = {"providers": {"sim": {"type": "simulator"}}}


@sync
async def test_before_the_first_key(tmp_path: Path):
    """Whoever is on this machine may look and change nothing; a web page, or somebody from elsewhere, may not even look."""
    async with admin_world(tmp_path, config=OPEN) as world:
        assert (await world.ask("GET", TENANTS, key=None)).status_code == 200
        refused = await world.ask("POST", TENANTS, {"name": "a"}, key=None)
        assert code(refused) == (403, "insufficient_permissions")
        assert "admin-key create" in refused.text
        for headers in ({"Host": "evil.example"}, {"Origin": "http://localhost"}, {"Host": "evil.example:9090"}):
            assert (await world.send("GET", TENANTS, b"", headers)).status_code == 403
        assert (await world.send("GET", TENANTS, b"", {}, client="10.0.0.1")).status_code == 403
        assert (await world.send("GET", TENANTS, b"", {"Host": "[::1]:9090"}, client="::1")).status_code == 200
