"""Whose a file or a batch at a provider is. The rules are those of edge/ownership.py."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, delete, func, select, tuple_

from llm_gateway.store.mapping import storable
from llm_gateway.store.marks import upsert
from llm_gateway.store.tables import owners

LONGEST_ID = 256

Place = tuple[str, str]
"""Provider and kind."""


def get(connection: Connection, place: Place, items: Collection[str], since: int) -> dict[str, str]:
    """Item -> its owner, of those that were made at Unix milliseconds `since` or later."""
    found: dict[str, str] = {}
    asked = [item for item in items if _possible(item)]
    for start in range(0, len(asked), 1000):
        mine = owners.c.item.in_(asked[start : start + 1000])
        query = select(owners.c.item, owners.c.owner).where(*_at(place), mine, owners.c.made_at >= since)
        found.update(connection.execute(query).all())
    return found


def add(connection: Connection, place: Place, items: Collection[str], owner: str, *, now: int, since: int) -> None:
    """What has an owner keeps it, unless that was before `since`."""
    rows = [
        {"provider": place[0], "kind": place[1], "item": item, "owner": owner, "made_at": now}
        for item in sorted(set(items))
        if _possible(item)
    ]
    if not rows:
        return
    statement = upsert(connection)(owners)
    values = {"owner": statement.excluded.owner, "made_at": statement.excluded.made_at}
    key = ["provider", "kind", "item"]
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=values, where=owners.c.made_at < since), rows)


def forget(connection: Connection, place: Place, item: str) -> None:
    if _possible(item):
        connection.execute(delete(owners).where(*_at(place), owners.c.item == item))


def retain(connection: Connection, *, since: int, most: int) -> None:
    """Forgets what was made before `since`, and, beyond `most`, the oldest of whoever has most."""
    connection.execute(delete(owners).where(owners.c.made_at < since))
    while True:
        counts = connection.execute(select(owners.c.owner, func.count()).group_by(owners.c.owner)).all()
        too_many = sum(count for _, count in counts) - most
        if too_many <= 0:
            return
        ranked = sorted(counts, key=lambda row: (-row[1], row[0]))
        name, count = ranked[0]
        second = ranked[1][1] if len(ranked) > 1 else 0
        number = min(too_many, max(count - second, 1))
        key = (owners.c.provider, owners.c.kind, owners.c.item)
        oldest = select(*key).where(owners.c.owner == name).order_by(owners.c.made_at, owners.c.item).limit(number)
        connection.execute(delete(owners).where(tuple_(*key).in_(oldest)))


def _possible(item: str) -> bool:
    return 0 < len(item) <= LONGEST_ID and storable(item)


def _at(place: Place) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return owners.c.provider == place[0], owners.c.kind == place[1]
