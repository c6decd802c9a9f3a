"""Lists as callers want them: filtered, sorted, cut into pages (requirements G1-G3). Pure functions over rows of JSON values.

Filters are query parameters, all of which must hold: `owned_by=openai`, `created__gt=1700000000`, `id__startswith=gpt-`,
`capabilities__contains=vision`, `id__in=a,b`. A value that is not known (null) fits no filter and sorts last. A parameter that
names no field and no operator is somebody else's (SDKs add their own) and is ignored.
"""

from __future__ import annotations

import base64
import binascii
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from llm_gateway.core.errors import InvalidRequest
from llm_gateway.core.json import encode

Row = dict[str, Any]
Params = Mapping[str, tuple[str, ...]]
"""Query parameters by name, each with all of its values."""

PARAMETERS = 50
LONGEST_CURSOR = 1024
PAGE = 20
LARGEST_PAGE = 100
PAGING = ("limit", "cursor", "offset")

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_WHOLE = re.compile(r"[0-9]{1,9}")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
OPERATORS = (*_COMPARE, "in", "contains", "startswith")


class Field(NamedTuple):
    """Where a value stands in a row, and what it is: text, a number, true or false, or a list of texts. Any value may be None."""

    path: tuple[str, ...]
    kind: Literal["text", "number", "flag", "list"] = "text"

    def of(self, row: Row) -> Any:
        value: Any = row
        for step in self.path:
            value = value.get(step) if isinstance(value, dict) else None
        return value


class Schema(NamedTuple):
    """What may be filtered and sorted by. `shortcuts` are parameters that stand for another one."""

    fields: Mapping[str, Field]
    shortcuts: Mapping[str, str]


class Page(NamedTuple):
    """A page's rows, and the members that say where it stands among the others."""

    rows: list[Row]
    paging: dict[str, Any]


class Cursor(msgspec.Struct, omit_defaults=True):
    """A row that a page follows (or, with `before`, precedes). Clients see it in base64 and need not understand it."""

    id: str
    created: int = 0
    before: bool = False


def parse_query(query: bytes) -> Params:
    """The parameters of a query string. Raises InvalidRequest for too many, or for what is not UTF-8."""
    found: dict[str, tuple[str, ...]] = {}
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS)
    except ValueError:
        raise InvalidRequest(f"The query string must be UTF-8 and have at most {PARAMETERS} parameters.") from None
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found


def select(rows: Sequence[Row], params: Params, schema: Schema) -> list[Row]:
    """The rows that fit every filter. Raises InvalidRequest whose param is the filter's name."""
    chosen = list(rows)
    for name, values in params.items():
        found = _filter(name, schema)
        if found is None:
            continue
        field, how = found
        for value in values:
            fits = _test(name, field, how, value)
            chosen = [row for row in chosen if (cell := field.of(row)) is not None and fits(cell)]
    return chosen


def arrange(rows: Sequence[Row], params: Params, schema: Schema) -> list[Row]:
    """The rows in the order of `sort`: fields with commas between them, each with a `-` in front for downwards. A field that is
    named again changes nothing, and is passed over: thousands of them would keep everybody waiting.
    """
    arranged = list(rows)
    keys: dict[str, str] = {}
    for key in filter(None, map(str.strip, ",".join(params.get("sort", ())).split(","))):
        keys.setdefault(key.removeprefix("-"), key)
    for name, key in reversed(keys.items()):
        field = schema.fields.get(name)
        if field is None or field.kind == "list":
            names = [known for known, other in schema.fields.items() if other.kind != "list"]
            raise _invalid("sort", name, f"Cannot sort by this. Fields: {', '.join(names)}.")
        known = [row for row in arranged if field.of(row) is not None]
        unknown = [row for row in arranged if field.of(row) is None]
        known.sort(key=field.of, reverse=key.startswith("-"))
        arranged = known + unknown
    return arranged


def page(rows: Sequence[Row], params: Params) -> Page:
    """One page: by `cursor` (G1), by `offset` (G2), or everything when no paging parameter is given."""
    if "offset" in params:
        return _by_offset(rows, params)
    if "limit" not in params and "cursor" not in params:
        return Page(list(rows), {"has_more": False})
    limit = whole(params, "limit", PAGE, 1, LARGEST_PAGE)
    start, stop = _window(rows, params.get("cursor", ("",))[-1], limit, "cursor")
    shown = list(rows[start:stop])
    more = stop < len(rows)
    paging = {
        "has_more": more,
        "next_cursor": _cursor(shown[-1], before=False) if more and shown else None,
        "previous_cursor": _cursor(shown[0], before=True) if start > 0 and shown else None,
    }
    return Page(shown, paging)


def page_by_id(rows: Sequence[Row], params: Params, most: int = 1000) -> Page:
    """One page in Anthropic's way (https://docs.anthropic.com/en/api/models-list): `after_id`, `before_id`, `limit` up to 1000.

    Without a limit the page is as large as it may be, so that clients which never ask for a second one see everything.
    """
    limit = whole(params, "limit", most, 1, most)
    if "after_id" in params and "before_id" in params:
        raise _invalid("before_id", params["before_id"][-1], "Give after_id or before_id, not both.")
    if "before_id" in params:
        stop = _position(rows, "before_id", params["before_id"][-1])
        start = max(stop - limit, 0)
        more = start > 0
    else:
        start = _position(rows, "after_id", params["after_id"][-1]) + 1 if "after_id" in params else 0
        stop = start + limit
        more = stop < len(rows)
    shown = list(rows[start:stop])
    ids = (shown[0]["id"], shown[-1]["id"]) if shown else (None, None)
    return Page(shown, {"has_more": more, "first_id": ids[0], "last_id": ids[1]})


def page_by_token(rows: Sequence[Row], params: Params, usual: int = 50, most: int = 1000) -> tuple[list[Row], str | None]:
    """One page in Gemini's way (https://ai.google.dev/api/models#method:-models.list): `pageSize`, of which more than `most` are
    not given, and `pageToken`. Its rows, and the token of the next one.
    """
    limit = min(whole(params, "pageSize", usual, 0, 999_999_999) or usual, most)
    start, stop = _window(rows, params.get("pageToken", ("",))[-1], limit, "pageToken")
    shown = list(rows[start:stop])
    return shown, _cursor(shown[-1], before=False) if shown and stop < len(rows) else None


def whole(params: Params, name: str, default: int, least: int, most: int) -> int:
    """A whole number among the parameters. Raises InvalidRequest, telling the range, for anything else."""
    if name not in params:
        return default
    given = params[name][-1]
    if not _WHOLE.fullmatch(given) or not least <= int(given) <= most:
        details = {"provided_value": given[:64], "allowed_range": [least, most]}
        raise InvalidRequest(f"{name} must be a whole number from {least} to {most}.", param=name, details=details)
    return int(given)


def _filter(name: str, schema: Schema) -> tuple[Field, str] | None:
    """The field and the operator that a parameter names; None if it is no filter."""
    if name in PAGING:
        return None
    base, double, how = schema.shortcuts.get(name, name).partition("__")
    field = schema.fields.get(base)
    if field is None:
        if how in OPERATORS or "." in base:
            raise _invalid(name, base, f"There is no such field. Fields: {', '.join(schema.fields)}.")
        return None
    if double and how not in OPERATORS:
        raise _invalid(name, how, f"There is no such operator. Operators: {', '.join(OPERATORS)}.")
    return field, how


def _test(name: str, field: Field, how: str, value: str) -> Callable[[Any], bool]:
    """Whether a cell that is not None fits."""
    if how in _COMPARE:
        if field.kind == "list":
            raise _invalid(name, value, "A list has no order. Use __contains or __in.")
        compare, bound = _COMPARE[how], _value(name, field, value)
        return lambda cell: compare(cell, bound)
    if how == "in":
        values = {_value(name, field, one) for one in value.split(",")}
        return (lambda cell: not values.isdisjoint(cell)) if field.kind == "list" else (lambda cell: cell in values)
    if how == "startswith":
        if field.kind in {"number", "flag"}:
            raise _invalid(name, value, "Only text has a beginning. Numbers have __gte and __lt.")
        return (
            (lambda cell: any(c.startswith(value) for c in cell))
            if field.kind == "list"
            else (lambda cell: cell.startswith(value))
        )
    if field.kind == "list" or (how == "contains" and field.kind == "text"):
        return lambda cell: value in cell
    wanted = _value(name, field, value)
    return lambda cell: bool(cell == wanted)


def _value(name: str, field: Field, value: str) -> str | float | bool:
    if field.kind == "flag":
        if value not in {"true", "false"}:
            raise _invalid(name, value, f"{name} must be true or false.")
        return value == "true"
    if field.kind != "number":
        return value
    if not _NUMBER.fullmatch(value):
        raise _invalid(name, value, f"{name} must be a number.")
    return float(value)


def _by_offset(rows: Sequence[Row], params: Params) -> Page:
    if "cursor" in params:
        raise _invalid("offset", params["offset"][-1], "Give cursor or offset, not both.")
    limit = whole(params, "limit", PAGE, 1, LARGEST_PAGE)
    offset = whole(params, "offset", 0, 0, 999_999_999)
    shown = list(rows[offset : offset + limit])
    return Page(shown, {"total": len(rows), "limit": limit, "offset": offset, "has_more": offset + limit < len(rows)})


def _window(rows: Sequence[Row], given: str, limit: int, param: str) -> tuple[int, int]:
    """First position and the one behind the last. An empty cursor is the first page."""
    if not given:
        return 0, limit
    cursor = _read_cursor(given, param)
    place = _position(rows, param, cursor.id)
    return (max(place - limit, 0), place) if cursor.before else (place + 1, place + 1 + limit)


def _cursor(row: Row, *, before: bool) -> str:
    return base64.urlsafe_b64encode(encode(Cursor(row["id"], row.get("created") or 0, before))).decode("ascii")


def _read_cursor(given: str, param: str) -> Cursor:
    try:
        if len(given) > LONGEST_CURSOR:
            raise ValueError  # noqa: TRY301 - one refusal for everything
        return msgspec.json.decode(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)), type=Cursor)
    except (ValueError, binascii.Error, RecursionError):  # msgspec's errors are ValueErrors
        raise _invalid(param, given, f"The {param} is not one of ours.", "invalid_cursor") from None


def _position(rows: Sequence[Row], param: str, wanted: str) -> int:
    for place, row in enumerate(rows):
        if row["id"] == wanted:
            return place
    raise _invalid(
        param, wanted, "The list has changed: what this points to is gone. Begin with the first page.", "invalid_cursor"
    )


def _invalid(param: str, value: str, message: str, code: str | None = None) -> InvalidRequest:
    return InvalidRequest(message, code=code, param=param, details={"provided_value": value[:64]})
