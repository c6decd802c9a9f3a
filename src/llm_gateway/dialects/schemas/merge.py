"""Several schemas that all hold, as one: `allOf` without the word. Only where the one accepts exactly the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

from llm_gateway.core.json import encode
from llm_gateway.dialects.schemas.places import below
from llm_gateway.dialects.schemas.refused import Refused
from llm_gateway.dialects.schemas.shape import TYPES
from llm_gateway.dialects.schemas.words import ANNOTATIONS, CONSTRAINTS, QUIET, STRUCTURE, is_open

Schema = dict[str, Any]

_TAKE: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "minLength": max,
        "minItems": max,
        "minProperties": max,
        "minimum": max,
        "exclusiveMinimum": max,
        "maxLength": min,
        "maxItems": min,
        "maxProperties": min,
        "maximum": min,
        "exclusiveMaximum": min,
    }
)


def merge(schemas: Sequence[Schema], path: str) -> Schema:
    """Of schemas without a reference or an `allOf` at their own top. Raises Refused at `path`."""
    for word in ("patternProperties", "unevaluatedProperties", "unevaluatedItems", "if", "then", "else", "$dynamicRef"):
        if any(word in schema for schema in schemas):
            raise Refused(path, f"it combines schemas with {word}")
    out: Schema = {}
    for schema in schemas:
        for word, value in schema.items():
            if word in {"properties", "additionalProperties"}:
                out.setdefault(word, None)  # its place; the value is worked out below
            elif word not in out:
                out[word] = value
            elif word not in QUIET and word not in ANNOTATIONS:
                out[word] = _both(word, out[word], value, path)
    _add_properties(out, schemas, path)
    return out


def types_of(schema: Schema) -> frozenset[str]:
    """The types it names; all of them if it names none."""
    named = schema.get("type", TYPES)
    found = frozenset([named] if isinstance(named, str) else named if isinstance(named, list | tuple) else ())
    return found | {"integer"} if "number" in found else found


def written(types: frozenset[str]) -> str | list[str]:
    """Such a set as `type` has it."""
    shown = [name for name in TYPES if name in types and not (name == "integer" and "number" in types)]
    return shown[0] if len(shown) == 1 else shown


def same(first: Any, second: Any) -> bool:
    """Whether two JSON values are written alike: true is no 1."""
    return encode(first) == encode(second)


def key_of(value: Any) -> bytes:
    """The same for values that JSON Schema holds for equal: 1 and 1.0 are one number."""
    return encode(int(value) if isinstance(value, float) and value.is_integer() else value)


def _both(word: str, first: Any, second: Any, path: str) -> Any:
    if same(first, second):
        return first
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (first, second))
    if word in _TAKE and numbers:
        return _TAKE[word](first, second)
    if word == "type":
        return _both_types(first, second, path)
    if word == "required" and isinstance(first, list) and isinstance(second, list):
        return [*first, *(name for name in second if name not in first)]
    if word == "enum" and isinstance(first, list) and isinstance(second, list):
        known = {key_of(value) for value in second}
        shared = [value for value in first if key_of(value) in known]
        if shared:
            return shared
    if word == "uniqueItems":
        return first is True or second is True
    if word == "items" and isinstance(first, dict | bool) and isinstance(second, dict | bool):
        return conjunction([first, second])
    if word == "propertyNames":
        return conjunction([first, second])
    if word not in STRUCTURE and word not in CONSTRAINTS:
        return first
    raise Refused(path, f"it combines different values of {word}")


def _both_types(first: Any, second: Any, path: str) -> Any:
    shared = types_of({"type": first}) & types_of({"type": second})
    if not shared:
        raise Refused(path, "it combines different values of type")
    return written(shared)


def _add_properties(out: Schema, schemas: Sequence[Schema], path: str) -> None:
    """A closed schema forbids the properties that only its neighbours name."""
    if "properties" not in out and "additionalProperties" not in out:
        return
    names = dict.fromkeys(name for schema in schemas for name in _properties(schema))
    others = conjunction([schema["additionalProperties"] for schema in schemas if "additionalProperties" in schema])
    shown: Schema = {}
    for name in names:
        holds = conjunction([_of_property(schema, name) for schema in schemas])
        if holds is False and name in out.get("required", ()):
            raise Refused(below(path, "properties", name), "it is required and forbidden")
        if holds is not False or others is not False:
            shown[name] = holds
    values = {"properties": shown, "additionalProperties": others}
    for word, value in values.items():
        if word in out:
            out[word] = value


def _properties(schema: Schema) -> Schema:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _of_property(schema: Schema, name: str) -> Any:
    named = _properties(schema)
    return named[name] if name in named else schema.get("additionalProperties", True)


def conjunction(schemas: Sequence[Any]) -> Any:
    """All of `schemas`, in the fewest words."""
    if any(schema is False for schema in schemas):
        return False
    telling = list({encode(schema): schema for schema in schemas if schema is not True}.values())
    bare = [schema for schema in telling if not is_open(schema)] or telling[:1]
    if not bare:
        return True
    return bare[0] if len(bare) == 1 else {"allOf": bare}
