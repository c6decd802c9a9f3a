"""/admin/v1/tenants/{tenant}/projects."""

from __future__ import annotations

from types import MappingProxyType

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema.tenants import Project, Scope
from llm_gateway.control.api.desk import Change
from llm_gateway.control.api.paging import fields, listed
from llm_gateway.control.api.reading import merged
from llm_gateway.control.api.refusals import not_found
from llm_gateway.control.api.route import Answer, Asked, Many, PageQuery, Patched, Route, Together
from llm_gateway.control.objects.checking import within
from llm_gateway.control.objects.documents import document_of, said
from llm_gateway.control.objects.roster import PROJECT
from llm_gateway.control.objects.scopes import Name, Named, Owned, Scopes, of_file, of_row
from llm_gateway.core.errors import Conflict
from llm_gateway.store import keys, objects
from llm_gateway.store.rows import ObjectRow

ALL = "/admin/v1/tenants/{tenant}/projects"
ONE = "/admin/v1/tenants/{tenant}/projects/{project}"
_EXAMPLE = MappingProxyType({"name": "web", "limits": {"requests": {"minute": 600}}})


class NewProject(Scope, frozen=True, kw_only=True):
    """A project to be made."""

    name: Name


PROJECT_SHOWN = Together("Project", (Named, Owned, Scope))


class Projects:
    """The resource."""

    def __init__(self, scopes: Scopes) -> None:
        self._scopes = scopes
        self._roster = scopes.roster

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        filters = fields(name="text", owner="text", disabled="flag", tier="text", tags="list", created_at="text")
        read, write, shown = "projects:read", "projects:write", PROJECT_SHOWN
        return (
            Route(
                "GET", ALL, read, "List projects", self.list, query=PageQuery, filters=filters, answer=Many(shown), tag="projects"
            ),
            Route(
                "POST",
                ALL,
                write,
                "Make a project",
                self.create,
                body=NewProject,
                answer=shown,
                status=201,
                tag="projects",
                example=dict(_EXAMPLE),
            ),
            Route("GET", ONE, read, "Show a project", self.show, answer=shown, tag="projects"),
            Route(
                "PATCH",
                ONE,
                write,
                "Change a project",
                self.change,
                body=Patched(Scope),
                answer=shown,
                tag="projects",
                example={"tags": ["eu"]},
            ),
            Route("DELETE", ONE, write, "Delete a project without keys", self.delete, status=204, tag="projects"),
        )

    async def list(self, asked: Asked) -> Answer:
        """Those of the file and of the store."""
        tenant = asked.path["tenant"]

        def read(connection: Connection) -> list[ObjectRow]:
            self._scopes.tenant(connection, tenant)
            return objects.of_prefix(connection, PROJECT, f"{tenant}/")

        views = [of_row(row, row.name.partition("/")[2]) for row in await asked.read(read)]
        known = self._roster.config.tenants.get(tenant)
        for name, project in ({} if known is None else known.projects).items():
            views.append(of_file(name, project, self._where(tenant, name)))
        return listed(views, asked, "name")

    async def show(self, asked: Asked) -> Answer:
        tenant, name = asked.path["tenant"], asked.path["project"]
        known = self._roster.config.tenants.get(tenant)
        if known is not None and name in known.projects:
            return Answer(of_file(name, known.projects[name], self._where(tenant, name)))
        return _shown(await asked.read(lambda connection: _row(connection, tenant, name)))

    async def create(self, asked: Asked) -> Answer:
        tenant, name = asked.path["tenant"], asked.body.name
        parent = await asked.read(lambda connection: self._scopes.tenant(connection, tenant))
        self._scopes.refuse_file(tenant, name)
        project = await self._scopes.checked_project(asked, tenant, name, said(asked.body, without=("name",)))
        within(project, [(f"tenant {tenant}", parent)])
        document = document_of(project)

        def make(connection: Connection) -> Change:
            self._scopes.tenant(connection, tenant)  # it may be gone by now
            if objects.get(connection, PROJECT, f"{tenant}/{name}") is not None:
                raise Conflict("There is a project of this name already.", code="already_exists", param="name")
            row = objects.create(connection, PROJECT, f"{tenant}/{name}", document, by=asked.principal.id, now=asked.now)
            return Change(_shown(row), "project.created", _resource(tenant, name), None, msgspec.json.decode(document))

        return await asked.change(make)

    async def change(self, asked: Asked) -> Answer:
        """A merge patch: what is null goes back to its default."""
        tenant, name = asked.path["tenant"], asked.path["project"]
        self._scopes.refuse_file(tenant, name)

        def read(connection: Connection) -> tuple[ObjectRow, Scope]:
            return _row(connection, tenant, name), self._scopes.tenant(connection, tenant)

        before, parent = await asked.read(read)
        old = msgspec.json.decode(before.document)
        project: Project = await self._scopes.checked_project(asked, tenant, name, merged(old, asked.body))
        within(project, [(f"tenant {tenant}", parent)])
        document = document_of(project)

        def put(connection: Connection) -> Change:
            version = before.version if asked.version is None else asked.version
            by, now = asked.principal.id, asked.now
            row = objects.update(connection, PROJECT, f"{tenant}/{name}", document, by=by, now=now, version=version)
            return Change(_shown(row), "project.changed", _resource(tenant, name), old, msgspec.json.decode(document))

        return await asked.change(put)

    async def delete(self, asked: Asked) -> Answer:
        """One that still has keys is in use."""
        tenant, name = asked.path["tenant"], asked.path["project"]
        self._scopes.refuse_file(tenant, name)

        def remove(connection: Connection) -> Change:
            row = _row(connection, tenant, name)
            for status in ("active", "disabled"):
                if keys.listed(connection, tenant=tenant, project=name, status=status, limit=1).rows:
                    raise Conflict("It has keys: revoke these first, or disable it.", code="in_use")
            objects.delete(connection, PROJECT, f"{tenant}/{name}", version=asked.version)
            return Change(Answer(), "project.deleted", _resource(tenant, name), msgspec.json.decode(row.document), None)

        return await asked.change(remove)

    def _where(self, tenant: str, name: str) -> str:
        return self._roster.where("tenants", tenant, "projects", name) or ""


def _row(connection: Connection, tenant: str, name: str) -> ObjectRow:
    """Raises NotFound."""
    row = objects.get(connection, PROJECT, f"{tenant}/{name}")
    if row is None:
        raise not_found("project")
    return row


def _shown(row: ObjectRow) -> Answer:
    return Answer(of_row(row, row.name.partition("/")[2]), version=row.version)


def _resource(tenant: str, name: str) -> str:
    return f"tenants/{tenant}/projects/{name}"
