"""Who may do what: which scope an operation of a model needs, and which roles have which permission of the admin API.

What stands in neither table is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import Forbidden
from llm_gateway.dialects.base import Operation

# ---- The data plane

_LOOKS = frozenset({b"GET", b"HEAD"})
SCOPES: Mapping[Operation, tuple[str, str]] = MappingProxyType(
    {
        Operation.CHAT: ("chat:create", "chat:create"),
        Operation.COMPLETION: ("chat:create", "chat:create"),
        Operation.FILL_IN: ("chat:create", "chat:create"),
        Operation.COUNT_TOKENS: ("chat:create", "chat:create"),
        Operation.EMBEDDING: ("embeddings:create", "embeddings:create"),
        Operation.RERANK: ("rerank:create", "rerank:create"),
        Operation.REALTIME: ("realtime:create", "realtime:create"),
        Operation.IMAGE: ("images:create", "images:create"),
        Operation.SPEECH: ("audio:create", "audio:create"),
        Operation.TRANSCRIPTION: ("audio:create", "audio:create"),
        Operation.MODERATION: ("moderations:create", "moderations:create"),
        Operation.OCR: ("documents:create", "documents:create"),
        Operation.FILES: ("files:read", "files:write"),
        Operation.BATCHES: ("batches:read", "batches:create"),
        Operation.PASSTHROUGH: ("passthrough:use", "passthrough:use"),
    }
)
"""What is asked -> the scope for who only looks (GET), and for everything else."""


def scope_of(operation: Operation, method: bytes = b"POST") -> str:
    """The scope that a request needs."""
    looks, does = SCOPES[operation]
    return looks if method in _LOOKS else does


def demand(caller: Caller, scope: str) -> Caller:
    """`caller`, if it has the scope. Raises Forbidden."""
    if scope not in caller.scopes:
        raise Forbidden(
            f"This API key may not do this: it needs the scope {scope}.",
            code="insufficient_permissions",
            details={"scope": scope},
        )
    return caller


# ---- The admin API

SYSTEM_ADMIN, TENANT_ADMIN, OPERATOR = "system_admin", "tenant_admin", "operator"
DEVELOPER, ANALYST, AUDITOR, SERVICE = "developer", "analyst", "auditor", "service"
ROLES = (SYSTEM_ADMIN, TENANT_ADMIN, OPERATOR, DEVELOPER, ANALYST, AUDITOR, SERVICE)

OF_TENANTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "tenants:read": frozenset({TENANT_ADMIN, OPERATOR, DEVELOPER, ANALYST, AUDITOR, SERVICE}),
        "projects:read": frozenset({TENANT_ADMIN, OPERATOR, DEVELOPER, ANALYST, AUDITOR, SERVICE}),
        "projects:write": frozenset({TENANT_ADMIN}),
        "keys:read": frozenset({TENANT_ADMIN, OPERATOR, DEVELOPER, AUDITOR, SERVICE}),
        "keys:write": frozenset({TENANT_ADMIN, SERVICE}),
        "users:read": frozenset({TENANT_ADMIN, DEVELOPER, AUDITOR, SERVICE}),
        "users:write": frozenset({TENANT_ADMIN, SERVICE}),
        "budgets:read": frozenset({TENANT_ADMIN, OPERATOR, DEVELOPER, ANALYST, AUDITOR, SERVICE}),
        "budgets:write": frozenset({TENANT_ADMIN}),
        "provider_keys:read": frozenset({TENANT_ADMIN, AUDITOR}),
        "provider_keys:write": frozenset({TENANT_ADMIN}),
        "people:read": frozenset({TENANT_ADMIN, AUDITOR}),
        "people:write": frozenset({TENANT_ADMIN}),
        "usage:read": frozenset({TENANT_ADMIN, OPERATOR, DEVELOPER, ANALYST, AUDITOR, SERVICE}),
        "audit:read": frozenset({TENANT_ADMIN, AUDITOR}),
        "content:read": frozenset({TENANT_ADMIN}),
        "content:write": frozenset({TENANT_ADMIN}),
    }
)
"""Permissions for what belongs to a tenant -> the roles that have them, besides system_admin. Who belongs to a tenant has them
there alone.
"""
OF_GATEWAY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "tenants:write": frozenset(),
        "models:write": frozenset({OPERATOR}),
        "providers:read": frozenset({OPERATOR, AUDITOR}),
        "providers:write": frozenset(),
        "limits:read": frozenset({OPERATOR, AUDITOR}),
        "limits:write": frozenset(),
        "circuits:read": frozenset({OPERATOR, DEVELOPER, AUDITOR}),
        "circuits:write": frozenset({OPERATOR}),
        "cache:read": frozenset({OPERATOR, DEVELOPER, AUDITOR}),
        "cache:write": frozenset({OPERATOR}),
        "snapshots:read": frozenset({OPERATOR, AUDITOR}),
        "snapshots:write": frozenset({OPERATOR}),
        "config:read": frozenset({OPERATOR, AUDITOR}),
        "config:write": frozenset(),
        "system:read": frozenset({OPERATOR, DEVELOPER, ANALYST, AUDITOR, SERVICE}),
        "system:write": frozenset({OPERATOR}),
        "ledger:write": frozenset(),
    }
)
"""The same for what belongs to the gateway as a whole. Who belongs to a tenant has none of them."""
OF_EVERYONE: Mapping[str, frozenset[str]] = MappingProxyType(
    {"models:read": frozenset({TENANT_ADMIN, OPERATOR, DEVELOPER, ANALYST, AUDITOR, SERVICE})}
)
"""The same for what belongs to the gateway and may be seen by who belongs to a tenant."""
PERMISSIONS = frozenset({*OF_TENANTS, *OF_GATEWAY, *OF_EVERYONE})


class Principal(msgspec.Struct, frozen=True):
    """Who uses the admin API: a person, or an admin key."""

    id: str
    name: str
    roles: frozenset[str]
    tenant: str = ""
    """"": of the gateway."""
    scopes: frozenset[str] = frozenset({"admin:read", "admin:write"})


def principal_of(caller: Caller) -> Principal:
    """What a key, token or certificate is to the admin API. An admin key without roles administrates what it belongs to."""
    roles = caller.roles
    if not roles:
        if caller.kind == "admin":
            roles = frozenset({TENANT_ADMIN if caller.tenant else SYSTEM_ADMIN})
        elif caller.kind == "readonly":
            roles = frozenset({ANALYST})
    return Principal(caller.key_id, caller.key_name, roles, caller.tenant, caller.scopes)


def allowed(principal: Principal, permission: str, tenant: str = "") -> bool:
    """`tenant`: whose it is; "": the gateway's, or all tenants'."""
    if not _scoped(principal, permission):
        return False
    if permission in OF_EVERYONE:
        return _has(principal, OF_EVERYONE[permission])
    if permission in OF_GATEWAY:
        return not principal.tenant and _has(principal, OF_GATEWAY[permission])
    if permission not in OF_TENANTS or (principal.tenant and principal.tenant != tenant):
        return False
    roles = OF_TENANTS[permission]
    if not principal.tenant:
        roles -= {TENANT_ADMIN}  # of no tenant: of nothing
    return _has(principal, roles)


def assignable(principal: Principal, roles: frozenset[str], tenant: str) -> bool:
    """Whether `principal` may give these roles, there: nobody gives what he does not have himself."""
    if not roles <= frozenset(ROLES) or not allowed(principal, "people:write", tenant):
        return False
    given = Principal("", "", roles, tenant)
    return all(allowed(principal, permission, tenant) for permission in PERMISSIONS if allowed(given, permission, tenant)) and (
        not principal.tenant or SYSTEM_ADMIN not in roles
    )


def _has(principal: Principal, roles: frozenset[str]) -> bool:
    if SYSTEM_ADMIN in principal.roles:
        return True
    return not roles.isdisjoint(principal.roles)


def _scoped(principal: Principal, permission: str) -> bool:
    """Whether its scopes reach so far: admin:read and admin:write are for everything, usage:read for itself."""
    reading = permission.endswith(":read")
    return ("admin:read" if reading else "admin:write") in principal.scopes or (reading and permission in principal.scopes)
