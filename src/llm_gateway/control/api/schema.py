"""Types as JSON Schema (draft 2020-12), for the OpenAPI document: structs of the API and sections of the configuration alike."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect as mi

from llm_gateway.config.schema.base import Section
from llm_gateway.config.values import Money, Secret
from llm_gateway.control.api.route import Many, Patched, Together

Schema = dict[str, Any]
PREFIX = "#/components/schemas/"
_LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}.items()
_LENGTHS = {"min_length": "minLength", "max_length": "maxLength", "pattern": "pattern"}.items()
_SIZES = {"min_length": "minItems", "max_length": "maxItems"}.items()


class Schemas:
    """Collects what is named; `of` gives what stands in its place."""

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}

    def body(self, kind: Any) -> Schema:
        """Of a route's body."""
        if kind is dict:
            return {"type": "object"}
        if isinstance(kind, Patched):
            return self._patch(kind.of)
        return self.of(kind)

    def answer(self, kind: Any) -> Schema:
        """Of a route's answer."""
        if isinstance(kind, Many):
            return {
                "type": "object",
                "properties": {
                    "data": {"type": "array", "items": self.answer(kind.of)},
                    "has_more": {"type": "boolean"},
                    "next_cursor": {"type": ["string", "null"]},
                    "previous_cursor": {"type": ["string", "null"]},
                    "total": {"type": "integer"},
                    "limit": {"type": "integer"},
                    "offset": {"type": "integer"},
                },
                "required": ["data", "has_more"],
            }
        if isinstance(kind, Together):
            return self._together(kind)
        return self.of(kind)

    def of(self, kind: Any) -> Schema:
        """Of a type."""
        return self._of(mi.type_info(kind))

    def _together(self, kind: Together) -> Schema:
        if kind.name not in self.named:
            whole: Schema = {"type": "object", "properties": {}, "required": []}
            self.named[kind.name] = whole
            for part in kind.parts:
                info = mi.type_info(part)
                assert isinstance(info, mi.StructType)  # noqa: S101 - parts are structs
                made = self._struct(info)
                whole["properties"] |= made["properties"]
                whole["required"] += made.get("required", [])
        return {"$ref": PREFIX + kind.name}

    def _patch(self, kind: type[msgspec.Struct]) -> Schema:
        """Everything may be left out, and null puts it back to its default."""
        name = f"{kind.__name__}Patch"
        if name not in self.named:
            self.named[name] = {}
            info = mi.type_info(kind)
            assert isinstance(info, mi.StructType)  # noqa: S101 - of a struct
            made = self._struct(info)
            properties = {key: {"anyOf": [value, {"type": "null"}]} for key, value in made["properties"].items()}
            self.named[name] = {**made, "properties": properties, "required": []}
        return {"$ref": PREFIX + name}

    def _struct(self, kind: mi.StructType) -> Schema:
        properties = {field.encode_name: self._field(field) for field in kind.fields}
        required = [field.encode_name for field in kind.fields if field.required]
        made: Schema = {"type": "object", "properties": properties}
        if kind.forbid_unknown_fields:
            made["additionalProperties"] = False
        if required:
            made["required"] = required
        summary = (kind.cls.__doc__ or "").strip().partition("\n\n")[0].replace("\n    ", " ")
        return {**made, "description": summary} if summary else made

    def _field(self, field: mi.Field) -> Schema:
        made = self._of(field.type)
        default = field.default
        if field.required or default is None or not isinstance(default, bool | int | float | str):
            return made
        return {**made, "default": msgspec.to_builtins(default, enc_hook=str)}

    def _of(self, kind: mi.Type) -> Schema:
        match kind:
            case mi.Metadata():
                extra = kind.extra_json_schema or {}
                return {
                    **self._of(kind.type),
                    **{key: value for key, value in extra.items() if key in ("description", "examples")},
                }
            case mi.UnionType():
                parts = [self._of(one) for one in kind.types]
                return {"anyOf": [inner for part in parts for inner in part.get("anyOf", [part])]}
            case mi.StructType():
                return self._reference(kind)
            case mi.DictType():
                return {"type": "object", "additionalProperties": self._of(kind.value_type)}
            case mi.VarTupleType() | mi.ListType() | mi.SetType() | mi.FrozenSetType():
                sizes = {word: value for name, word in _SIZES if (value := getattr(kind, name)) is not None}
                return {"type": "array", "items": self._of(kind.item_type), **sizes}
            case mi.CustomType():
                return _custom(kind.cls)
        return _scalar(kind)

    def _reference(self, kind: mi.StructType) -> Schema:
        name = kind.cls.__name__
        if name not in self.named:
            self.named[name] = {}  # holds the place while its fields are written
            self.named[name] = self._struct(kind)
        whole: Schema = {"$ref": PREFIX + name}
        if issubclass(kind.cls, Section) and kind.cls.short:
            return {"anyOf": [{"type": "string", "minLength": 1}, whole]}
        return whole


def _scalar(kind: mi.Type) -> Schema:
    match kind:
        case mi.StrType():
            return {"type": "string", **_said(kind, _LENGTHS)}
        case mi.IntType():
            return {"type": "integer", **_said(kind, _LIMITS)}
        case mi.FloatType():
            return {"type": "number", **_said(kind, _LIMITS)}
        case mi.BoolType():
            return {"type": "boolean"}
        case mi.LiteralType():
            return {"enum": list(kind.values)}
        case mi.DateTimeType() | mi.DateType():
            return {"type": "string", "format": "date-time" if isinstance(kind, mi.DateTimeType) else "date"}
        case mi.NoneType():
            return {"type": "null"}
        case mi.AnyType() | mi.RawType():
            return {}
    raise TypeError(f"the document has a field of a kind that is not written: {kind}")


def _custom(cls: Any) -> Schema:
    if cls is Secret:
        return {"type": "string", "minLength": 1, "writeOnly": True}
    if hasattr(cls, "schema"):
        return dict(cls.schema())
    text: Schema = {"type": "string", "pattern": cls.pattern} if cls.pattern else {"type": "string", "minLength": 1}
    if cls is Money:
        return {"anyOf": [text, {"type": "number", "minimum": 0, "maximum": 999_999}]}
    return text


def _said(kind: object, names: Any) -> Schema:
    return {word: value for name, word in names if (value := getattr(kind, name)) is not None}
