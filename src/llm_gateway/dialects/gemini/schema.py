"""Google's Schema (a subset of OpenAPI 3.0, https://ai.google.dev/api/caching#Schema) as JSON Schema, which everyone takes.

Types lose their capitals, `nullable` becomes the type "null", counts that are written as strings become numbers, snake_case names
become camelCase. What JSON Schema does not know stays: it is no constraint there.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.gemini.tidy import camel
from llm_gateway.dialects.invalid import refuse

MAX_DEPTH = 64

_TYPES = ("", "string", "number", "integer", "boolean", "array", "object", "null")
_UNSPECIFIED = "type_unspecified"
_COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})


def to_json_schema(schema: Raw, path: str) -> Raw:
    """`schema` at `path` of the request. Raises InvalidRequest for what is no object, or nested too deeply."""
    try:
        document = decode(bytes(schema), dict[str, Any])
    except msgspec.ValidationError:
        raise refuse(path, "it must be an object") from None
    shown = _convert(document, path, 0)
    return schema if shown == document else Raw(encode(shown))


def _convert(schema: Any, path: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise refuse(path, f"it is nested more than {MAX_DEPTH} levels deep")
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {}
    for given, value in schema.items():
        name = camel(given)
        if name == "properties" and isinstance(value, dict):
            out[name] = {key: _convert(inner, path, depth + 1) for key, inner in value.items()}
        elif name in {"items", "additionalProperties"}:
            out[name] = _convert(value, path, depth + 1)
        elif name in {"anyOf", "prefixItems"} and isinstance(value, list):
            out[name] = [_convert(inner, path, depth + 1) for inner in value]
        elif name in _COUNTS and isinstance(value, str) and value.isdecimal() and len(value) < 19:
            out[name] = int(value)
        elif name == "type":
            _add_type(out, value)
        elif name != "nullable":
            out[name] = value
    if schema.get("nullable") is True:
        _allow_null(out)
    return out


def _add_type(out: dict[str, Any], value: Any) -> None:
    if isinstance(value, str) and value.lower() != _UNSPECIFIED:
        out["type"] = value.lower()
    elif isinstance(value, int) and 0 < value < len(_TYPES):
        out["type"] = _TYPES[value]
    elif isinstance(value, list):
        out["type"] = value


def _allow_null(out: dict[str, Any]) -> None:
    if isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
    elif isinstance(out.get("anyOf"), list):
        out["anyOf"] = [*out["anyOf"], {"type": "null"}]
    if isinstance(out.get("enum"), list) and None not in out["enum"]:
        out["enum"] = [*out["enum"], None]
