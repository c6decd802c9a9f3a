"""Keys made over the admin API: what is kept of them, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Connection, LargeBinary, Row, Select, Text, bindparam, func, select, update

from llm_gateway.store import marks
from llm_gateway.store.errors import TooMuch
from llm_gateway.store.mapping import add, change, chosen, one, remove
from llm_gateway.store.paging import Page, page, part
from llm_gateway.store.rows import KeyRow
from llm_gateway.store.tables import keys

_ALL = chosen(keys, KeyRow)
_ORDER = (keys.c.created_at, keys.c.id)
REDIGESTED = "keys.redigested"
"""The mark that counts when keys got other digests, which no version tells."""
_SEEN = ("version", "created_at", "digest")
_DIRECTORY = ("id", "digest", "name", "kind", "tenant", "project", "document", "expires_at", "version", "created_at")
_PRIME = 1_000_000_007
_AT_ONCE = 500
"""Ids in one statement."""
CHANGEABLE = frozenset({"name", "document", "status", "expires_at", "revoked_at"})


class Seen(NamedTuple):
    """By which it is told whether a key is still what it was."""

    version: int
    created_at: int
    digest: bytes


Sums = tuple[int, int, int]
"""Of many keys, to tell at a glance whether one of them is another: how many, their versions, their moments times versions."""


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
    marks.count(connection, REDIGESTED)
    marks.changed(connection, "keys")


def directory(connection: Connection, now: int) -> Sequence[Row[Any]]:
    """Every key that may be used now or later, for the table that workers look keys up in.

    Rows of id, digest, name, kind, tenant, project, document, expires_at, version, created_at, in no order.
    """
    return connection.execute(_usable(now, *_DIRECTORY)).all()


def difference(
    connection: Connection, now: int, since: int, known: Mapping[str, Seen], sums: Sums, most: int
) -> tuple[list[Row[Any]], list[str]] | None:
    """What became of those that `known` has: the rows of those that are new or another, as `directory` has them, and the ids of
    those that are none any more. None: more than `most`. `sums`: of `known`. `since`: what is new is likely to be newer.
    Digests alone are looked at only where something else is another: see REDIGESTED.
    """
    recent = connection.execute(_usable(now, *_DIRECTORY).where(keys.c.created_at >= since).limit(most)).all()
    new = [row for row in recent if row.id not in known]
    version, moment = keys.c.version, keys.c.created_at % _PRIME
    query = _usable(now).with_only_columns(func.count(), func.sum(version), func.sum(moment * version))
    found = tuple(int(number or 0) for number in connection.execute(query).one())
    if found == tuple(map(sum, zip(sums, sums_of(map(seen, new)), strict=True))):
        return new, []
    there = {one[0]: one[1:] for one in connection.execute(_usable(now, "id", *_SEEN))}
    gone = list(known.keys() - there.keys())
    wanted = [ident for ident, what in there.items() if known.get(ident) != what]
    if len(gone) + len(wanted) > most:
        return None
    rows: list[Row[Any]] = []
    for start in range(0, len(wanted), _AT_ONCE):
        rows += connection.execute(_usable(now, *_DIRECTORY).where(keys.c.id.in_(wanted[start : start + _AT_ONCE])))
    return rows, gone


def seen(row: Row[Any]) -> Seen:
    """Of a row of `directory`."""
    return Seen(row.version, row.created_at, row.digest)


def sums_of(known: Iterable[Seen]) -> Sums:
    """Zeros if there are none."""
    count = versions = moments = 0
    for version, created_at, _ in known:
        count += 1
        versions += version
        moments += created_at % _PRIME * version
    return count, versions, moments


def _usable(now: int, *names: str) -> Select[Any]:
    query = select(*(keys.c[name] for name in names)).where(keys.c.status == "active")
    return query.where(keys.c.expires_at.is_(None) | (keys.c.expires_at > now))


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
