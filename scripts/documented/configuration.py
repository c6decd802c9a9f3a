"""The table of every configuration key, from the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import inspect as mi

from llm_gateway.config.bind import struct_info
from llm_gateway.config.conditions.when import When
from llm_gateway.config.schema import Options, Provider, Section, Sections
from llm_gateway.config.schema.ledger import Interval
from llm_gateway.config.values import Duration, Money, ProxyChoice, Secret, SecretText, Size, Workers

_HUGE = 2**53
_WRITTEN = {
    Duration: "duration",
    Size: "size",
    Secret: "secret",
    SecretText: "secret",
    ProxyChoice: "proxy",
    Money: "dollars",
    When: "condition",
    Interval: "`off` or duration",
    Workers: "`auto` or number",
}


def reference() -> str:
    """Every section with its keys, in the order of the schema."""
    return "\n".join(section(struct_info(Sections), ""))


def section(kind: mi.StructType, path: str) -> Iterator[str]:
    """One section's heading and table, then the sections inside it."""
    inner: list[tuple[str, mi.StructType]] = []
    rows: list[str] = []
    for field in fields_of(kind):
        place = f"{path}.{field.encode_name}" if path else field.encode_name
        nested, suffix = structs_in(field.type)
        if nested is not None:
            inner.append((place + suffix, nested))
        rows.append(row(place, field, nested, suffix))
    if path:
        level = "####" if "." in path.removesuffix(".NAME") else "###"
        yield f"{level} `{path}`\n"
        yield f"{summary(kind.cls)}\n"
        yield "| key | type | default | meaning |\n|---|---|---|---|"
        yield "\n".join(rows) + "\n"
    for place, nested in inner:
        yield from section(nested, place)


def fields_of(kind: mi.StructType) -> Iterator[mi.Field]:
    """Its keys as a file has them: those of a provider's options stand beside its own."""
    for field in kind.fields:
        if kind.cls is Provider and field.encode_name == "options":
            yield from struct_info(Options).fields
        else:
            yield field


def structs_in(kind: mi.Type) -> tuple[mi.StructType | None, str]:
    """The section that a field holds, if it holds one, and how its place is written behind the key."""
    match kind:
        case mi.Metadata():
            return structs_in(kind.type)
        case mi.UnionType():
            return next((found for found in map(structs_in, kind.types) if found[0] is not None), (None, ""))
        case mi.DictType():
            return structs_in(kind.value_type)[0], ".NAME"
        case mi.VarTupleType():
            return structs_in(kind.item_type)[0], "[]"
        case mi.StructType():
            return kind, ""
    return None, ""


def row(place: str, field: mi.Field, nested: mi.StructType | None, suffix: str) -> str:
    described = field.type.extra_json_schema if isinstance(field.type, mi.Metadata) else None
    about = (described or {}).get("description", "").replace("|", "\\|")
    if nested is not None:
        about += f" See [`{place}{suffix}`](#{anchor(place + suffix)})."
    return f"| `{place}` | {typed(field.type)} | {default_of(field, nested)} | {about} |"


def anchor(heading: str) -> str:
    """As forges make it from a heading."""
    return re.sub(r"[^a-z0-9_-]", "", heading.lower())


def typed(kind: mi.Type, extra: Mapping[str, Any] | None = None) -> str:
    """A field's type in words."""
    match kind:
        case mi.Metadata():
            return typed(kind.type, {**(kind.extra or {}), **(extra or {})})
        case mi.UnionType():
            return " or ".join(typed(one, extra) for one in kind.types if not isinstance(one, mi.NoneType))
        case mi.DictType():
            return f"names to {'sections' if structs_in(kind.value_type)[0] else typed(kind.value_type)}"
        case mi.VarTupleType():
            return f"list of {'sections' if structs_in(kind.item_type)[0] else typed(kind.item_type)}"
        case mi.StructType():
            return "section"
        case mi.LiteralType():
            return ", ".join(f"`{value}`" for value in kind.values)
        case mi.CustomType():
            positive = ", above 0" if (extra or {}).get("positive") else ""
            return _WRITTEN[kind.cls] + positive
        case mi.BoolType():
            return "true or false"
        case mi.IntType() | mi.FloatType():
            return ("whole number" if isinstance(kind, mi.IntType) else "number") + span(kind)
        case mi.DateTimeType():
            return "moment"
        case mi.DateType():
            return "day"
    return "text"


def span(kind: mi.IntType | mi.FloatType) -> str:
    if kind.ge is not None and kind.ge == kind.le:
        return f" ({kind.ge} only)"
    low = str(kind.ge) if kind.ge is not None else f"above {kind.gt}"
    return f" ({low} or more)" if kind.le is None or kind.le >= _HUGE else f" ({low} to {kind.le:,})"


def default_of(field: mi.Field, nested: mi.StructType | None) -> str:
    if field.required:
        # A provider's type has a default of its own, which is not the schema's: the entry's name.
        return "the entry's name" if field.encode_name == "type" else "**needed**"
    value = field.default_factory() if callable(field.default_factory) else field.default
    if value is None:
        return "absent"
    if isinstance(value, Section):
        return "as below" if nested is not None else ""
    written = msgspec.json.decode(msgspec.json.encode(value, enc_hook=str))
    if isinstance(value, Duration | Size):
        written = str(value)
    if written in ("", [], {}):
        return "empty"
    return f"`{written}`" if isinstance(written, str) else f"`{msgspec.json.encode(written).decode()}`"


def summary(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split())
