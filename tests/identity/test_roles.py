"""Which scope an operation needs, and which roles have which permission."""

from __future__ import annotations

from itertools import product

import pytest

from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import Forbidden
from llm_gateway.core.scopes import ADMIN, ASKING, DATA, EVERY, READING, granted
from llm_gateway.dialects.base import Operation
from llm_gateway.identity.roles import (
    ANALYST,
    OF_EVERYONE,
    OF_GATEWAY,
    OF_TENANTS,
    OPERATOR,
    PERMISSIONS,
    ROLES,
    SCOPES,
    SERVICE,
    SYSTEM_ADMIN,
    TENANT_ADMIN,
    Principal,
    allowed,
    assignable,
    demand,
    principal_of,
    scope_of,
)

MATRIX = {
    # permission: tenant_admin, operator, developer, analyst, auditor, service
    "tenants:read": "yyyyyy",
    "tenants:write": "------",
    "projects:read": "yyyyyy",
    "projects:write": "y-----",
    "keys:read": "yyy-yy",
    "keys:write": "y----y",
    "users:read": "y-y-yy",
    "users:write": "y----y",
    "budgets:read": "yyyyyy",
    "budgets:write": "y-----",
    "provider_keys:read": "y---y-",
    "provider_keys:write": "y-----",
    "people:read": "y---y-",
    "people:write": "y-----",
    "usage:read": "yyyyyy",
    "audit:read": "y---y-",
    "content:read": "y-----",
    "content:write": "y-----",
    "models:read": "yyyyyy",
    "models:write": "-y----",
    "providers:read": "-y--y-",
    "providers:write": "------",
    "limits:read": "-y--y-",
    "limits:write": "------",
    "circuits:read": "-yy-y-",
    "circuits:write": "-y----",
    "cache:read": "-yy-y-",
    "cache:write": "-y----",
    "snapshots:read": "-y--y-",
    "snapshots:write": "-y----",
    "config:read": "-y--y-",
    "config:write": "------",
    "system:read": "-yyyyy",
    "system:write": "-y----",
    "ledger:write": "------",
}
"""Written a second time, so that a change of the table is a decision."""


def principal(*roles: str, tenant: str = "", scopes: frozenset[str] = ADMIN) -> Principal:
    return Principal("id", "name", frozenset(roles), tenant, scopes)


def test_the_matrix_is_whole():
    """Every permission stands in exactly one table, and here."""
    assert set(MATRIX) == PERMISSIONS
    assert len(PERMISSIONS) == len(OF_TENANTS) + len(OF_GATEWAY) + len(OF_EVERYONE)


@pytest.mark.parametrize(("permission", "role"), [*product(MATRIX, ROLES)])
def test_the_whole_matrix(permission, role):
    """Each role and each permission: at its own tenant, at another's, at the gateway's, and for who belongs to no tenant."""
    has = role == SYSTEM_ADMIN or MATRIX[permission][ROLES.index(role) - 1] == "y"
    of_tenant, of_everyone = permission in OF_TENANTS, permission in OF_EVERYONE
    mine = principal(role, tenant="t")
    assert allowed(mine, permission, "t") is (has and (of_tenant or of_everyone))
    assert allowed(mine, permission, "u") is (has and of_everyone)
    assert allowed(mine, permission) is (has and of_everyone)
    everywhere = has and (role != TENANT_ADMIN or of_everyone)
    assert allowed(principal(role), permission, "t") is everywhere
    assert allowed(principal(role), permission) is everywhere


@pytest.mark.parametrize("permission", [*MATRIX, "nothing:read", ""])
def test_who_has_no_role_has_no_permission(permission):
    """Default deny: no role, an unknown role, an unknown permission, scopes that do not reach so far."""
    assert not allowed(principal(), permission)
    assert not allowed(principal("god"), permission)
    assert not allowed(principal(*ROLES, scopes=frozenset({"chat:create"})), permission)
    if permission not in PERMISSIONS:
        assert not allowed(principal(SYSTEM_ADMIN), permission)


@pytest.mark.parametrize("permission", MATRIX)
def test_scopes_narrow_what_roles_allow(permission):
    """admin:read is for reading alone, admin:write for writing; usage:read is for usage, whoever reads."""
    reading = permission.endswith(":read")
    assert allowed(principal(SYSTEM_ADMIN, scopes=frozenset({"admin:read"})), permission) is reading
    assert allowed(principal(SYSTEM_ADMIN, scopes=frozenset({"admin:write"})), permission) is not reading
    assert allowed(principal(SYSTEM_ADMIN, scopes=frozenset({"usage:read"})), permission) is (permission == "usage:read")


def test_what_keys_are_to_the_admin_api():
    """An admin key administrates what it belongs to, a readonly key reads figures, all others are nobody there."""
    admin = granted("admin", None)
    assert principal_of(Caller("a", kind="admin", scopes=admin)).roles == {SYSTEM_ADMIN}
    bound = principal_of(Caller("a", kind="admin", scopes=admin, tenant="t"))
    assert (bound.roles, bound.tenant) == ({TENANT_ADMIN}, "t")
    reader = principal_of(Caller("r", kind="readonly", scopes=granted("readonly", None), tenant="t"))
    assert allowed(reader, "usage:read", "t")
    assert allowed(reader, "models:read")
    assert not allowed(reader, "usage:read", "u")
    assert not allowed(reader, "tenants:read", "t")
    for kind in ("gateway", "anonymous", "jwt", "mtls"):
        nobody = principal_of(Caller("k", kind=kind, scopes=EVERY))
        assert not any(allowed(nobody, permission, tenant) for permission in PERMISSIONS for tenant in ("", "t"))
    assert principal_of(Caller("p", kind="jwt", roles=frozenset({OPERATOR}))).roles == {OPERATOR}


def test_nobody_gives_what_he_does_not_have():
    """A tenant's admin makes admins of the tenant, but none of the gateway, of another tenant, or with an invented role."""
    mine = principal(TENANT_ADMIN, tenant="t")
    assert assignable(mine, frozenset({TENANT_ADMIN, ANALYST, SERVICE}), "t")
    assert not assignable(mine, frozenset({TENANT_ADMIN}), "u")
    assert not assignable(mine, frozenset({TENANT_ADMIN}), "")
    assert not assignable(mine, frozenset({SYSTEM_ADMIN}), "t")
    assert not assignable(mine, frozenset({"god"}), "t")
    assert assignable(principal(SYSTEM_ADMIN), frozenset({SYSTEM_ADMIN}), "")
    assert not assignable(principal(OPERATOR), frozenset({ANALYST}), "t")


@pytest.mark.parametrize("operation", list(Operation))
def test_every_operation_has_a_scope(operation):
    """One that there is, and that asking has where it costs something."""
    assert scope_of(operation) in ASKING
    assert scope_of(operation, b"GET") in DATA
    assert set(SCOPES[operation]) <= DATA


def test_looking_is_less_than_doing():
    """Files and batches can be seen by who may not make any."""
    assert scope_of(Operation.FILES, b"GET") in READING
    assert scope_of(Operation.BATCHES, b"HEAD") in READING
    assert scope_of(Operation.FILES, b"DELETE") == "files:write"


def test_demand_says_what_is_missing():
    """403, with the scope in its details."""
    caller = Caller("k", scopes=frozenset({"chat:create"}))
    assert demand(caller, "chat:create") is caller
    with pytest.raises(Forbidden) as caught:
        demand(caller, "models:read")
    assert (caught.value.code, caught.value.details) == ("insufficient_permissions", {"scope": "models:read"})
