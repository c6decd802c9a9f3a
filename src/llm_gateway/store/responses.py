"""Stored responses: each is its owner's alone. The rules are those of edge/stored.py's MemoryStore.

What a response holds comes sealed. Of one that was deleted the id stays for a while, with nothing in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import takewhile
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, literal, select, tuple_, update
from sqlalchemy import delete as delete_from

from llm_gateway.store.mapping import storable
from llm_gateway.store.marks import upsert
from llm_gateway.store.rows import ResponseRow
from llm_gateway.store.tables import responses

LONGEST_ID = 256
OVERHEAD = 600
"""Bytes that are counted for a row besides what it holds."""
DELETED = 2 * 86_400_000
"""Milliseconds for which it is remembered that one was deleted; who puts one is no later than half of that."""
_FOUND = select(responses.c.id, responses.c.used_at, *(responses.c[name] for name in ResponseRow.__struct_fields__))
_BATCH = 200


class Found(msgspec.Struct, frozen=True):
    """A response, and the time of its last use."""

    id: str
    row: ResponseRow
    used_at: int


def get(connection: Connection, owner: str, ident: str, *, now: int, ttl: int) -> Found | None:
    """If it was used within `ttl` milliseconds."""
    found = chain(connection, owner, ident, now=now, ttl=ttl, links=1, size=0)
    return found[0] if found else None


def chain(connection: Connection, owner: str, ident: str, *, now: int, ttl: int, links: int, size: int) -> list[Found]:
    """That response and those that it goes on from, the newest first: up to one that is not there, `links` of them, or until
    they have, with what sealing adds, more than `size` bytes.
    """
    if not _possible(ident) or links < 1 or size < 0:
        return []
    order = _order(connection.execute(_links(owner, ident, now - ttl, links)), size)
    rows: dict[str, Found] = {}
    for start in range(0, len(order), _BATCH):
        mine = (responses.c.owner == owner) & responses.c.id.in_(order[start : start + _BATCH])
        for ident_, used_at, *values in connection.execute(_FOUND.where(mine)):
            rows[ident_] = Found(ident_, ResponseRow(*values), used_at)
    there = takewhile(rows.__contains__, order)  # one may have gone in between
    return [rows[one] for one in there]


def _links(owner: str, ident: str, since: int, links: int) -> Select[Any]:
    """Id, previous and size of each in turn; a ring goes round until there are `links`."""
    mine = (responses.c.owner == owner) & (responses.c.size > 0) & (responses.c.used_at >= since)
    columns = (responses.c.id, responses.c.previous, responses.c.size)
    first = select(*columns, literal(1).label("depth")).where(mine, responses.c.id == ident)
    walked = first.cte("walked", recursive=True)
    further = select(*columns, (walked.c.depth + 1)).where(mine, responses.c.id == walked.c.previous, walked.c.depth < links)
    walked = walked.union_all(further)
    return select(walked.c.id, walked.c.size).order_by(walked.c.depth)


def _order(rows: Iterable[Any], size: int) -> list[str]:
    """The ids until they have more bytes than that, or one comes again."""
    order: dict[str, None] = {}
    for ident, much in rows:
        if size < 0 or ident in order:
            break
        order[ident] = None
        size -= much - OVERHEAD
    return list(order)


def touch(connection: Connection, owner: str, idents: Collection[str], now: int) -> None:
    """They were used."""
    for start in range(0, len(idents), _BATCH):
        mine = (responses.c.owner == owner) & responses.c.id.in_(list(idents)[start : start + _BATCH])
        connection.execute(update(responses).where(mine, responses.c.size > 0, responses.c.used_at < now).values(used_at=now))


def put(connection: Connection, owner: str, ident: str, row: ResponseRow, *, made: int, now: int, capacity: int) -> bool:
    """Whether it is kept, in the place of one of the same id; not if that was deleted after this one was `made` (Unix
    milliseconds). `capacity` in bytes, of one owner; `shrink` sees to the sums.
    """
    size = OVERHEAD + len(ident) + len(row.response) + len(row.items)
    if size > capacity or not _possible(ident) or (row.previous is not None and not storable(row.previous)):
        return False
    values = {**msgspec.structs.asdict(row), "size": size, "used_at": now}
    statement = upsert(connection)(responses).values(owner=owner, id=ident, made_at=made, **values)
    there = (responses.c.size > 0) | (responses.c.used_at < made)
    kept = statement.on_conflict_do_update(index_elements=["owner", "id"], set_={**values, "made_at": made}, where=there)
    return connection.execute(kept.returning(responses.c.id)).first() is not None


def delete(connection: Connection, owner: str, ident: str, *, now: int, ttl: int) -> bool:
    """Whether it was there. All that is left is that it was deleted, so that nobody who is late puts it back."""
    if not _possible(ident):
        return False
    mine = (responses.c.owner == owner) & (responses.c.id == ident) & (responses.c.size > 0)
    there = connection.execute(select(responses.c.used_at).where(mine)).scalar()
    flags = dict.fromkeys(("at_provider", "partial", "finished"), False)
    nothing = {"response": b"", "items": b"", "previous": None, "provider": "", **flags, "size": 0, "used_at": now}
    statement = upsert(connection)(responses).values(owner=owner, id=ident, made_at=now, **nothing)
    connection.execute(statement.on_conflict_do_update(index_elements=["owner", "id"], set_=nothing))
    return there is not None and there >= now - ttl


def expire(connection: Connection, before: int, limit: int = 1000, *, deleted: int = 0) -> int:
    """Lets go of `limit` that were last used before Unix milliseconds `before`, or were deleted before `deleted`; how many there
    were.
    """
    gone = (responses.c.used_at < before) | ((responses.c.size == 0) & (responses.c.used_at < deleted))
    newest = max(before, deleted)
    old = select(responses.c.owner, responses.c.id).where(responses.c.used_at < newest, gone).limit(limit)
    return connection.execute(delete_from(responses).where(tuple_(responses.c.owner, responses.c.id).in_(old))).rowcount


def size(connection: Connection) -> int:
    """Bytes of all of them."""
    return int(connection.execute(select(func.coalesce(func.sum(responses.c.size), 0))).scalar_one())


def shrink(connection: Connection, capacity: int, each: int | None = None) -> int:
    """Lets go of what was not used for longest until all fit into so many bytes, and each owner's into `each`; how many went.

    Whoever holds most gives way first: nobody can push out the others' responses.
    """
    rows = connection.execute(select(responses.c.owner, func.sum(responses.c.size)).group_by(responses.c.owner))
    held = {owner: int(size) for owner, size in rows}
    gone = 0
    for owner, much in list(held.items()):
        left = much
        while each is not None and left > each:
            count, freed = _drop_oldest(connection, owner, left - each)
            left -= freed
            gone += count
            if not count:
                break
        held[owner] = left
    while (total := sum(held.values())) > capacity:
        owner = max(held, key=lambda name: held[name])
        others = max((size for name, size in held.items() if name != owner), default=0)
        count, freed = _drop_oldest(connection, owner, min(total - capacity, held[owner] - others + 1))
        held[owner] -= freed
        gone += count
        if not count:
            break
    return gone


def _drop_oldest(connection: Connection, owner: str, wanted: int) -> tuple[int, int]:
    """Until `wanted` bytes are free, a batch at most; how many went, and their bytes."""
    oldest = (
        select(responses.c.id, responses.c.size)
        .where(responses.c.owner == owner, responses.c.size > 0)
        .order_by(responses.c.used_at, responses.c.id)
        .limit(_BATCH)
    )
    doomed, freed = [], 0
    for ident, bytes_ in connection.execute(oldest):
        if freed >= wanted:
            break
        doomed.append(ident)
        freed += bytes_
    connection.execute(delete_from(responses).where(responses.c.owner == owner, responses.c.id.in_(doomed)))
    return len(doomed), freed


def _possible(ident: str) -> bool:
    return 0 < len(ident) <= LONGEST_ID and storable(ident)
