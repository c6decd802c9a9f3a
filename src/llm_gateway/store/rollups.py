"""Daily sums over the ledger. They are a fold: what a batch changed is added, and a day can be made anew from its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, case, delete, func, select, text

from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import marks
from llm_gateway.store.bulk import Upsert
from llm_gateway.store.entries import clean_text
from llm_gateway.store.errors import Conflict
from llm_gateway.store.ledger import KEPT_FROM, Changes
from llm_gateway.store.tables import ledger, rollups
from llm_gateway.store.tables.usage import TOKENS

DAY = 86_400_000
"""Milliseconds."""
GROUPED: Final = ("tenant", "project", "key", "end_user", "model", "provider", "served_model", "status")
SUMS: Final = ("requests", *TOKENS, "cost", "estimated", "unpriced", "latency_ms")
_ADD = Upsert(
    rollups,
    ("day", "digest", *GROUPED, *SUMS),
    ("day", "digest"),
    {name: f'rollups."{name}" + excluded."{name}"' for name in SUMS},
)

_group_of = attrgetter(*("user" if name == "end_user" else name for name in GROUPED))
_summed_of = attrgetter(*TOKENS, "cost", "estimated", "latency_ms")
_NOTHING: Final = (0,) * len(SUMS)

Group = tuple[str, ...]
Sums = list[float]


def ledger_sums() -> list[Any]:
    """SUMS over ledger rows, as columns of a SELECT with GROUP BY. A correction is no request."""
    counted = {
        "requests": case((ledger.c.status != "correction", 1), else_=0),
        "estimated": case((ledger.c.estimated, 1), else_=0),
        "unpriced": case((ledger.c.unpriced != "[]", 1), else_=0),
    }
    return [func.sum(counted.get(name, ledger.c.get(name))).label(name) for name in SUMS]


def rollup_sums() -> list[Any]:
    return [func.sum(rollups.c[name]).label(name) for name in SUMS]


def fold(connection: Connection, changes: Changes) -> None:
    """Adds what a batch changed. In the transaction that changed it, or else they drift apart."""
    changed: dict[tuple[int, Group], Sums] = {}
    _count(changed, changes.added, 1)
    _count(changed, (old for old, _ in changes.replaced), -1)
    _count(changed, (new for _, new in changes.replaced), 1)
    made = _rows((day, group, sums) for (day, group), sums in changed.items())
    rows = sorted(made, key=lambda row: row[:2])  # everybody locks them in the same order
    if not rows:
        return
    _ADD.run(connection, rows)
    if changes.replaced:
        days = {row[0] for row in rows}
        nothing = [rollups.c[name] == 0 for name in ("requests", "cost", "input", "output")]
        connection.execute(delete(rollups).where(rollups.c.day.in_(days), *nothing))


def rebuild(connection: Connection, day: int) -> int:
    """Makes a day's rows anew from the ledger; how many there are. `day` is its first millisecond, UTC.

    Raises Conflict if the ledger no longer has all rows of that day.
    """
    _whole(connection, day)
    if connection.dialect.name == "postgresql":  # others go on folding when this is done
        connection.execute(text("LOCK TABLE rollups IN EXCLUSIVE MODE"))
    rows = list(_rows((day, tuple(row[: len(GROUPED)]), list(row[len(GROUPED) :])) for row in connection.execute(_of_day(day))))
    connection.execute(delete(rollups).where(rollups.c.day == day))
    if rows:
        _ADD.run(connection, rows)
    return len(rows)


def differences(connection: Connection, day: int) -> list[Group]:
    """Groups of a day whose sums are not those of the ledger. Raises as `rebuild` does."""
    _whole(connection, day)
    width = len(GROUPED)
    made = {tuple(row[:width]): _exact(row[width:]) for row in connection.execute(_of_day(day))}
    query = select(*(rollups.c[name] for name in (*GROUPED, *SUMS))).where(rollups.c.day == day)
    there = {tuple(row[:width]): _exact(row[width:]) for row in connection.execute(query)}
    return sorted(group for group in made.keys() | there.keys() if made.get(group) != there.get(group))


def days(connection: Connection) -> tuple[int, int] | None:
    """The first and the last day that the ledger has rows of; None if it has none."""
    first, last = connection.execute(select(func.min(ledger.c.at), func.max(ledger.c.at))).one()
    return None if first is None else (first - first % DAY, last - last % DAY)


def retain(connection: Connection, before: int) -> int:
    """Lets go of whole days before Unix milliseconds `before`; how many rows that were."""
    return connection.execute(delete(rollups).where(rollups.c.day <= before - DAY)).rowcount


def _whole(connection: Connection, day: int) -> None:
    if day < marks.get(connection, KEPT_FROM):
        raise Conflict("the ledger no longer has all rows of that day; its sums are what is left of them")


def _of_day(day: int) -> Select[Any]:
    groups = [ledger.c[name] for name in GROUPED]
    return select(*groups, *ledger_sums()).where(ledger.c.at >= day, ledger.c.at < day + DAY).group_by(*groups)


def _count(changed: dict[tuple[int, Group], Sums], rows: Iterable[LedgerRow], sign: int) -> None:
    alike: dict[tuple[int, Group], list[LedgerRow]] = {}
    for row in rows:
        alike.setdefault((row.at - row.at % DAY, _group_of(row)), []).append(row)
    for (day, names), those in alike.items():
        *counts, latency = map(sum, zip(*map(_summed_of, those), strict=True))
        requests = 0 if those[0].status == "correction" else len(those)
        amounts = (requests, *counts, sum(1 for row in those if row.unpriced), latency)
        key = (day, tuple(map(clean_text, names)))
        before = changed.get(key, _NOTHING)
        changed[key] = [there + sign * amount for there, amount in zip(before, amounts, strict=True)]


def _rows(sums: Iterable[tuple[int, Group, Sums]]) -> Iterator[tuple[Any, ...]]:
    for day, group, amounts in sums:
        *counts, latency = amounts
        if any(counts) or latency:
            digest = hashlib.blake2b(msgspec.msgpack.encode(group), digest_size=16).digest()
            yield (day, digest, *group, *map(int, counts), float(latency))


def _exact(sums: Any) -> tuple[int, ...]:
    """Without the times, whose sums are rounded."""
    return tuple(int(amount) for amount in sums[:-1])
