"""Lists in pages (requirements G1 and G2): by cursor, or by offset. Of rows in memory, and of rows in the store."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from llm_gateway.control.api.route import Answer, Asked
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.core.json import encode
from llm_gateway.edge.listing import (
    LARGEST_PAGE,
    LONGEST_CURSOR,
    PAGE,
    Cursor,
    Field,
    Schema,
    arrange,
    page,
    select,
    whole,
)
from llm_gateway.store.paging import BadCursor, Page, cursor_at

Shape = TypeVar("Shape", bound=msgspec.Struct)
View = dict[str, Any]


class ByCursor(Protocol):
    """A page of the store."""

    def __call__(self, *, limit: int, cursor: str | None, descending: bool) -> Page[Any]: ...


class ByOffset(Protocol):
    """The same, with how many there are in all."""

    def __call__(self, *, limit: int, offset: int, descending: bool) -> tuple[list[Any], int]: ...


def fields(**kinds: Any) -> Schema:
    """What may be filtered and sorted by: names of members and their kinds (text, number, flag, list)."""
    return Schema({name: Field((name,), kind) for name, kind in kinds.items()}, {})


def listed(views: Sequence[View], asked: Asked, key: str, created: str = "created_at") -> Answer:
    """A page of what is in memory, filtered and sorted as the query says. `key`: the member that tells them apart."""
    schema = asked.route.filters if asked.route is not None else None
    params = asked.params
    if not {"limit", "cursor", "offset"} & params.keys():
        params = {**params, "limit": (str(PAGE),)}
    rows = [{**view, "id": str(view[key]), "created": 0, "view": view} for view in views]
    if schema is not None:
        rows = arrange(select(rows, asked.params, schema), asked.params, schema)
    elif "sort" in params:
        raise InvalidRequest("This list cannot be sorted.", param="sort")
    if "sort" not in params:
        rows.sort(key=lambda row: (str(row.get(created) or ""), row["id"]))
    found = page(rows, params)
    return Answer({"data": [row["view"] for row in found.rows], **found.paging})


def sorting(asked: Asked, field: str = "created_at") -> bool:
    """Whether a list of the store, which has one order, is wanted backwards. Raises InvalidRequest for another order."""
    sort = asked.query.sort
    if sort in (None, field, f"-{field}"):
        return bool(sort == f"-{field}")
    raise InvalidRequest(f"Sorted by {field} or -{field} only.", param="sort", details={"provided_value": sort[:64]})


def stored(
    asked: Asked,
    by_cursor: ByCursor,
    by_offset: ByOffset,
    shown: Callable[[Any], View],
    place: tuple[str, str] = ("created_at", "id"),
    *,
    descending: bool,
) -> Answer:
    """A page of what is in the store; to be called in its thread. Raises InvalidRequest, BadCursor."""
    params = asked.params
    limit = whole(params, "limit", PAGE, 1, LARGEST_PAGE)
    if "offset" in params:
        if "cursor" in params:
            raise InvalidRequest("Give cursor or offset, not both.", param="offset")
        offset = whole(params, "offset", 0, 0, 999_999_999)
        rows, total = by_offset(limit=limit, offset=offset, descending=descending)
        paging: Mapping[str, Any] = {"total": total, "limit": limit, "offset": offset, "has_more": offset + limit < total}
        return Answer({"data": [shown(row) for row in rows], **paging})
    at = _read(params["cursor"][-1]) if params.get("cursor", ("",))[-1] else None
    if at is not None and at.before:
        found = by_cursor(limit=limit, cursor=cursor_at(at.created, at.id), descending=not descending)
        rows, behind, before = found.rows[::-1], True, found.next is not None
    else:
        found = by_cursor(limit=limit, cursor=None if at is None else cursor_at(at.created, at.id), descending=descending)
        rows, behind, before = found.rows, found.next is not None, at is not None
    paging = {
        "has_more": behind,
        "next_cursor": _cursor(rows[-1], place, before=False) if behind and rows else None,
        "previous_cursor": _cursor(rows[0], place, before=True) if before and rows else None,
    }
    return Answer({"data": [shown(row) for row in rows], **paging})


def _cursor(row: Any, place: tuple[str, str], *, before: bool) -> str:
    made = Cursor(str(getattr(row, place[1])), getattr(row, place[0]), before)
    return base64.urlsafe_b64encode(encode(made)).decode("ascii")


def _read(given: str) -> Cursor:
    try:
        if len(given) > LONGEST_CURSOR:
            raise BadCursor
        return msgspec.json.decode(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)), type=Cursor)
    except (ValueError, binascii.Error, RecursionError):
        raise BadCursor("not a cursor of ours") from None
