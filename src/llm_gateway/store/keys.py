"""Keys made over the admin API: what is kept of them, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, LargeBinary, Row, Select, Text, bindparam, select, update

from llm_gateway.store import marks
from llm_gateway.store.errors import TooMuch
from llm_gateway.store.mapping import add, change, chosen, one, remove
from llm_gateway.store.paging import Page, page, part
from llm_gateway.store.rows import KeyRow
from llm_gateway.store.tables import keys

_ALL = chosen(keys, KeyRow)
_ORDER = (keys.c.created_at, keys.c.id)
_DIRECTORY = ("id", "digest", "name", "kind", "tenant", "project", "document", "expires_at")
CHANGEABLE = frozenset({"name", "document", "status", "expires_at", "revoked_at"})


class _Owned(msgspec.Struct):
    owner: str | None = None


def get(connection: Connection, ident: str) -> KeyRow | None:
    return one(connection, _ALL.where(keys.c.id == ident), KeyRow)


def chosen_of(
    *,
    tenant: str | None = None,
    project: str | None = None,
    status: str | None = None,
    kind: str | None = None,
    name: str | None = None,
) -> Select[Any]:
    """Those that fit; None: whatever it is."""
    query = _ALL
    wanted = (
        (keys.c.tenant, tenant),
        (keys.c.project, project),
        (keys.c.status, status),
        (keys.c.kind, kind),
        (keys.c.name, name),
    )
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    return query


def listed(  # noqa: PLR0913 - filters, each by name
    connection: Connection,
    *,
    tenant: str | None = None,
    project: str | None = None,
    status: str | None = None,
    kind: str | None = None,
    name: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
    descending: bool = False,
) -> Page[KeyRow]:
    """Oldest first unless `descending`. Raises BadCursor."""
    query = chosen_of(tenant=tenant, project=project, status=status, kind=kind, name=name)
    return page(connection, query, KeyRow, _ORDER, limit=limit, cursor=cursor, descending=descending)


def part_of(  # noqa: PLR0913 - filters, each by name
    connection: Connection,
    *,
    tenant: str | None = None,
    project: str | None = None,
    status: str | None = None,
    kind: str | None = None,
    name: str | None = None,
    limit: int,
    offset: int,
    descending: bool = False,
) -> tuple[list[KeyRow], int]:
    """The same by number, and how many there are in all."""
    query = chosen_of(tenant=tenant, project=project, status=status, kind=kind, name=name)
    return part(connection, query, KeyRow, _ORDER, limit=limit, offset=offset, descending=descending)


def with_budgets(connection: Connection, *, tenant: str | None = None, most: int = 10_000) -> list[tuple[str, str]]:
    """Owner and document of each key that is not revoked and may have budgets, the newest key of each owner.

    Raises TooMuch.
    """
    query = select(keys.c.id, keys.c.document).where(keys.c.status != "revoked", keys.c.document.contains('"budgets"'))
    if tenant is not None:
        query = query.where(keys.c.tenant == tenant)
    found = connection.execute(query.order_by(keys.c.created_at, keys.c.id).limit(most + 1)).all()
    if len(found) > most:
        raise TooMuch(f"more than {most} keys have budgets: ask for one tenant's")
    by_owner = {msgspec.json.decode(document, type=_Owned).owner or ident: document for ident, document in found}
    return list(by_owner.items())


def revoked_since(connection: Connection, at: int) -> list[str]:
    """Ids of those that were revoked or disabled then or later: the first thing that others must know of a change."""
    return list(connection.execute(select(keys.c.id).where(keys.c.revoked_at >= at)).scalars())


def redigest(connection: Connection, digests: Mapping[str, bytes]) -> None:
    """Digests under the pepper that is current now, by id. Counts as a change; until workers know them, the old pepper does."""
    if not digests:
        return
    ident, digest = bindparam("ident", type_=Text), bindparam("new", type_=LargeBinary)
    statement = update(keys).where(keys.c.id == ident).values(digest=digest)
    connection.execute(statement, [{"ident": key, "new": new} for key, new in sorted(digests.items())])
    marks.changed(connection, "keys")


def directory(connection: Connection, now: int) -> Sequence[Row[Any]]:
    """Every key that may be used now or later, for the table that workers look keys up in.

    Rows of id, digest, name, kind, tenant, project, document, expires_at, in no order.
    """
    query = select(*(keys.c[name] for name in _DIRECTORY)).where(keys.c.status == "active")
    return connection.execute(query.where(keys.c.expires_at.is_(None) | (keys.c.expires_at > now))).all()


def create(connection: Connection, row: KeyRow) -> None:
    """Raises Conflict if its id or its digest is there already."""
    add(connection, keys, row)
    marks.changed(connection, "keys")


def change_key(connection: Connection, ident: str, values: Mapping[str, Any], *, version: int | None = None) -> KeyRow:
    """Sets some of CHANGEABLE. Raises Conflict, NotThere, and ValueError for any other column."""
    if not values.keys() <= CHANGEABLE:
        raise ValueError(f"not changeable: {', '.join(sorted(values.keys() - CHANGEABLE))}")
    change(connection, keys, {"id": ident}, values, version)
    marks.changed(connection, "keys")
    row = get(connection, ident)
    assert row is not None  # noqa: S101 - of this transaction
    return row


def revoke(connection: Connection, ident: str, now: int) -> KeyRow:
    """From now on, and for ever. Raises NotThere."""
    found = get(connection, ident)
    if found is not None and found.status == "revoked":
        return found
    return change_key(connection, ident, {"status": "revoked", "revoked_at": now})


def delete(connection: Connection, ident: str, *, version: int | None = None) -> None:
    """Raises Conflict and NotThere."""
    remove(connection, keys, {"id": ident}, version)
    marks.changed(connection, "keys")


def used(connection: Connection, last: Mapping[str, int]) -> None:
    """When keys were last used, by id. Never goes back; counts as no change of a key. Keys that are gone are left out."""
    if not last:
        return
    ident, at = bindparam("ident", type_=Text), bindparam("at", type_=BigInteger)
    newer = keys.c.last_used_at.is_(None) | (keys.c.last_used_at < at)
    statement = update(keys).where(keys.c.id == ident, newer).values(last_used_at=at)
    connection.execute(statement, [{"ident": key, "at": when} for key, when in sorted(last.items())])
