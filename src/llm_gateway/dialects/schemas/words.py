"""The keywords of JSON Schema (2020-12 and older drafts), by what becomes of one that a provider does not take.

A *quiet* keyword says nothing to a model. An *annotation* says something and forbids nothing: its text moves into the
description, and nothing is lost. A *constraint* forbids values: its text moves into the description too, and it is named as
dropped, since nobody enforces it any more. *Structure* gives a schema its meaning and cannot be put in words: it is refused.
"""

from __future__ import annotations

from typing import Any

QUIET = frozenset({"$schema", "$id", "$comment", "$anchor", "$vocabulary", "$defs", "definitions", "propertyOrdering"})
ANNOTATIONS = frozenset(
    {
        "title",
        "description",
        "default",
        "examples",
        "example",
        "deprecated",
        "readOnly",
        "writeOnly",
        "nullable",
        "contentEncoding",
        "contentMediaType",
    }
)
CONSTRAINTS = frozenset(
    {
        "enum",
        "const",
        "format",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "contains",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "propertyNames",
        "required",
        "dependentRequired",
        "additionalProperties",
    }
)
STRUCTURE = frozenset(
    {
        "type",
        "properties",
        "items",
        "prefixItems",
        "additionalItems",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "if",
        "then",
        "else",
        "dependencies",
        "dependentSchemas",
        "patternProperties",
        "unevaluatedProperties",
        "unevaluatedItems",
        "$ref",
        "$dynamicRef",
        "$dynamicAnchor",
        "$recursiveRef",
    }
)
MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})
"""Keywords whose value maps names to schemas."""
LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
"""Keywords whose value is a list of schemas."""
SINGLES = frozenset(
    {
        "items",
        "additionalProperties",
        "not",
        "if",
        "then",
        "else",
        "contains",
        "propertyNames",
        "unevaluatedProperties",
        "unevaluatedItems",
    }
)
"""Keywords whose value is a schema."""

_ZERO = frozenset({"minLength", "minItems", "minProperties"})
_EMPTY = frozenset(
    {"required", "patternProperties", "dependentRequired", "dependentSchemas", "dependencies", "allOf", "examples"}
)
_OPEN = frozenset({"additionalProperties", "unevaluatedProperties", "unevaluatedItems", "items", "additionalItems"})


def forbids_nothing(name: str, value: Any) -> bool:
    """Whether leaving the keyword out accepts the same instances, whatever stands beside it."""
    if name in _ZERO:
        return bool(value == 0)
    if name in _EMPTY:
        return not value
    if name in _OPEN:
        return is_open(value)
    if name == "propertyNames":
        return is_open(value) or value == {"type": "string"}
    return name == "uniqueItems" and value is False


def is_open(schema: Any) -> bool:
    """Accepts everything, as far as a look tells."""
    return schema is True or (isinstance(schema, dict) and not (schema.keys() & (CONSTRAINTS | STRUCTURE)))
