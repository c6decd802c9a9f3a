"""A quick look at whether a schema is already as a provider takes it, as most are. It may say no to one that is (a very large
one, whose size is then the rewriting's matter), never yes to one that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from llm_gateway.dialects.schemas.budget import MAX_NODES
from llm_gateway.dialects.schemas.rules import Rules
from llm_gateway.dialects.schemas.shape import TYPES

_DEEPEST = 32
_PLAIN = frozenset({"title", "description", "default", "minimum", "maximum", "maxItems", "multipleOf", "propertyOrdering"})
"""What a provider takes whatever its value, if it takes it at all."""


class _Look:
    """One of them."""

    __slots__ = ("left", "rules")

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.left = MAX_NODES


def suits(schema: dict[str, Any], rules: Rules) -> bool:
    """For rules with `keywords`."""
    if rules.top_object and (schema.get("type") != "object" or "anyOf" in schema):
        return False
    if rules.top is not None and not schema.keys() <= rules.top:
        return False
    return _suits(schema, _Look(rules), 0)


def _suits(schema: Any, look: _Look, depth: int) -> bool:
    look.left -= 1
    rules = look.rules
    if not isinstance(schema, dict) or depth > _DEEPEST or look.left < 0 or not schema.keys() <= (rules.keywords or frozenset()):
        return False
    for word, value in schema.items():
        if word not in _PLAIN:
            fits = _FITS.get(word)
            if fits is None or not fits(value, look, depth + 1):
                return False
    return not rules.closed or _is_closed(schema, rules)


def _type(value: Any, _look: _Look, _depth: int) -> bool:
    if value.__class__ is str:
        return value in TYPES
    return isinstance(value, list) and len(value) == 2 and "null" in value and all(_type(one, _look, 0) for one in value)


def _texts(value: Any, _look: _Look, _depth: int) -> bool:
    """Of names, and of an enum; of an enum of others nothing is said here."""
    return isinstance(value, list) and all(one.__class__ is str for one in value)


def _properties(value: Any, look: _Look, depth: int) -> bool:
    return isinstance(value, dict) and all(_suits(inner, look, depth) for inner in value.values())


def _alternatives(value: Any, look: _Look, depth: int) -> bool:
    return isinstance(value, list) and all(_suits(inner, look, depth) for inner in value)


def _others(value: Any, look: _Look, _depth: int) -> bool:
    return value is False or (value is True and not look.rules.closed)


_FITS: Mapping[str, Callable[[Any, _Look, int], bool]] = MappingProxyType(
    {
        "type": _type,
        "enum": _texts,
        "required": _texts,
        "properties": _properties,
        "items": _suits,
        "anyOf": _alternatives,
        "additionalProperties": _others,
    }
)


def _is_closed(schema: dict[str, Any], rules: Rules) -> bool:
    properties = schema.get("properties")
    if properties is None:
        return schema.get("type") != "object"
    if schema.get("additionalProperties") is not False:
        return False
    return not rules.all_required or properties.keys() <= set(schema.get("required", ()))
