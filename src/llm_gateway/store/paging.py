"""Pages by key: the next page begins behind the last row of this one, whatever was added or removed meanwhile."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Column, Connection, Row, Select, func, select, tuple_

Shape = TypeVar("Shape", bound=msgspec.Struct)

LARGEST = 1000


class BadCursor(ValueError):
    """The text is no cursor of ours."""


class Page(msgspec.Struct, Generic[Shape], frozen=True):
    rows: list[Shape]
    next: str | None
    """What to ask for the page behind it with; None: there is none."""


def page(
    connection: Connection,
    query: Select[Any],
    shape: type[Shape],
    order: tuple[Column[Any], Column[Any]],
    *,
    limit: int = 100,
    cursor: str | None = None,
    descending: bool = False,
    made: Callable[[Row[Any]], Shape] | None = None,
) -> Page[Shape]:
    """At most `limit` rows (1 to 1,000) in the order of a number and a text, which together are unique.

    `made` makes a `shape` of a row, if its fields are not simply the columns. Raises BadCursor.
    """
    limit = max(1, min(limit, LARGEST))
    place = tuple_(*order)
    if cursor is not None:
        behind = tuple_(*place_of(cursor))
        query = query.where(place < behind if descending else place > behind)
    query = query.order_by(*(column.desc() if descending else column.asc() for column in order)).limit(limit + 1)
    rows = [shape(*row) if made is None else made(row) for row in connection.execute(query)]
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    return Page(rows[:limit], cursor_at(getattr(last, order[0].name), getattr(last, order[1].name)))


def part(
    connection: Connection,
    query: Select[Any],
    shape: type[Shape],
    order: tuple[Column[Any], Column[Any]],
    *,
    limit: int,
    offset: int,
    descending: bool = False,
) -> tuple[list[Shape], int]:
    """The rows behind the first `offset` ones, and how many there are in all. Slower the further behind they are."""
    total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    ordered = query.order_by(*(column.desc() if descending else column.asc() for column in order))
    rows = [shape(*row) for row in connection.execute(ordered.limit(max(1, min(limit, LARGEST))).offset(offset))]
    return rows, int(total)


def cursor_at(number: int, text: str) -> str:
    """Of the page behind the row with these, or before it where the page is descending."""
    return base64.urlsafe_b64encode(msgspec.json.encode((number, text))).rstrip(b"=").decode()


def place_of(cursor: str) -> tuple[int, str]:
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        number, text = msgspec.json.decode(data, type=tuple[int, str])
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise BadCursor("not a cursor; take the one that the page before gave") from None
    if not -(1 << 63) <= number < 1 << 63 or "\0" in text:
        raise BadCursor("not a cursor; take the one that the page before gave")
    return number, text
