"""Who used how much: sums over the ledger, and over its rollups for whole days where they can tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, Select, func, select, true
from sqlalchemy.sql.elements import ColumnElement

from llm_gateway.store import marks
from llm_gateway.store.errors import TooMuch
from llm_gateway.store.filters import Filter, conditions, tags_of
from llm_gateway.store.ledger import KEPT_FROM
from llm_gateway.store.rollups import DAY, SUMS, ledger_sums, rollup_sums
from llm_gateway.store.rows import UsageRow
from llm_gateway.store.tables import ledger, rollups

HOUR = 3_600_000
"""Milliseconds."""
MOST_GROUPS = 100_000
By = Literal["hour", "day", "tenant", "project", "key", "user", "model", "provider", "served_model", "status", "operation", "tag"]
IN_ROLLUPS: Final = frozenset({"day", "tenant", "project", "key", "user", "model", "provider", "served_model", "status"})


class Usage(msgspec.Struct, frozen=True):
    rows: list[UsageRow]
    """In the order of time where it is grouped by time; otherwise, and within that, what cost most first."""
    total: UsageRow
    """Of all groups, also of those that are left out. A request with two tags is counted once."""
    truncated: bool
    """Whether groups are left out."""
    incomplete: bool
    """Whether it reaches back to where ledger rows were let go already, and only they could have told."""


def usage(connection: Connection, wanted: Filter, by: tuple[By, ...] = (), limit: int = 1000) -> Usage:
    """Sums for each group that has any row. Times of groups are their first millisecond, UTC.

    Raises TooMuch for more than 100,000 groups.
    """
    parts = list(_parts(wanted, by))
    sums = _summed(connection, parts, by)
    total = sums if by == () else _summed(connection, parts, ()) if "tag" in by else None
    times = [index for index, name in enumerate(by) if name in {"hour", "day"}]
    cost = SUMS.index("cost")
    order = sorted(sums, key=lambda group: ([group[index] for index in times], -sums[group][cost], [str(word) for word in group]))
    kept_from = marks.get(connection, KEPT_FROM)
    from_ledger = [part for part, rolled_up in parts if not rolled_up]
    return Usage(
        [_row(dict(zip(by, group, strict=True)), sums[group]) for group in order[:limit]],
        _row({}, _added(list((sums if total is None else total).values()))),
        len(order) > limit,
        any((part.since or 0) < kept_from for part in from_ledger),
    )


def _parts(wanted: Filter, by: tuple[By, ...]) -> Iterator[tuple[Filter, bool]]:
    """The range in pieces, each with whether the rollups are asked."""
    if not wanted.rolled_up or not IN_ROLLUPS.issuperset(by):
        yield wanted, False
        return
    first = None if wanted.since is None else -(-wanted.since // DAY) * DAY
    last = None if wanted.until is None else wanted.until // DAY * DAY
    if first is not None and last is not None and first >= last:
        yield wanted, False
        return
    if first is not None and first != wanted.since:
        yield msgspec.structs.replace(wanted, until=first), False
    yield msgspec.structs.replace(wanted, since=first, until=last), True
    if last is not None and last != wanted.until:
        yield msgspec.structs.replace(wanted, since=last), False


def _summed(connection: Connection, parts: list[tuple[Filter, bool]], by: tuple[By, ...]) -> dict[tuple[Any, ...], list[Any]]:
    sums: dict[tuple[Any, ...], list[Any]] = {}
    for part, rolled_up in parts:
        query = _of_rollups(part, by) if rolled_up else _of_ledger(connection, part, by)
        for row in connection.execute(query.limit(MOST_GROUPS + 1)):
            group, amounts = tuple(row[: len(by)]), [amount or 0 for amount in row[len(by) :]]
            there = sums.get(group)
            sums[group] = amounts if there is None else _added([there, amounts])
        if len(sums) > MOST_GROUPS:
            raise TooMuch(f"more than {MOST_GROUPS} groups: ask for a shorter time, or for fewer things to group by")
    return sums


def _of_rollups(part: Filter, by: tuple[By, ...]) -> Select[Any]:
    groups = [rollups.c["end_user" if name == "user" else name].label(f"by_{name}") for name in by]
    return select(*groups, *rollup_sums()).where(*conditions(rollups, rollups.c.day, part)).group_by(*groups)


def _of_ledger(connection: Connection, part: Filter, by: tuple[By, ...]) -> Select[Any]:
    source: Any = ledger
    groups: list[Any] = []
    for name in by:
        column: ColumnElement[Any]
        if name in {"hour", "day"}:
            column = ledger.c.at - ledger.c.at % (HOUR if name == "hour" else DAY)
        elif name == "tag":
            tag = tags_of(connection)
            source = source.join(tag, true(), isouter=True)
            column = func.coalesce(tag.c.value, "")
        else:
            column = ledger.c["end_user" if name == "user" else name]
        groups.append(column.label(f"by_{name}"))
    query = select(*groups, *ledger_sums()).select_from(source).where(*conditions(ledger, ledger.c.at, part))
    # By name: PostgreSQL does not see that two expressions with the same parameters are the same.
    return query.group_by(*(group.name for group in groups))


def _added(sums: list[list[Any]]) -> list[Any]:
    return [sum(amounts) for amounts in zip(*sums, strict=True)] if sums else [0] * len(SUMS)


def _row(group: dict[str, str | int], sums: list[Any]) -> UsageRow:
    *counts, latency = sums
    sums_by_name: dict[str, Any] = {**dict(zip(SUMS, map(int, counts), strict=False)), "latency_ms": float(latency)}
    return UsageRow(group, **sums_by_name)
