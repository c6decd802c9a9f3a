"""Documents of the configuration that the admin API owns."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from llm_gateway.store import marks
from llm_gateway.store.mapping import add, change, chosen, every, one, remove
from llm_gateway.store.paging import Page, page
from llm_gateway.store.rows import ObjectRow
from llm_gateway.store.tables import objects

_ALL = chosen(objects, ObjectRow)


def get(connection: Connection, kind: str, name: str) -> ObjectRow | None:
    return one(connection, _ALL.where(objects.c.kind == kind, objects.c.name == name), ObjectRow)


def everything(connection: Connection) -> list[ObjectRow]:
    """All kinds, in the order of kind and name: what a configuration is built from."""
    return every(connection, _ALL.order_by(objects.c.kind, objects.c.name), ObjectRow)


def names(connection: Connection, *kinds: str) -> list[tuple[str, str]]:
    """Kind and name of all of these kinds."""
    query = select(objects.c.kind, objects.c.name).where(objects.c.kind.in_(kinds)).order_by(objects.c.kind, objects.c.name)
    return [(kind, name) for kind, name in connection.execute(query)]


def of_prefix(connection: Connection, kind: str, prefix: str) -> list[ObjectRow]:
    """Those of a kind whose names begin so, by name."""
    query = _ALL.where(objects.c.kind == kind, objects.c.name.startswith(prefix, autoescape=True))
    return every(connection, query.order_by(objects.c.name), ObjectRow)


def listed(
    connection: Connection, kind: str, *, limit: int = 100, cursor: str | None = None, descending: bool = False
) -> Page[ObjectRow]:
    """Those of a kind, oldest first unless `descending`. Raises BadCursor."""
    query = _ALL.where(objects.c.kind == kind)
    order = (objects.c.created_at, objects.c.name)
    return page(connection, query, ObjectRow, order, limit=limit, cursor=cursor, descending=descending)


def counts(connection: Connection) -> dict[str, int]:
    """How many there are of each kind."""
    return dict(connection.execute(select(objects.c.kind, func.count()).group_by(objects.c.kind)).all())


def create(connection: Connection, kind: str, name: str, document: str, *, by: str, now: int) -> ObjectRow:
    """Raises Conflict if there is one of that name."""
    row = ObjectRow(kind, name, document, 1, now, now, by)
    add(connection, objects, row)
    marks.changed(connection, "objects")
    return row


def update(
    connection: Connection, kind: str, name: str, document: str, *, by: str, now: int, version: int | None = None
) -> ObjectRow:
    """`version` is the one that the change was made from; None: whatever there is. Raises Conflict and NotThere."""
    values = {"document": document, "updated_at": now, "updated_by": by}
    change(connection, objects, {"kind": kind, "name": name}, values, version)
    marks.changed(connection, "objects")
    row = get(connection, kind, name)
    assert row is not None  # noqa: S101 - of this transaction
    return row


def delete(connection: Connection, kind: str, name: str, *, version: int | None = None) -> None:
    """Raises Conflict and NotThere."""
    remove(connection, objects, {"kind": kind, "name": name}, version)
    marks.changed(connection, "objects")
