"""Stored responses: each is its owner's alone. The rules are those of edge/stored.py's MemoryStore."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, func, select, tuple_, update
from sqlalchemy import delete as delete_from

from llm_gateway.store.mapping import chosen, one, storable
from llm_gateway.store.marks import upsert
from llm_gateway.store.rows import ResponseRow
from llm_gateway.store.tables import responses

LONGEST_ID = 256
OVERHEAD = 600
"""Bytes that are counted for a row besides what it holds."""
_ALL = chosen(responses, ResponseRow)
_BATCH = 200


def get(connection: Connection, owner: str, ident: str, *, now: int, ttl: int) -> ResponseRow | None:
    """If it was used within `ttl` milliseconds; this counts as a use."""
    if not _possible(ident):
        return None
    mine = (responses.c.owner == owner) & (responses.c.id == ident)
    used = update(responses).where(mine, responses.c.used_at >= now - ttl).values(used_at=now)
    if connection.execute(used).rowcount == 0:
        return None
    return one(connection, _ALL.where(mine), ResponseRow)


def put(connection: Connection, owner: str, ident: str, row: ResponseRow, *, now: int, capacity: int) -> bool:
    """Whether it is kept, in the place of one of the same id. `capacity` in bytes; `shrink` sees to the sum of all."""
    size = OVERHEAD + len(ident) + len(row.response) + len(row.items)
    if size > capacity or not _possible(ident) or (row.previous is not None and not storable(row.previous)):
        return False
    values = {**msgspec.structs.asdict(row), "size": size, "used_at": now}
    statement = upsert(connection)(responses).values(owner=owner, id=ident, made_at=now, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["owner", "id"], set_=values))
    return True


def delete(connection: Connection, owner: str, ident: str, *, now: int, ttl: int) -> bool:
    """Whether it was there."""
    if not _possible(ident):
        return False
    mine = (responses.c.owner == owner) & (responses.c.id == ident)
    there = connection.execute(select(responses.c.used_at).where(mine)).scalar()
    connection.execute(delete_from(responses).where(mine))
    return there is not None and there >= now - ttl


def expire(connection: Connection, before: int, limit: int = 1000) -> int:
    """Lets go of `limit` that were last used before Unix milliseconds `before`; how many there were."""
    old = select(responses.c.owner, responses.c.id).where(responses.c.used_at < before).limit(limit)
    return connection.execute(delete_from(responses).where(tuple_(responses.c.owner, responses.c.id).in_(old))).rowcount


def size(connection: Connection) -> int:
    """Bytes of all of them."""
    return int(connection.execute(select(func.coalesce(func.sum(responses.c.size), 0))).scalar_one())


def shrink(connection: Connection, capacity: int) -> int:
    """Lets go of what was not used for longest until all fit into so many bytes; how many went.

    Whoever holds most gives way first: nobody can push out the others' responses.
    """
    rows = connection.execute(select(responses.c.owner, func.sum(responses.c.size)).group_by(responses.c.owner))
    held = {owner: int(size) for owner, size in rows}
    total, gone = sum(held.values()), 0
    while total > capacity and held:
        owner = max(held, key=lambda name: held[name])
        others = max((size for name, size in held.items() if name != owner), default=0)
        oldest = (
            select(responses.c.id, responses.c.size)
            .where(responses.c.owner == owner)
            .order_by(responses.c.used_at, responses.c.id)
            .limit(_BATCH)
        )
        doomed = []
        for ident, bytes_ in connection.execute(oldest):
            if total <= capacity or held[owner] < others:
                break
            doomed.append(ident)
            total -= bytes_
            held[owner] -= bytes_
        connection.execute(delete_from(responses).where(responses.c.owner == owner, responses.c.id.in_(doomed)))
        gone += len(doomed)
    return gone


def _possible(ident: str) -> bool:
    return 0 < len(ident) <= LONGEST_ID and storable(ident)
