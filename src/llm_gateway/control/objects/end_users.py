"""/admin/v1/tenants/{tenant}/users: end users about whom there is something to say."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema.tenants import EndUser
from llm_gateway.control.api.desk import Change
from llm_gateway.control.api.paging import fields, listed
from llm_gateway.control.api.refusals import not_found, owned_by_file, refused
from llm_gateway.control.api.route import Answer, Asked, Many, PageQuery, Route, Together
from llm_gateway.control.objects.documents import document_of, moment, said
from llm_gateway.control.objects.scopes import Named, Owned, Scopes
from llm_gateway.store import end_users
from llm_gateway.store.paging import LARGEST
from llm_gateway.store.rows import EndUserRow

ALL = "/admin/v1/tenants/{tenant}/users"
ONE = "/admin/v1/tenants/{tenant}/users/{user:path}"
USER_SHOWN = Together("EndUserShown", (Named, Owned, EndUser))
MOST = 10_000
"""Of a tenant that a list goes through."""


class EndUsers:
    """The resource."""

    def __init__(self, scopes: Scopes) -> None:
        self._scopes = scopes
        self._roster = scopes.roster

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        filters = fields(name="text", owner="text", blocked="flag", created_at="text")
        read, write, tag = "users:read", "users:write", "end users"
        return (
            Route(
                "GET",
                ALL,
                read,
                "List end users",
                self.list,
                query=PageQuery,
                filters=filters,
                answer=Many(USER_SHOWN),
                tag=tag,
                about=f"Of those of the store the first {MOST}.",
            ),
            Route("GET", ONE, read, "Show an end user", self.show, answer=USER_SHOWN, tag=tag),
            Route(
                "PUT",
                ONE,
                write,
                "Say something of an end user",
                self.put,
                body=EndUser,
                answer=USER_SHOWN,
                tag=tag,
                about="In the place of what was said of it before, if anything was.",
                example={"blocked": True},
            ),
            Route("DELETE", ONE, write, "Say nothing of an end user any more", self.delete, status=204, tag=tag),
        )

    async def list(self, asked: Asked) -> Answer:
        """Those of the file and of the store."""
        tenant = asked.path["tenant"]

        def read(connection: Connection) -> list[EndUserRow]:
            self._scopes.tenant(connection, tenant)
            found = end_users.listed(connection, tenant, limit=LARGEST)
            rows = found.rows
            while found.next is not None and len(rows) < MOST:
                found = end_users.listed(connection, tenant, limit=LARGEST, cursor=found.next)
                rows += found.rows
            return rows

        views = [_view(row) for row in await asked.read(read)]
        known = self._roster.config.tenants.get(tenant)
        for name, user in ({} if known is None else known.end_users).items():
            views.append({"name": name, "owner": "file", "where": self._where(tenant, name) or "", **said(user)})
        return listed(views, asked, "name")

    async def show(self, asked: Asked) -> Answer:
        tenant, name = asked.path["tenant"], asked.path["user"]
        known = self._roster.config.tenants.get(tenant)
        if known is not None and name in known.end_users:
            where = self._where(tenant, name) or ""
            return Answer({"name": name, "owner": "file", "where": where, **said(known.end_users[name])})
        row = await asked.read(lambda connection: end_users.get(connection, tenant, name))
        if row is None:
            raise not_found("end user")
        return Answer(_view(row), version=row.version)

    async def put(self, asked: Asked) -> Answer:
        """Made, or replaced."""
        tenant, name = asked.path["tenant"], asked.path["user"]
        self._refuse_file(tenant, name)
        document = document_of(asked.body)

        def put(connection: Connection) -> Change:
            self._scopes.tenant(connection, tenant)
            old = end_users.get(connection, tenant, name)
            before = None if old is None else msgspec.json.decode(old.document)
            if old is None:
                if asked.version is not None:
                    raise refused(412, "precondition_failed", "It is not there any more.")
                row = end_users.create(connection, tenant, name, document, asked.now)
            else:
                row = end_users.update(connection, tenant, name, document, asked.now, version=asked.version)
            action = "end_user.created" if old is None else "end_user.changed"
            return Change(Answer(_view(row), version=row.version), action, _resource(tenant, name), before, said(asked.body))

        return await asked.change(put)

    async def delete(self, asked: Asked) -> Answer:
        """Its requests are served as everybody's."""
        tenant, name = asked.path["tenant"], asked.path["user"]
        self._refuse_file(tenant, name)

        def remove(connection: Connection) -> Change:
            row = end_users.get(connection, tenant, name)
            if row is None:
                raise not_found("end user")
            end_users.delete(connection, tenant, name, version=asked.version)
            return Change(Answer(), "end_user.deleted", _resource(tenant, name), msgspec.json.decode(row.document), None)

        return await asked.change(remove)

    def _refuse_file(self, tenant: str, name: str) -> None:
        where = self._where(tenant, name)
        if where is not None:
            raise owned_by_file("end user", where)

    def _where(self, tenant: str, name: str) -> str | None:
        return self._roster.where("tenants", tenant, "end_users", name)


def _view(row: EndUserRow) -> dict[str, Any]:
    facts = {
        "name": row.name,
        "owner": "api",
        "version": row.version,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }
    return {**facts, **msgspec.json.decode(row.document)}


def _resource(tenant: str, name: str) -> str:
    return f"tenants/{tenant}/users/{name}"
