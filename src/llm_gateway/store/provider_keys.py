"""Tenants' own keys at providers, sealed: what is inside nobody here can tell."""

from __future__ import annotations

from sqlalchemy import Connection

from llm_gateway.store import marks
from llm_gateway.store.mapping import add, change, chosen, every, one, remove
from llm_gateway.store.rows import ProviderKeyRow
from llm_gateway.store.tables import provider_keys

_ALL = chosen(provider_keys, ProviderKeyRow)


def get(connection: Connection, ident: str) -> ProviderKeyRow | None:
    return one(connection, _ALL.where(provider_keys.c.id == ident), ProviderKeyRow)


def everything(connection: Connection, tenant: str | None = None) -> list[ProviderKeyRow]:
    """Of a tenant, or of all of them."""
    query = _ALL if tenant is None else _ALL.where(provider_keys.c.tenant == tenant)
    return every(
        connection, query.order_by(provider_keys.c.tenant, provider_keys.c.provider, provider_keys.c.name), ProviderKeyRow
    )


def create(connection: Connection, row: ProviderKeyRow) -> None:
    """Raises Conflict if the tenant has one of that provider and name."""
    add(connection, provider_keys, row)
    marks.changed(connection, "provider_keys")


def reseal(connection: Connection, ident: str, sealed: bytes, *, version: int | None = None) -> None:
    """Another key, or the same under another master key. Raises Conflict and NotThere."""
    change(connection, provider_keys, {"id": ident}, {"sealed": sealed}, version)
    marks.changed(connection, "provider_keys")


def delete(connection: Connection, ident: str, *, version: int | None = None) -> None:
    """Raises Conflict and NotThere."""
    remove(connection, provider_keys, {"id": ident}, version)
    marks.changed(connection, "provider_keys")
