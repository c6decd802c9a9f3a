"""The JSON Schema (draft 2020-12) of the whole configuration, for editors: completion, descriptions, red underlines.

It is a little wider than the loader: wherever a value is not text, a text with `${...}` is allowed as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec import inspect as mi

from llm_gateway.config.bind import ProviderTypes, struct_info
from llm_gateway.config.schema import Options, Provider, Section, Sections
from llm_gateway.config.schema.base import NAME
from llm_gateway.config.values import Duration, Money, Size, Workers

Schema = dict[str, Any]

_INTERPOLATED: Schema = {"$ref": "#/$defs/Interpolated"}
_LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LENGTHS = {"min_length": "minLength", "max_length": "maxLength", "pattern": "pattern"}


def schema(provider_types: ProviderTypes) -> Schema:
    """The schema, with the types of providers there are and the keys that each of them knows."""
    writer = _Writer(provider_types)
    root = writer.struct(struct_info(Sections))
    writer.defs["Interpolated"] = {
        "type": "string",
        "pattern": r"\$\{[^{}]+\}",
        "description": "Filled in when the file is read.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "llm-gateway configuration",
        **root,
        "$defs": dict(sorted(writer.defs.items())),
    }


class _Writer:
    def __init__(self, provider_types: ProviderTypes) -> None:
        self.defs: dict[str, Schema] = {}
        self._types = provider_types

    def struct(self, kind: mi.StructType) -> Schema:
        """A mapping with exactly these keys."""
        properties = {f.encode_name: self._field(f) for f in kind.fields if f.encode_name != "options"}
        required = [f.encode_name for f in kind.fields if f.required]
        result: Schema = {"type": "object", "description": _summary(kind.cls), "additionalProperties": False}
        if kind.cls is Provider:
            self._provider(properties, result)
            required = []
        result["properties"] = properties
        return {**result, "required": required} if required else result

    def _provider(self, properties: dict[str, Schema], result: Schema) -> None:
        """The keys of all types side by side; naming a type that does not know one of them refuses it."""
        options = {field.encode_name: self._field(field) for field in struct_info(Options).fields}
        known = {key for keys in self._types.values() for key in keys}
        properties.update({key: value for key, value in options.items() if key in known})
        # Those that are built in are offered; provider_types may add any other, which only the loader can check.
        others = {"type": "string", "pattern": f"^{NAME.pattern}$"}
        properties["type"] = {**properties["type"], "anyOf": [{"enum": sorted(self._types)}, others]}
        result["allOf"] = [
            {
                "if": {"required": ["type"], "properties": {"type": {"const": name}}},
                "then": {"properties": dict.fromkeys(sorted(known.difference(keys)), False)},
            }
            for name, keys in sorted(self._types.items())
            if known.difference(keys)
        ]

    def _field(self, field: mi.Field) -> Schema:
        result = self._of(field.type)
        if field.required:
            return result
        default = field.default_factory() if callable(field.default_factory) else field.default
        if isinstance(default, Section):  # its own fields say their defaults
            return {**result, "anyOf": [*result["anyOf"], {"const": False}]} if "anyOf" in result else result
        return {**result, "default": msgspec.json.decode(msgspec.json.encode(default, enc_hook=str))}

    def _of(self, kind: mi.Type) -> Schema:
        match kind:
            case mi.Metadata():
                return {**self._of(kind.type), **_described(kind)}
            case mi.UnionType():
                inner = [self._of(one) for one in kind.types]
                return {"anyOf": [part for one in inner for part in one.get("anyOf", [one])]}
            case mi.StructType():
                return self._reference(kind)
            case mi.DictType():
                return {"type": "object", "additionalProperties": self._of(kind.value_type)}
            case mi.VarTupleType():
                shortest = {"minItems": kind.min_length} if kind.min_length else {}
                return {"type": "array", "items": self._of(kind.item_type), **shortest}
            case mi.CustomType():
                return _custom(kind.cls)
        return _scalar(kind)

    def _reference(self, kind: mi.StructType) -> Schema:
        name = kind.cls.__name__
        if name not in self.defs:
            self.defs[name] = {}  # holds the place while its fields are written
            self.defs[name] = self.struct(kind)
        whole = {"$ref": f"#/$defs/{name}"}
        cls = cast("type[Section]", kind.cls)
        if not cls.short:
            return whole
        return {"anyOf": [{"type": "string", "minLength": 3, "description": f"Short form: {cls.short_text}."}, whole]}


def _scalar(kind: mi.Type) -> Schema:
    match kind:
        case mi.StrType():
            return {"type": "string", **_limits(kind, _LENGTHS)}
        case mi.IntType():
            return {"anyOf": [{"type": "integer", **_limits(kind, _LIMITS)}, _INTERPOLATED]}
        case mi.FloatType():
            return {"anyOf": [{"type": "number", **_limits(kind, _LIMITS)}, _INTERPOLATED]}
        case mi.BoolType():
            return {"anyOf": [{"type": "boolean"}, _INTERPOLATED]}
        case mi.LiteralType():
            return {"anyOf": [{"enum": list(kind.values)}, _INTERPOLATED]}
        case mi.DateTimeType() | mi.DateType():
            form = "date-time" if isinstance(kind, mi.DateTimeType) else "date"
            return {"anyOf": [{"type": "string", "format": form}, _INTERPOLATED]}
        case mi.NoneType():
            return {"type": "null"}
    raise TypeError(f"the schema has a field of a kind that is not written: {kind}")


def _custom(cls: Any) -> Schema:
    if hasattr(cls, "schema"):
        return cast("Schema", cls.schema())
    text: Schema = {"type": "string", "pattern": cls.pattern} if cls.pattern else {"type": "string", "minLength": 1}
    number: list[Schema] = []
    if cls is Size:
        number = [{"type": "integer", "minimum": 0}]
    elif cls is Money:
        number = [{"type": "number", "minimum": 0}]
    elif cls is Workers:
        number = [{"type": "integer", "minimum": 1}]
    elif cls is Duration:
        number = [{"const": 0}]
    return {"anyOf": [text, *number, _INTERPOLATED]} if cls.pattern else text


def _limits(kind: object, names: Mapping[str, str]) -> Schema:
    return {word: value for name, word in names.items() if (value := getattr(kind, name)) is not None}


def _described(kind: mi.Metadata) -> Schema:
    return {key: value for key, value in (kind.extra_json_schema or {}).items() if key == "description"}


def _summary(cls: type) -> str:
    return (cls.__doc__ or "").strip().split("\n\n", maxsplit=1)[0].replace("\n    ", " ")
