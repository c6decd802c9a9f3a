"""/admin/v1/people: who may sign in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema.base import Section, about
from llm_gateway.config.values import Secret
from llm_gateway.control.api.desk import Change
from llm_gateway.control.api.paging import fields, listed
from llm_gateway.control.api.reading import bound, merged
from llm_gateway.control.api.refusals import invalid, not_found
from llm_gateway.control.api.route import Answer, Asked, Many, PageQuery, Patched, Route
from llm_gateway.control.audit import placed
from llm_gateway.control.objects.documents import moment
from llm_gateway.control.objects.key_shapes import Roles
from llm_gateway.control.objects.scopes import Scopes
from llm_gateway.control.signin.passwords import login_of, unfit, usable_login
from llm_gateway.core.errors import Conflict, Forbidden
from llm_gateway.identity.roles import assignable
from llm_gateway.store import people
from llm_gateway.store.paging import LARGEST
from llm_gateway.store.rows import PersonRow

ALL, ONE = "/admin/v1/people", "/admin/v1/people/{person}"
MOST = 10_000
Login = Annotated[str, about("What they sign in with: an e-mail address, say.", min_length=1, max_length=128)]
Password = Annotated[Secret, about("12 characters or more; absent: they sign in elsewhere.")]
_NAME = about("Their name.", max_length=128)


class NewPerson(Section, frozen=True, kw_only=True):
    """Somebody who may sign in."""

    login: Login
    roles: Annotated[Roles, about("What they may do.", min_length=1)]
    name: Annotated[str, _NAME] = ""
    tenant: Annotated[str, about("Their tenant; absent: that of who adds them.", max_length=64)] = ""
    password: Password | None = None


class ChangedPerson(Section, frozen=True, kw_only=True):
    """What can be another. Whoever's roles, password or status changes is signed out everywhere."""

    login: Login
    roles: Annotated[Roles, about("What they may do.", min_length=1)]
    name: Annotated[str, _NAME] = ""
    status: Annotated[Literal["active", "disabled"], about("Whether they may sign in.")] = "active"
    password: Password | None = None


class PersonShown(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in."""

    id: str
    login: str
    name: str
    roles: tuple[str, ...]
    tenant: str
    status: str
    password: Annotated[bool, about("Whether they have one here.")]
    version: int
    created_at: str
    last_login_at: str | None = None
    locked_until: Annotated[str, about("After wrong passwords.")] | None = None


class People:
    """The resource."""

    def __init__(self, scopes: Scopes, keep: Callable[[str], Awaitable[str]], ulid: Callable[[], str]) -> None:
        """`keep` makes of a password what is kept of it."""
        self._scopes = scopes
        self._keep = keep
        self._ulid = ulid

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        read, write, tag = "people:read", "people:write", "people"
        filters = fields(login="text", name="text", roles="list", tenant="text", status="text", created_at="text")
        return (
            Route(
                "GET", ALL, read, "List people", self.list, query=PageQuery, filters=filters, answer=Many(PersonShown), tag=tag
            ),
            Route(
                "POST",
                ALL,
                write,
                "Add somebody",
                self.create,
                body=NewPerson,
                answer=PersonShown,
                status=201,
                tag=tag,
                example={"login": "kim@example.com", "roles": ["operator"]},
            ),
            Route("GET", ONE, read, "Show somebody", self.show, answer=PersonShown, tag=tag),
            Route(
                "PATCH",
                ONE,
                write,
                "Change somebody",
                self.change,
                body=Patched(ChangedPerson),
                answer=PersonShown,
                tag=tag,
                example={"roles": ["analyst"]},
            ),
            Route("DELETE", ONE, write, "Remove somebody", self.delete, status=204, tag=tag),
        )

    async def list(self, asked: Asked) -> Answer:
        """Those that who asks may see."""

        def read(connection: Connection) -> list[PersonRow]:
            found = people.listed(connection, tenant=asked.only, limit=LARGEST)
            rows = found.rows
            while found.next is not None and len(rows) < MOST:
                found = people.listed(connection, tenant=asked.only, limit=LARGEST, cursor=found.next)
                rows += found.rows
            return rows

        return listed([_view(row) for row in await asked.read(read)], asked, "id")

    async def show(self, asked: Asked) -> Answer:
        return _shown(await asked.read(lambda connection: _row(connection, asked)))

    async def create(self, asked: Asked) -> Answer:
        """Nobody gives roles that he does not have himself."""
        body: NewPerson = asked.body
        tenant = body.tenant or asked.principal.tenant
        asked.mine(tenant, "tenant")
        _may(asked, frozenset(body.roles), tenant)
        login = _login(body.login)
        kept = await self._kept(body.password, login)
        roles = msgspec.json.encode(sorted(set(body.roles))).decode()
        row = PersonRow(f"user_{self._ulid()}", login, body.name, kept, roles, tenant, "active", 0, None, None, asked.now)

        def make(connection: Connection) -> Change:
            self._scopes.exists(connection, tenant)
            if people.by_login(connection, login) is not None:
                raise Conflict("Somebody has this login already.", code="already_exists", param="login")
            people.create(connection, row)
            return Change(_shown(row), "person.created", _place(row), None, _facts(row))

        return await asked.change(make)

    async def change(self, asked: Asked) -> Answer:
        """A merge patch; a password that is not said stays as it is."""
        before = await asked.read(lambda connection: _row(connection, asked))
        patch = dict(asked.body)
        forget = "password" in patch and patch["password"] is None
        body = bound(ChangedPerson, merged(_facts(before), patch))
        _may(asked, frozenset(msgspec.json.decode(before.roles)), before.tenant)
        _may(asked, frozenset(body.roles), before.tenant)
        values: dict[str, Any] = {
            "login": _login(body.login),
            "name": body.name,
            "roles": msgspec.json.encode(sorted(set(body.roles))).decode(),
            "status": body.status,
        }
        values = {name: value for name, value in values.items() if getattr(before, name) != value}
        if forget or body.password is not None:
            values["password"] = await self._kept(body.password, body.login)

        def put(connection: Connection) -> Change:
            old = _row(connection, asked)
            if not values:
                return Change(_shown(old), "person.changed", _place(old))
            version = before.version if asked.version is None else asked.version
            row = people.change_person(connection, old.id, values, version=version)
            told = {**_facts(row), **({"password_changed": True} if "password" in values else {})}
            return Change(_shown(row), "person.changed", _place(old), _facts(old), told)

        return await asked.change(put)

    async def delete(self, asked: Asked) -> Answer:
        """They are signed out everywhere."""

        def remove(connection: Connection) -> Change:
            row = _row(connection, asked)
            _may(asked, frozenset(msgspec.json.decode(row.roles)), row.tenant)
            people.delete(connection, row.id, version=asked.version)
            return Change(Answer(), "person.deleted", _place(row), _facts(row), None)

        return await asked.change(remove)

    async def _kept(self, password: Secret | None, login: str) -> str | None:
        """Raises InvalidRequest."""
        if password is None:
            return None
        wrong = unfit(password.reveal(), login)
        if wrong:
            raise invalid([("password", wrong)])
        return await self._keep(password.reveal())


def _place(row: PersonRow) -> str:
    return placed(row.tenant, f"people/{row.id}")


def _login(text: str) -> str:
    """As it is kept. Raises InvalidRequest."""
    login = login_of(text)
    if not usable_login(login):
        raise invalid([("login", "has 1 to 128 letters, digits and signs, and no blanks")])
    return login


def _row(connection: Connection, asked: Asked) -> PersonRow:
    """Raises NotFound, also for another tenant's."""
    row = people.get(connection, asked.path["person"])
    if row is None:
        raise not_found("person")
    asked.mine(row.tenant, "person")
    return row


def _may(asked: Asked, roles: frozenset[str], tenant: str) -> None:
    """Raises Forbidden."""
    if not assignable(asked.principal, roles, tenant):
        raise Forbidden("You may not give, change or take away these roles here.", details={"roles": sorted(roles)})


def _view(row: PersonRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "login": row.login,
        "name": row.name,
        "roles": msgspec.json.decode(row.roles),
        "tenant": row.tenant,
        "status": row.status,
        "password": row.password is not None,
        "version": row.version,
        "created_at": moment(row.created_at),
        "last_login_at": moment(row.last_login_at),
        "locked_until": moment(row.locked_until),
    }


def _facts(row: PersonRow) -> dict[str, Any]:
    """What can be changed, as it is sent."""
    return {"login": row.login, "name": row.name, "roles": msgspec.json.decode(row.roles), "status": row.status}


def _shown(row: PersonRow) -> Answer:
    return Answer(_view(row), version=row.version)
