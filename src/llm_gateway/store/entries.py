"""Between a LedgerRow and its row in the table, as fast as 41 columns allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Final

import msgspec
from sqlalchemy import Row

from llm_gateway.core.ledger import AttemptRow, LedgerRow
from llm_gateway.store.tables import ledger

LONGEST = 256
"""Characters of a text that callers or providers chose. More is cut off: an index of PostgreSQL holds 2,704 bytes."""
_LAST = 253_370_764_799_999
"""The last millisecond of the year 9998: the month after it can still be named."""
MOST = 10**15
"""Of any count, and a million dollars: what lies beyond is nobody's usage, and sums of it would not fit into 64 bits."""
FIELDS: Final = LedgerRow.__struct_fields__
COLUMNS: Final = tuple("end_user" if name == "user" else name for name in FIELDS)
"""In the order of LedgerRow's fields."""


def clean_text(value: str) -> str:
    """What both databases can hold and index."""
    if len(value) > LONGEST:
        value = value[:LONGEST]
    return value.replace("\0", "\ufffd") if "\0" in value else value


def sane(row: LedgerRow) -> LedgerRow:
    """The row itself, or one whose time is one that there is and whose figures can be added up."""
    wholes, reals = _wholes(row), _reals(row)
    if 0 <= row.at <= _LAST and min(wholes) >= -MOST and max(wholes) <= MOST and all(map(math.isfinite, reals)):
        return row
    figures: dict[str, Any] = {name: min(max(value, -MOST), MOST) for name, value in zip(_WHOLES, wholes, strict=True)}
    figures |= {name: _finite(value) for name, value in zip(_REALS, reals, strict=True)}
    return msgspec.structs.replace(row, at=min(max(row.at, 0), _LAST), **figures)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _words(value: tuple[str, ...]) -> str:
    """Searched for in SQL, where PostgreSQL cannot take a NUL even if it is escaped."""
    return _json([clean_text(word) for word in value]) if value else "[]"


def _units(value: dict[str, float]) -> str:
    return _json({name: _finite(count) for name, count in value.items()}) if value else "{}"


def _attempts(value: tuple[AttemptRow, ...]) -> str:
    """JSON has no word for infinity; a row that holds one could not be read again."""
    return _json([one if math.isfinite(one.ms) else msgspec.structs.replace(one, ms=0.0) for one in value])


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _kind(name: str) -> type:
    return ledger.c["end_user" if name == "user" else name].type.python_type


_CONVERTED: Final[tuple[tuple[str, Callable[[Any], str]], ...]] = (
    ("tags", _words),
    ("units", _units),
    ("unpriced", _json),
    ("attempts", _attempts),
)
_NESTED: Final = tuple((FIELDS.index(name), convert) for name, convert in _CONVERTED)
_TEXT_NAMES: Final = tuple(name for name in FIELDS if _kind(name) is str and name not in dict(_CONVERTED))
_TEXT_PLACES: Final = tuple(map(FIELDS.index, _TEXT_NAMES))
_texts = attrgetter(*_TEXT_NAMES)
_WHOLES: Final = tuple(name for name in FIELDS if _kind(name) is int and name != "at")
_REALS: Final = tuple(name for name in FIELDS if _kind(name) is float)
_wholes = attrgetter(*_WHOLES)
_reals = attrgetter(*_REALS)


def values(row: LedgerRow) -> tuple[Any, ...]:
    """Of a sane row, in the order of COLUMNS. Whatever a caller or a provider wrote into it, this can be stored."""
    found = list(msgspec.structs.astuple(row))
    texts = _texts(row)
    if max(map(len, texts)) > LONGEST or "\0" in "".join(texts):
        for index in _TEXT_PLACES:
            found[index] = clean_text(found[index])
    for index, convert in _NESTED:
        found[index] = convert(found[index])
    return tuple(found)


def ledger_row(row: Row[Any]) -> LedgerRow:
    """From a row of all COLUMNS."""
    fields = dict(zip(FIELDS, row, strict=True))
    fields["tags"] = msgspec.json.decode(fields["tags"], type=tuple[str, ...])
    fields["unpriced"] = msgspec.json.decode(fields["unpriced"], type=tuple[str, ...])
    fields["units"] = msgspec.json.decode(fields["units"], type=dict[str, float])
    fields["attempts"] = msgspec.json.decode(fields["attempts"], type=tuple[AttemptRow, ...])
    return LedgerRow(**fields)


def first_of_each(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    """One sane row for each id: an outcome before what was only guessed, else the first."""
    chosen: dict[str, LedgerRow] = {}
    for given in rows:
        row = sane(given)
        there = chosen.get(row.id)
        if there is None or (there.status == "interrupted" and outcome(row.status)):
            chosen[row.id] = row
    return list(chosen.values())


def outcome(status: str) -> bool:
    """Whether a row of this status may stand in the place of one that is marked interrupted."""
    return status not in {"interrupted", "correction"}
