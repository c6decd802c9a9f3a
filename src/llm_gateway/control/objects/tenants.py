"""/admin/v1/tenants."""

from __future__ import annotations

from types import MappingProxyType

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema.tenants import Scope
from llm_gateway.control.api.desk import Change
from llm_gateway.control.api.paging import fields, listed
from llm_gateway.control.api.reading import merged
from llm_gateway.control.api.refusals import not_found
from llm_gateway.control.api.route import Answer, Asked, Many, PageQuery, Patched, Route, Together
from llm_gateway.control.objects.documents import document_of, said
from llm_gateway.control.objects.roster import TENANT
from llm_gateway.control.objects.scopes import ELSEWHERE, Name, Named, Owned, Scopes, of_file, of_row
from llm_gateway.core.errors import Conflict
from llm_gateway.store import end_users, keys, objects, people, provider_keys
from llm_gateway.store.rows import ObjectRow

ALL, ONE = "/admin/v1/tenants", "/admin/v1/tenants/{tenant}"
_EXAMPLE = MappingProxyType({"name": "acme", "models": ["openai/*"], "budgets": [{"amount": "500", "period": "month"}]})


class NewTenant(Scope, frozen=True, kw_only=True):
    """A tenant to be made."""

    name: Name


TENANT_SHOWN = Together("Tenant", (Named, Owned, Scope))


class Tenants:
    """The resource."""

    def __init__(self, scopes: Scopes) -> None:
        self._scopes = scopes
        self._roster = scopes.roster

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        filters = fields(name="text", owner="text", disabled="flag", tier="text", tags="list", created_at="text")
        return (
            Route(
                "GET",
                ALL,
                "tenants:read",
                "List tenants",
                self.list,
                query=PageQuery,
                filters=filters,
                answer=Many(TENANT_SHOWN),
                tag="tenants",
            ),
            Route(
                "POST",
                ALL,
                "tenants:write",
                "Make a tenant",
                self.create,
                body=NewTenant,
                answer=TENANT_SHOWN,
                status=201,
                tag="tenants",
                example=dict(_EXAMPLE),
                conflicts=(409, 422),
            ),
            Route("GET", ONE, "tenants:read", "Show a tenant", self.show, answer=TENANT_SHOWN, tag="tenants"),
            Route(
                "PATCH",
                ONE,
                "tenants:write",
                "Change a tenant",
                self.change,
                body=Patched(Scope),
                answer=TENANT_SHOWN,
                tag="tenants",
                example={"disabled": True},
                conflicts=(409, 412, 422, 428),
            ),
            Route(
                "DELETE",
                ONE,
                "tenants:write",
                "Delete a tenant that has nothing left",
                self.delete,
                status=204,
                tag="tenants",
                conflicts=(409, 412),
            ),
        )

    async def list(self, asked: Asked) -> Answer:
        """Those of the file and of the store."""
        rows = await asked.read(objects.everything)
        views = [of_row(row, row.name) for row in rows if row.kind == TENANT]
        for name, tenant in self._roster.config.tenants.items():
            views.append(of_file(name, tenant, self._roster.where("tenants", name) or ""))
        return listed([view for view in views if asked.only in (None, view["name"])], asked, "name")

    async def show(self, asked: Asked) -> Answer:
        name = asked.path["tenant"]
        known = self._roster.config.tenants.get(name)
        if known is not None:
            return Answer(of_file(name, known, self._roster.where("tenants", name) or ""))
        return _shown(await asked.read(lambda connection: _row(connection, name)))

    async def create(self, asked: Asked) -> Answer:
        name = asked.body.name
        self._scopes.refuse_file(name)
        tenant = await self._scopes.checked(asked, name, said(asked.body, without=("name",)))
        document = document_of(tenant, without=ELSEWHERE)

        def make(connection: Connection) -> Change:
            if objects.get(connection, TENANT, name) is not None:
                raise Conflict("There is a tenant of this name already.", code="already_exists", param="name")
            row = objects.create(connection, TENANT, name, document, by=asked.principal.id, now=asked.now)
            return Change(_shown(row), "tenant.created", f"tenants/{name}", None, msgspec.json.decode(document))

        return await asked.change(make)

    async def change(self, asked: Asked) -> Answer:
        """A merge patch: what is null goes back to its default."""
        name = asked.path["tenant"]
        self._scopes.refuse_file(name)
        before = await asked.read(lambda connection: _row(connection, name))
        old = msgspec.json.decode(before.document)
        tenant = await self._scopes.checked(asked, name, merged(old, asked.body))
        document = document_of(tenant, without=ELSEWHERE)

        def put(connection: Connection) -> Change:
            version = before.version if asked.version is None else asked.version
            row = objects.update(connection, TENANT, name, document, by=asked.principal.id, now=asked.now, version=version)
            return Change(_shown(row), "tenant.changed", f"tenants/{name}", old, msgspec.json.decode(document))

        return await asked.change(put)

    async def delete(self, asked: Asked) -> Answer:
        """Only what nothing belongs to: a key that is left over would belong to the next tenant of this name."""
        name = asked.path["tenant"]
        self._scopes.refuse_file(name)

        def remove(connection: Connection) -> Change:
            row = _row(connection, name)
            left = _belongings(connection, name)
            if left:
                raise Conflict(f"It has {', '.join(left)}: delete these first, or disable it.", code="in_use")
            objects.delete(connection, TENANT, name, version=asked.version)
            return Change(Answer(), "tenant.deleted", f"tenants/{name}", msgspec.json.decode(row.document), None)

        return await asked.change(remove)


def _row(connection: Connection, name: str) -> ObjectRow:
    """Raises NotFound."""
    row = objects.get(connection, TENANT, name)
    if row is None:
        raise not_found("tenant")
    return row


def _shown(row: ObjectRow) -> Answer:
    return Answer(of_row(row, row.name), version=row.version)


def _belongings(connection: Connection, tenant: str) -> list[str]:
    """What of it there is still."""
    found = {
        "projects": bool(objects.of_prefix(connection, "project", f"{tenant}/")),
        "keys": any(keys.listed(connection, tenant=tenant, status=status, limit=1).rows for status in ("active", "disabled")),
        "end users": bool(end_users.listed(connection, tenant, limit=1).rows),
        "people": bool(people.listed(connection, tenant=tenant, limit=1).rows),
        "provider keys": bool(provider_keys.everything(connection, tenant)),
    }
    return [what for what, there in found.items() if there]
