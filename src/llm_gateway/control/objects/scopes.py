"""Tenants and projects: what both have in common over the API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.errors import Path
from llm_gateway.config.schema.auth import ApiKey
from llm_gateway.config.schema.base import NAME, about
from llm_gateway.config.schema.tenants import Project, Scope, Tenant
from llm_gateway.control.api.refusals import invalid, not_found, owned_by_file
from llm_gateway.control.api.route import Asked
from llm_gateway.control.objects.checking import in_place
from llm_gateway.control.objects.documents import moment, parsed, said
from llm_gateway.control.objects.roster import PROJECT, TENANT, Roster
from llm_gateway.core.errors import NotFound
from llm_gateway.store import objects
from llm_gateway.store.rows import ObjectRow

Owner = Literal["api", "file"]
Name = Annotated[str, about("Its name; it stays as it is.", pattern=f"^{NAME.pattern}$")]
ELSEWHERE = ("projects", "end_users", "provider_keys")
"""Of a tenant: objects of their own."""


class Named(msgspec.Struct, frozen=True):
    """What it is called."""

    name: Annotated[str, about("Its name.")]


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """What every object says of itself beside its document."""

    owner: Annotated[Owner, about("Where it is defined: by the configuration file, or over this API.")]
    where: Annotated[str, about("File and line, of one that the file defines.")] | None = None
    version: Annotated[int, about("Counts its changes; its ETag.")] | None = None
    created_at: Annotated[str, about("RFC 3339.")] | None = None
    updated_at: Annotated[str, about("RFC 3339.")] | None = None
    updated_by: Annotated[str, about("Who changed it last.")] | None = None


def of_row(row: ObjectRow, name: str) -> dict[str, Any]:
    """An object of the store, shown."""
    document = msgspec.json.decode(row.document)
    return {
        "name": name,
        "owner": "api",
        "version": row.version,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "updated_by": row.updated_by,
        **document,
    }


def of_file(name: str, scope: Scope, where: str) -> dict[str, Any]:
    """One of the file, shown. Secrets are not."""
    return {"name": name, "owner": "file", "where": where, **said(scope, without=ELSEWHERE)}


class Scopes:
    """Finds and checks them."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster

    def refuse_file(self, tenant: str, project: str | None = None) -> None:
        """Raises Conflict for what the file defines."""
        path = ("tenants", tenant) if project is None else ("tenants", tenant, "projects", project)
        where = self.roster.where(*path)
        if where is not None:
            raise owned_by_file("tenant" if project is None else "project", where)

    def tenant(self, connection: Connection, name: str) -> Tenant:
        """Whoever owns it. Raises NotFound."""
        known = self.roster.config.tenants.get(name)
        if known is not None:
            return known
        row = objects.get(connection, TENANT, name)
        if row is None:
            raise not_found("tenant")
        return parsed(row.document, Tenant)

    def exists(self, connection: Connection, name: str) -> None:
        """Raises InvalidRequest (422) where what was sent names a tenant that there is not."""
        try:
            if name:
                self.tenant(connection, name)
        except NotFound:
            raise invalid([("tenant", "there is no such tenant")]) from None

    def project(self, connection: Connection, tenant: str, name: str) -> Project:
        """The same. Raises NotFound."""
        known = self.roster.config.tenants.get(tenant)
        if known is not None and name in known.projects:
            return known.projects[name]
        row = objects.get(connection, PROJECT, f"{tenant}/{name}")
        if row is None:
            raise not_found("project")
        return parsed(row.document, Project)

    async def checked(self, asked: Asked, tenant: str, document: Mapping[str, Any]) -> Tenant:
        """Raises InvalidRequest (422)."""
        path: Path = ("tenants", tenant)
        beside = [other for other in await asked.read(_places) if other[:2] != path]
        config = await asyncio.to_thread(in_place, self.roster.tree, beside, path, document)
        return config.tenants[tenant]

    async def checked_project(self, asked: Asked, tenant: str, name: str, document: Mapping[str, Any]) -> Project:
        """Raises InvalidRequest (422)."""
        path: Path = ("tenants", tenant, "projects", name)
        beside = [other for other in await asked.read(_places) if other != path]
        config = await asyncio.to_thread(in_place, self.roster.tree, beside, path, document)
        return config.tenants[tenant].projects[name]

    async def checked_key(self, asked: Asked, document: Mapping[str, Any]) -> ApiKey:
        """A key as it would stand in the file. Raises InvalidRequest (422)."""
        beside = await asked.read(_places)
        path: Path = ("auth", "keys", len(self.roster.config.auth.keys))
        config = await asyncio.to_thread(in_place, self.roster.tree, beside, path, document)
        return config.auth.keys[-1]


def _places(connection: Connection) -> list[Path]:
    """Where tenants and projects of the store would stand in the file: all that others refer to them by."""
    places: list[Path] = []
    for kind, name in objects.names(connection, PROJECT, TENANT):
        tenant, _, project = name.partition("/")
        places.append(("tenants", tenant, "projects", project) if kind == PROJECT else ("tenants", tenant))
    return sorted(places, key=len)
