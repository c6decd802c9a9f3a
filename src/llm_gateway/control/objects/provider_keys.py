"""/admin/v1/tenants/{tenant}/provider-keys: a tenant's own keys at providers. They are sealed, and never shown again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema.base import Section, about
from llm_gateway.config.schema.tenants import Tenant
from llm_gateway.config.values import Secret
from llm_gateway.control.api.desk import Change
from llm_gateway.control.api.paging import fields, listed
from llm_gateway.control.api.refusals import invalid, not_found, owned_by_file
from llm_gateway.control.api.route import Answer, Asked, Many, PageQuery, Route
from llm_gateway.control.objects.checking import within
from llm_gateway.control.objects.documents import moment
from llm_gateway.control.objects.scopes import Scopes
from llm_gateway.control.storing import Transactions
from llm_gateway.credentials.ring import Ring, Unsealable
from llm_gateway.identity.rows import Grant
from llm_gateway.store import provider_keys
from llm_gateway.store.errors import Conflict, NotThere
from llm_gateway.store.rows import ProviderKeyRow
from llm_gateway.telemetry.journal import Log

ALL = "/admin/v1/tenants/{tenant}/provider-keys"
ONE = "/admin/v1/tenants/{tenant}/provider-keys/{id}"


class NewProviderKey(Section, frozen=True, kw_only=True):
    """A key at a provider."""

    provider: Annotated[str, about("Whose key it is: a provider of the gateway.", min_length=1, max_length=64)]
    key: Annotated[Secret, about("The key. It is sealed, and cannot be shown again.")]
    name: Annotated[str, about("To tell several apart.", min_length=1, max_length=128)] = "default"


class ReplacedProviderKey(Section, frozen=True):
    """Another key in its place."""

    key: Annotated[Secret, about("The key. It is sealed, and cannot be shown again.")]


class ProviderKeyShown(msgspec.Struct, frozen=True, kw_only=True):
    """A key at a provider, without the key."""

    id: str
    provider: str
    name: str
    owner: str
    where: str | None = None
    version: int | None = None
    created_at: str | None = None
    created_by: str | None = None


class ProviderKeys:
    """The resource. Of several keys of a tenant at one provider the newest is used."""

    def __init__(self, scopes: Scopes, ring: Ring, ulid: Callable[[], str]) -> None:
        self._scopes = scopes
        self._roster = scopes.roster
        self._ring = ring
        self._ulid = ulid

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        read, write, tag = "provider_keys:read", "provider_keys:write", "provider keys"
        filters = fields(provider="text", name="text", owner="text", created_at="text")
        example = {"provider": "openai", "key": "sk-..."}
        return (
            Route(
                "GET",
                ALL,
                read,
                "List a tenant's keys at providers",
                self.list,
                query=PageQuery,
                filters=filters,
                answer=Many(ProviderKeyShown),
                tag=tag,
            ),
            Route(
                "POST",
                ALL,
                write,
                "Add a key at a provider",
                self.create,
                body=NewProviderKey,
                answer=ProviderKeyShown,
                status=201,
                tag=tag,
                example=example,
                about="The tenant's requests go out with it, at its own expense.",
            ),
            Route("GET", ONE, read, "Show what is known of a key at a provider", self.show, answer=ProviderKeyShown, tag=tag),
            Route(
                "PUT",
                ONE,
                write,
                "Replace a key at a provider",
                self.replace,
                body=ReplacedProviderKey,
                answer=ProviderKeyShown,
                tag=tag,
                example={"key": "sk-..."},
            ),
            Route("DELETE", ONE, write, "Remove a key at a provider", self.delete, status=204, tag=tag),
        )

    async def list(self, asked: Asked) -> Answer:
        """Those of the store; of a tenant that the file defines, those of the file."""
        tenant = asked.path["tenant"]

        def read(connection: Connection) -> tuple[Tenant, list[ProviderKeyRow]]:
            return self._scopes.tenant(connection, tenant), provider_keys.everything(connection, tenant)

        known, rows = await asked.read(read)
        views = [_view(row) for row in rows]
        for provider in known.provider_keys:
            where = self._roster.where("tenants", tenant, "provider_keys", provider)
            views.append({"id": f"file:{provider}", "provider": provider, "name": "default", "owner": "file", "where": where})
        return listed(views, asked, "id")

    async def show(self, asked: Asked) -> Answer:
        row = await asked.read(lambda connection: _row(connection, asked))
        return Answer(_view(row), version=row.version)

    async def create(self, asked: Asked) -> Answer:
        """Of a tenant that the API owns."""
        tenant, body = asked.path["tenant"], asked.body
        where = self._roster.where("tenants", tenant)
        if where is not None:
            raise owned_by_file("tenant", where)
        ident = f"pkey_{self._ulid()}"
        sealed = self._ring.seal(body.key.reveal().encode(), _seal_of(ident))
        row = ProviderKeyRow(ident, tenant, body.provider, body.name, sealed, asked.now, asked.principal.id)

        def make(connection: Connection) -> Change:
            parent = self._scopes.tenant(connection, tenant)
            if body.provider not in self._roster.config.providers:
                raise invalid([("provider", "there is no such provider")])
            within(Grant(providers=(body.provider,)), [(f"tenant {tenant}", parent)])
            provider_keys.create(connection, row)
            facts = {"provider": body.provider, "name": body.name}
            return Change(Answer(_view(row), version=row.version), "provider_key.created", _resource(row), None, facts)

        return await asked.change(make)

    async def replace(self, asked: Asked) -> Answer:
        """The same key, renewed at the provider."""
        sealed = self._ring.seal(asked.body.key.reveal().encode(), _seal_of(asked.path["id"]))

        def put(connection: Connection) -> Change:
            row = _row(connection, asked)
            provider_keys.reseal(connection, row.id, sealed, version=asked.version)
            new = _row(connection, asked)
            facts = {"version": row.version}, {"version": new.version}
            return Change(Answer(_view(new), version=new.version), "provider_key.replaced", _resource(row), *facts)

        return await asked.change(put)

    async def delete(self, asked: Asked) -> Answer:
        """The tenant's requests go out with the gateway's key again."""

        def remove(connection: Connection) -> Change:
            row = _row(connection, asked)
            provider_keys.delete(connection, row.id, version=asked.version)
            facts = {"provider": row.provider, "name": row.name}
            return Change(Answer(), "provider_key.deleted", _resource(row), facts, None)

        return await asked.change(remove)


async def reseal(store: Transactions, ring: Ring, log: Log) -> None:
    """All of them under the current master key: the ones before it can then be let go of. Raises StoreError."""
    for row in await store.read(provider_keys.everything):
        try:
            sealed = ring.reseal(row.sealed, _seal_of(row.id))
        except Unsealable as error:
            log("error", "provider_key_unreadable", id=row.id, tenant=row.tenant, why=str(error))
            continue
        if sealed is not None:
            new, version = sealed, row.version
            with suppress(Conflict, NotThere):  # somebody was there first
                await store.write(
                    lambda connection, row=row, new=new, version=version: provider_keys.reseal(  # type: ignore[misc]
                        connection, row.id, new, version=version
                    )
                )


def _row(connection: Connection, asked: Asked) -> ProviderKeyRow:
    """Raises NotFound, also for another tenant's."""
    row = provider_keys.get(connection, asked.path["id"])
    if row is None or row.tenant != asked.path["tenant"]:
        raise not_found("provider key")
    return row


def _view(row: ProviderKeyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "provider": row.provider,
        "name": row.name,
        "owner": "api",
        "version": row.version,
        "created_at": moment(row.created_at),
        "created_by": row.created_by,
    }


def _seal_of(ident: str) -> str:
    return f"provider_keys/{ident}"


def _resource(row: ProviderKeyRow) -> str:
    return f"tenants/{row.tenant}/provider-keys/{row.id}"
