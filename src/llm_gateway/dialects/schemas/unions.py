"""Unions: where "exactly one" means the same as "any", and types and values that a provider wants apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import Any

from llm_gateway.dialects.schemas.merge import Schema, key_of, types_of

MOST_BRANCHES = 64
"""Of a oneOf whose branches are compared with each other."""
_OF_TYPE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "string": frozenset({"minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"}),
        "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
        "array": frozenset(
            {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains"}
        ),
        "object": frozenset(
            {
                "properties",
                "required",
                "additionalProperties",
                "minProperties",
                "maxProperties",
                "propertyNames",
                "dependentRequired",
            }
        ),
    }
)
Resolve = Callable[[Any], Any]
"""A schema to the one that its reference means."""


def type_of(value: Any) -> str:
    """The JSON type of `value`; whole numbers are integers however they are written."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) or value.is_integer() else "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def are_disjoint(branches: Sequence[Any], resolve: Resolve) -> bool:
    """Whether no instance can be of two of them, as far as types, values and tags tell."""
    if len(branches) > MOST_BRANCHES:
        return False
    shown = [_Branch(resolve(branch), resolve) for branch in branches]
    return all(first.apart(second) for first, second in combinations(shown, 2))


class _Branch:
    """What tells one alternative from the others."""

    __slots__ = ("_nothing", "_tags", "_types", "_values")

    def __init__(self, schema: Any, resolve: Resolve) -> None:
        self._nothing = schema is False
        named = schema if isinstance(schema, dict) else {}
        self._types = types_of(named)
        self._values = _values(named)
        properties, required = named.get("properties"), named.get("required")
        self._tags: dict[str, frozenset[bytes]] = {}
        """The values of required properties."""
        if isinstance(properties, dict) and isinstance(required, list):
            for name in required:
                values = _values(resolve(properties.get(name))) if isinstance(name, str) else None
                if values is not None:
                    self._tags[name] = values

    def apart(self, other: _Branch) -> bool:
        shared = self._types & other._types
        if self._nothing or other._nothing or not shared:
            return True
        if self._values is not None and other._values is not None and self._values.isdisjoint(other._values):
            return True
        tags = ((values, other._tags.get(name)) for name, values in self._tags.items())
        return shared == {"object"} and any(values.isdisjoint(against) for values, against in tags if against is not None)


def _values(schema: Any) -> frozenset[bytes] | None:
    """At most these are accepted; None: it does not say."""
    if not isinstance(schema, dict):
        return None
    if "const" in schema:
        return frozenset([key_of(schema["const"])])
    found = schema.get("enum")
    return frozenset(key_of(value) for value in found) if isinstance(found, list) else None


def by_type(schema: Schema, types: Sequence[str]) -> Iterator[Schema]:
    """`schema` once for each of `types`, with the keywords and values that say something about it."""
    every = frozenset().union(*_OF_TYPE.values())
    for name in types:
        own = keywords_of(name)
        out: Schema = {"type": name}
        out |= {word: value for word, value in schema.items() if word != "type" and (word not in every or word in own)}
        if isinstance(schema.get("enum"), list):
            out["enum"] = [value for value in schema["enum"] if fits(value, name)]
            if not out["enum"]:
                continue
            if name == "null" or (name == "boolean" and len(set(out["enum"])) == 2):
                del out["enum"]
        yield out


def keywords_of(kind: str) -> frozenset[str]:
    """The keywords that say something about the type `kind`, and about no other."""
    return _OF_TYPE.get("number" if kind == "integer" else kind, frozenset())


def is_idle(word: str, types: frozenset[str]) -> bool:
    """Whether `word` says nothing about any of `types`."""
    return any(word in words for words in _OF_TYPE.values()) and not any(word in keywords_of(kind) for kind in types)


def fits(value: Any, kind: str) -> bool:
    """Whether `value` is of the type `kind`."""
    found = type_of(value)
    return found == kind or (kind == "number" and found == "integer")
