"""Documents of tenants' end users: limits, budgets, whether they are blocked."""

from __future__ import annotations

from sqlalchemy import Connection

from llm_gateway.store import marks
from llm_gateway.store.mapping import add, change, chosen, every, one, remove
from llm_gateway.store.paging import Page, page
from llm_gateway.store.rows import EndUserRow
from llm_gateway.store.tables import end_users

_ALL = chosen(end_users, EndUserRow)


def get(connection: Connection, tenant: str, name: str) -> EndUserRow | None:
    return one(connection, _ALL.where(end_users.c.tenant == tenant, end_users.c.name == name), EndUserRow)


def everything(connection: Connection) -> list[EndUserRow]:
    return every(connection, _ALL.order_by(end_users.c.tenant, end_users.c.name), EndUserRow)


def listed(connection: Connection, tenant: str, *, limit: int = 100, cursor: str | None = None) -> Page[EndUserRow]:
    """Oldest first. Raises BadCursor."""
    query = _ALL.where(end_users.c.tenant == tenant)
    return page(connection, query, EndUserRow, (end_users.c.created_at, end_users.c.name), limit=limit, cursor=cursor)


def create(connection: Connection, tenant: str, name: str, document: str, now: int) -> EndUserRow:
    """Raises Conflict if there is one of that name."""
    row = EndUserRow(tenant, name, document, now, now)
    add(connection, end_users, row)
    marks.changed(connection, "end_users")
    return row


def update(connection: Connection, tenant: str, name: str, document: str, now: int, *, version: int | None = None) -> EndUserRow:
    """Raises Conflict and NotThere."""
    change(connection, end_users, {"tenant": tenant, "name": name}, {"document": document, "updated_at": now}, version)
    marks.changed(connection, "end_users")
    row = get(connection, tenant, name)
    assert row is not None  # noqa: S101 - of this transaction
    return row


def delete(connection: Connection, tenant: str, name: str, *, version: int | None = None) -> None:
    """Raises Conflict and NotThere."""
    remove(connection, end_users, {"tenant": tenant, "name": name}, version)
    marks.changed(connection, "end_users")
