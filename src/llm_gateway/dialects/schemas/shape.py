"""Whether keywords have values of the kind that JSON Schema wants, so that everything else here may rely on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from llm_gateway.dialects.schemas.places import below
from llm_gateway.dialects.schemas.refused import Refused

TYPES = ("string", "integer", "number", "boolean", "object", "array", "null")


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _is_schemas(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict | bool) for one in value)


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict | bool)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_type(value: Any) -> bool:
    named = value if isinstance(value, list) else [value]
    return bool(named) and all(isinstance(one, str) and one in TYPES for one in named)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


_KINDS: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "type": _is_type,
        "enum": _is_list,
        "required": _is_names,
        **dict.fromkeys(("properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"), _is_map),
        "dependentRequired": lambda value: isinstance(value, dict) and all(_is_names(names) for names in value.values()),
        **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), _is_schemas),
        **dict.fromkeys(("not", "if", "then", "else", "contains", "propertyNames", "additionalProperties"), _is_schema),
        **dict.fromkeys(("unevaluatedProperties", "unevaluatedItems", "additionalItems"), _is_schema),
        "items": lambda value: _is_schema(value) or _is_schemas(value),
        "$anchor": lambda value: isinstance(value, str),
    }
)


def check(schema: Mapping[str, Any], path: str) -> None:
    """Raises Refused for a keyword at the top of `schema` whose value is none."""
    for word, value in schema.items():
        fits = _KINDS.get(word)
        if fits is not None and not fits(value):
            raise Refused(below(path, word), "this is no value of that keyword")
