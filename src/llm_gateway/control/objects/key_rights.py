"""What a key may be given: nothing that its project, its tenant, or who makes it does not have."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema.auth import ApiKey
from llm_gateway.config.schema.tenants import DEFAULT, Scope
from llm_gateway.control.api.refusals import invalid
from llm_gateway.control.api.route import Asked
from llm_gateway.control.objects.checking import within
from llm_gateway.control.objects.documents import said
from llm_gateway.control.objects.roster import TENANT
from llm_gateway.control.objects.scopes import Scopes
from llm_gateway.core.errors import Forbidden, NotFound
from llm_gateway.core.json import encode
from llm_gateway.core.scopes import ADMIN, granted
from llm_gateway.identity.roles import ANALYST, SYSTEM_ADMIN, TENANT_ADMIN, assignable
from llm_gateway.identity.rows import grant_of
from llm_gateway.store import objects
from llm_gateway.store.rows import KeyRow

_STAND_IN = "key of the admin API, not known here"


class KeyChecks:
    """Raises InvalidRequest (422) for what does not fit, Forbidden for what may not be given."""

    def __init__(self, scopes: Scopes, ulid: Callable[[], str]) -> None:
        self._scopes = scopes
        self._ulid = ulid

    async def document(
        self, asked: Asked, body: Any, kind: str, tenant: str, project: str, owner: str | None, had: Collection[str] = ()
    ) -> str:
        """What is kept of `body`, a NewKey or a ChangedKey, once it was checked. `had`: the passthrough that it has so far."""
        key = await self._in_place(asked, body, kind, tenant, project)
        roles = frozenset(body.roles)
        if roles and kind == "gateway":
            raise invalid([("roles", "a key of kind gateway has none: it asks models")])
        self.may_make(asked, kind, roles, tenant, key)
        _may_pass(asked, body.passthrough, had)
        parents = await asked.read(lambda connection: self.place(connection, tenant, project))
        grant = msgspec.structs.replace(grant_of(key), roles=tuple(body.roles))
        within(grant, parents)
        plain = said(grant, without=("kind",))
        return encode({**plain, "owner": owner} if owner else plain).decode()

    def place(self, connection: Connection, tenant: str, project: str) -> list[tuple[str, Scope]]:
        """Project and tenant of a key, with what to call them. Raises InvalidRequest where there are none of these names."""
        known = self._scopes.roster.config.tenants
        if not known and not objects.counts(connection).get(TENANT):
            return []  # both are labels
        found: list[tuple[str, Scope]] = []
        name = tenant or DEFAULT
        try:
            if tenant or project:
                found.append((f"tenant {name}", self._scopes.tenant(connection, name)))
        except NotFound:
            if name != DEFAULT or project:
                raise invalid([("tenant", "there is no such tenant")]) from None
        try:
            if project:
                found.append((f"project {name}/{project}", self._scopes.project(connection, name, project)))
        except NotFound:
            raise invalid([("project", "the tenant has no such project")]) from None
        return found

    def roles(self, row: KeyRow) -> frozenset[str]:
        """Those that a key of the store has by itself."""
        return frozenset(msgspec.json.decode(row.document).get("roles", ()))

    def may_make(self, asked: Asked, kind: str, roles: frozenset[str], tenant: str, key: ApiKey | None = None) -> None:
        """Who makes a key for the admin API gives roles. Raises Forbidden."""
        scopes = granted(kind, None if key is None else key.scopes)
        if not roles and kind == "admin":
            roles = frozenset({TENANT_ADMIN if tenant else SYSTEM_ADMIN})
        elif not roles and kind == "readonly":
            roles = frozenset({ANALYST})
        elif not roles and not (scopes & ADMIN):
            return
        if not assignable(asked.principal, roles, tenant):
            raise Forbidden(
                f"You may not make, change or revoke a key with the roles {', '.join(sorted(roles))} here.",
                details={"roles": sorted(roles)},
            )

    async def _in_place(self, asked: Asked, body: Any, kind: str, tenant: str, project: str) -> ApiKey:
        document = said(body, without=("name", "kind", "tenant", "project", "roles", "disabled", "expires_at"))
        document |= {"name": f"key_{self._ulid()}", "key": _STAND_IN, "kind": kind, "tenant": tenant, "project": project}
        return await self._scopes.checked_key(asked, document)


def _may_pass(asked: Asked, wanted: Collection[str], had: Collection[str]) -> None:
    """Whoever belongs to a tenant gives nobody a provider's own paths: what he finds there is the gateway's account, with what
    other tenants left in it. Raises Forbidden.
    """
    new = sorted({*wanted} - {*had})
    if new and asked.principal.tenant and "*" not in had:
        raise Forbidden(
            "Only who administrates the gateway may give passthrough: a provider's own paths show all of its account.",
            details={"passthrough": new},
        )
