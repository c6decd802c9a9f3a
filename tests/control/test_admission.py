"""Who may use the operators' port."""

from __future__ import annotations

import time

import pytest

from admin_support import admin_world, sync
from control.admission_support import ADMIN, GATEWAY, KEYS, LOOKS, request, signed
from llm_gateway.control.admission import Admission
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.errors import Forbidden, InvalidRequest, Overloaded, Unauthenticated
from llm_gateway.identity.roles import Principal
from llm_gateway.snapshot import compile_snapshot
from whole_gateway import PEPPER, config_of


def admission(**auth) -> Admission:
    snapshot = compile_snapshot(config_of({"auth": auth}), pepper=PEPPER, environ={}, managed={})
    return Admission(lambda: snapshot, SystemClock())


@pytest.mark.parametrize(
    ("key", "scope", "may"), [(ADMIN, "admin:write", True), (GATEWAY, "admin:read", False), (LOOKS, "health:read", True)]
)
@sync
async def test_scopes_decide(key, scope, may):
    """By the table of identity; a data plane's key is not an administrator's."""
    ours = admission(keys=KEYS)
    if may:
        assert (await ours.demand(request(key), scope)).key_name
    else:
        with pytest.raises(Forbidden):
            await ours.demand(request(key), scope)


@sync
async def test_nobody_is_let_in_by_chance():
    """No key, a wrong key, or nothing known yet."""
    with pytest.raises(Unauthenticated):
        await admission(keys=KEYS).demand(request(), "admin:read")
    with pytest.raises(Unauthenticated):
        await admission(keys=KEYS).demand(request("sk-wrong-0123456789"), "admin:read")
    with pytest.raises(Overloaded):
        await Admission(lambda: None, SystemClock()).demand(request(ADMIN), "admin:read")


@sync
async def test_without_any_key_the_port_is_open():
    """For whoever wants to look; nobody may change anything, as docs/ADMIN-API.md says."""
    assert (await admission().demand(request(), "admin:read")).kind == "anonymous"
    with pytest.raises(Forbidden):
        await admission().demand(request(), "admin:write")


@sync
async def test_a_key_that_needs_signatures_needs_them_here_too():
    """Without one it is refused, with one it counts once, and the body that was signed is there for who handles the request."""
    ours = admission(keys=[{"name": "a", "key": ADMIN, "kind": "admin", "require_signature": True}])
    with pytest.raises(Unauthenticated) as refusal:
        await ours.demand(request(ADMIN), "admin:read")
    assert refusal.value.code == "missing_signature"
    fields = signed(ADMIN, b'{"name":"x"}', int(time.time()))
    with pytest.raises(Unauthenticated) as refusal:
        await ours.demand(request(ADMIN, "POST", body=b'{"name":"y"}', **fields), "admin:write")
    assert refusal.value.code == "invalid_signature"
    asked = request(ADMIN, "POST", body=b'{"name":"x"}', **fields)
    assert (await ours.demand(asked, "admin:write")).key_name == "a"
    assert b"".join([piece async for piece in asked.stream()]) == b'{"name":"x"}'
    with pytest.raises(Unauthenticated) as refusal:
        await ours.demand(request(ADMIN, "POST", body=b'{"name":"x"}', **fields), "admin:write")
    assert refusal.value.code == "replayed_signature"
    with pytest.raises(InvalidRequest):
        await ours.demand(request(ADMIN, "POST", body=b"x" * (9 << 20), **fields), "admin:write")


@sync
async def test_use_of_the_admin_api_is_use_of_a_key(tmp_path):
    """When an admin key was last used is told like that of any other."""
    async with admin_world(tmp_path) as world:
        made = await world.key(kind="admin")
        assert world.uses.last(made["id"]) is None
        assert (await world.ask("GET", "/admin/v1/tenants", key=made["key"])).status_code == 200
        shown = (await world.ask("GET", f"/admin/v1/keys/{made['id']}")).json()
        assert shown["last_used_at"] == "2027-01-15T08:00:00.000Z"


@pytest.mark.parametrize("header", ["Origin", "X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
@sync
async def test_who_comes_through_a_proxy_on_this_machine_is_not_from_here(tmp_path, header):
    """While there is no key, only who is on this machine himself may look: neither web pages nor whom a proxy passes on."""
    async with admin_world(tmp_path, config={"providers": {"sim": {"type": "simulator"}}}) as world:
        assert (await world.send("GET", "/admin/v1/tenants", b"", {})).status_code == 200
        assert (await world.send("GET", "/admin/v1/tenants", b"", {header: "203.0.113.7"})).status_code == 403


@sync
async def test_who_signed_in_ends_with_his_tenant(tmp_path):
    """People of a disabled tenant do nothing any more, like its keys; those of other tenants, and of the gateway, go on."""
    async with admin_world(tmp_path) as world:
        for name in ("acme", "other"):
            assert (await world.ask("POST", "/admin/v1/tenants", {"name": name})).status_code == 201
        changed = await world.ask("PATCH", "/admin/v1/tenants/acme", {"disabled": True}, If_Match="*")
        assert changed.status_code == 200
        await world.roster.look()
        for tenant, status in (("acme", 403), ("other", 200), ("filed", 200)):
            world.sign_in(Principal("per_x", "x", frozenset({"tenant_admin"}), tenant))
            answer = await world.ask("GET", f"/admin/v1/tenants/{tenant}", key=None)
            assert answer.status_code == status
            assert ("tenant_disabled" in answer.text) is (status == 403)
        world.sign_in(Principal("per_y", "y", frozenset({"system_admin"})))
        assert (await world.ask("GET", "/admin/v1/tenants/acme", key=None)).status_code == 200
