"""What a route of the admin API is, what its handler is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema.base import about
from llm_gateway.control.api.desk import Change, Desk
from llm_gateway.control.api.refusals import not_found
from llm_gateway.edge.listing import Params, Schema
from llm_gateway.identity.roles import Principal, allowed

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Result = TypeVar("Result")


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No query parameters."""


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where in a list to begin, and how much of it to show."""

    limit: Annotated[int, about("How many to show; 20 if it is not said.", ge=1, le=100)] | None = None
    cursor: Annotated[str, about("next_cursor or previous_cursor of another page.")] | None = None
    offset: Annotated[int, about("In the place of a cursor: how many to pass over.", ge=0, le=999_999_999)] | None = None
    sort: Annotated[str, about("Fields with commas between them, - in front of one for downwards.")] | None = None


@dataclass(frozen=True)
class Answer:
    """What is answered. `body`: plain data or a struct; None with a `status` of 204."""

    body: Any = None
    status: int | None = None
    """None: the route's."""
    version: int | str | None = None
    """Becomes the ETag."""
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None
    """In the place of `body`: bytes, whose Content-Type stands in `headers`."""


Handler = Callable[["Asked"], Awaitable[Answer]]


@dataclass(frozen=True)
class Patched:
    """A route's `body`: a JSON Merge Patch (RFC 7396) of this struct. The handler is given plain data."""

    of: type[msgspec.Struct]


@dataclass(frozen=True)
class Together:
    """As a route's `answer`: an object with the members of all of these structs."""

    name: str
    parts: tuple[type[msgspec.Struct], ...]


@dataclass(frozen=True)
class Many:
    """As a route's `answer`: a page of these."""

    of: Any


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    method: Method
    path: str
    """`/admin/v1/tenants/{tenant}`; `{id:path}` may hold slashes."""
    permission: str
    """Of identity/roles.py. In a path with `{tenant}` it is asked for that tenant."""
    summary: str
    handler: Handler
    body: Any = None
    """A struct; sections of the configuration are read in its notation. `dict`: any object. None: no body."""
    query: type[msgspec.Struct] = NoQuery
    filters: Schema | None = None
    """What a list can be filtered and sorted by, beside `query` (requirements G3)."""
    answer: Any = None
    """The type of the answer's body, for the document; None: it has none."""
    status: int = 200
    tag: str = ""
    about: str = ""
    """More than the summary, for the document."""
    example: Any = None
    """Of the body."""
    media: str = "application/json"
    """Of the answer."""
    conflicts: tuple[int, ...] = field(default=())
    """Statuses of errors beside those that every route has."""

    @property
    def changes(self) -> bool:
        """Whether it may change anything."""
        return self.method != "GET"

    @property
    def conditional(self) -> bool:
        """Whether it wants If-Match: a change made from what was read before must not undo somebody else's."""
        return self.method in ("PUT", "PATCH") and isinstance(self.body, Patched)


@dataclass
class Asked:
    """One request, read and allowed."""

    desk: Desk
    principal: Principal
    path: Mapping[str, str]
    body: Any
    query: Any
    now: int
    """Unix milliseconds."""
    request_id: str
    ip: str = ""
    user_agent: str = ""
    params: Params = field(default_factory=dict)
    """The query's parameters as they were sent."""
    version: int | None = None
    """Of If-Match: the change is to be made to this one only. None: to whatever there is."""
    claim: tuple[str, bytes] | None = None
    """Idempotency-Key and the hash of the request."""
    route: Route | None = None

    @property
    def only(self) -> str | None:
        """The one tenant whose things are shown; None: everybody's."""
        return self.principal.tenant or None

    def may(self, permission: str, tenant: str = "") -> bool:
        """Whether who asks has another permission."""
        return allowed(self.principal, permission, tenant)

    def mine(self, tenant: str, what: str) -> None:
        """Raises NotFound for what belongs to a tenant that who asks has nothing to do with."""
        if self.principal.tenant and self.principal.tenant != tenant:
            raise not_found(what)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """`work` on the store, in a thread. Raises StoreError."""
        return await self.desk.read(work)

    async def change(self, work: Callable[[Connection], Change]) -> Answer:
        """`work` in a transaction that ends well only if the audit log has its entry; what it gives is answered.

        It may be run again: it must have no other effects. Raises StoreError, AuditUnavailable.
        """
        return await self.desk.change(work, self)

    async def record(self, action: str, resource: str, before: Any = None, after: Any = None) -> None:
        """An entry for what is no change of the store, before it is done. Raises AuditUnavailable."""
        await self.desk.record(self.desk.event(Change(Answer(), action, resource, before, after), self))
