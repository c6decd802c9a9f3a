"""What the admin API answers, as people read it. Nothing is made up: what is not there is empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from llm_gateway.cli.output import Output
from llm_gateway.config.schema.limits import Budget

_NANO = Decimal(1_000_000_000)
_LONGEST = 80
_USUAL = next(field.default for field in msgspec.structs.fields(Budget) if field.name == "period")


def told(output: Output, document: Any) -> None:
    """One object: a line for each of its fields."""
    if output.as_json or not isinstance(document, Mapping):
        output.show(document, "" if document is None else str(document))
        return
    width = max((len(str(name)) for name in document), default=0)
    lines = [f"{name:<{width}}  {whole(value)}" for name, value in document.items() if value not in (None, "", [], {}, ())]
    output.show(document, "\n".join(lines))


def rows_of(found: Iterable[Mapping[str, Any]], fields: Iterable[str]) -> list[Sequence[str]]:
    """Lines of a table."""
    wanted = tuple(fields)
    return [tuple(short(at(one, field), field) for field in wanted) for one in found]


def at(document: Mapping[str, Any], path: str) -> Any:
    """A field by its path; None: it is not there."""
    value: Any = document
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def short(value: Any, field: str = "") -> str:
    """A value in a cell."""
    if field == "disabled":
        return "disabled" if value else "active"
    if field == "budgets" and isinstance(value, list):
        return ", ".join(budget(one) for one in value)
    text = whole(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def budget(one: Mapping[str, Any]) -> str:
    """`500 per month`: what is not said is as the configuration has it."""
    period = one.get("period", _USUAL)
    return f"{one.get('amount')} {'in all' if period == 'total' else f'per {period}'}"


def whole(value: Any) -> str:
    """A value in words."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return ", ".join(f"{name}: {whole(one)}" for name, one in value.items() if one is not None)
        case list() | tuple():
            return ", ".join(f"({whole(one)})" if isinstance(one, Mapping) and len(value) > 1 else whole(one) for one in value)
        case _:
            return str(value)


def dollars(nano: int | None) -> str:
    """Nano-dollars, exactly: no digit is rounded away. Empty: it is not known."""
    if nano is None:
        return ""
    text = f"{Decimal(nano) / _NANO:.9f}".rstrip("0")
    whole_part, _, digits = text.partition(".")
    return f"${whole_part}.{digits:0<2}".replace("$-", "-$")


def count(number: float | None) -> str:
    """12,345. Empty: it is not known."""
    return "" if number is None else f"{number:,}"


def milliseconds(value: float | None) -> str:
    """12 ms, 1.5 ms. Empty: it was not measured."""
    if value is None:
        return ""
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


def percent(share: float | None) -> str:
    """Of a number from 0 to 1. Empty: there was nothing to measure."""
    if share is None:
        return ""
    if 0 < share < 0.0001:
        return "< 0.01 %"
    if 0.9999 < share < 1:
        return "> 99.99 %"
    return f"{share * 100:.2f}".rstrip("0").rstrip(".") + " %"
