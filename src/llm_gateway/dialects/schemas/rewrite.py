"""The same schema in other words: what a provider does not take, said by keywords that it does take. Nothing is lost here."""

from __future__ import annotations

from types import MappingProxyType

from llm_gateway.dialects.schemas.merge import Schema, key_of, types_of
from llm_gateway.dialects.schemas.places import below
from llm_gateway.dialects.schemas.refused import Refused
from llm_gateway.dialects.schemas.rules import Rules
from llm_gateway.dialects.schemas.unions import type_of
from llm_gateway.dialects.schemas.words import is_open

_INTO_BRANCHES = frozenset({"anyOf", "oneOf", "allOf", "if", "not", "$ref", "dependentSchemas", "patternProperties"})
"""Keywords whose schemas may look at properties and items too, so that these are no longer unevaluated."""


_WAS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "anyOf": ("oneOf",),
        "enum": ("const",),
        "prefixItems": ("items",),
        "items": ("additionalItems", "unevaluatedItems"),
        "additionalProperties": ("unevaluatedProperties",),
        "dependentRequired": ("dependencies",),
        "minimum": ("exclusiveMinimum",),
        "maximum": ("exclusiveMaximum",),
    }
)
"""What a keyword may have been before it was rewritten."""


_REWRITTEN = frozenset(word for words in _WAS.values() for word in words) - {"items"}


def origin(word: str, schema: Schema) -> str:
    """The keyword of `schema`, as it was given, that `word` came from; "": from several, or none."""
    if word in schema and not (word == "items" and isinstance(schema[word], list)):
        return word
    found = next((was for was in _WAS.get(word, ()) if was in schema), "")
    return found or ("" if word == "anyOf" else word)


def rewritten(schema: Schema, rules: Rules, path: str) -> Schema:
    """Raises Refused."""
    if schema.keys().isdisjoint(_REWRITTEN) and not isinstance(schema.get("items"), list):
        return schema
    keywords = rules.keywords or frozenset()
    out = _of_older_drafts(schema, path)
    out = _evaluated(out, keywords)
    if "const" in out and "const" not in keywords:
        out = _without_const(out, path)
    if types_of(out) == {"integer"}:
        out = _inclusive(out, keywords)
    return out


def _of_older_drafts(schema: Schema, path: str) -> Schema:
    """Tuples and dependencies as they are written since 2019."""
    if isinstance(schema.get("items"), list):
        schema = {("prefixItems" if word == "items" else word): value for word, value in schema.items()}
        if "additionalItems" in schema:
            schema["items"] = schema.pop("additionalItems")
    elif "additionalItems" in schema:
        schema = _without(schema, "additionalItems")  # it says nothing beside one schema for all items
    dependencies = schema.get("dependencies")
    if isinstance(dependencies, dict) and dependencies:
        if not all(isinstance(names, list) for names in dependencies.values()) or "dependentRequired" in schema:
            raise Refused(below(path, "dependencies"), "it depends on another property")
        schema = {("dependentRequired" if word == "dependencies" else word): value for word, value in schema.items()}
    return schema


def _evaluated(schema: Schema, keywords: frozenset[str]) -> Schema:
    """Where no other keyword looks at properties, the unevaluated ones are the additional ones (and items likewise)."""
    looked = any(word in schema for word in _INTO_BRANCHES)
    for word, plain in (("unevaluatedProperties", "additionalProperties"), ("unevaluatedItems", "items")):
        if word not in schema or word in keywords:
            continue
        if plain in schema:  # then nothing is unevaluated
            schema = _without(schema, word)
        elif not looked and not (word == "unevaluatedItems" and "contains" in schema):
            schema = {(plain if name == word else name): value for name, value in schema.items()}
    return schema


def _without_const(schema: Schema, path: str) -> Schema:
    value = schema["const"]
    allowed = schema.get("enum")
    if isinstance(allowed, list) and not any(key_of(value) == key_of(other) for other in allowed):
        raise Refused(below(path, "const"), "it accepts nothing")
    schema = {("enum" if word == "const" else word): given for word, given in schema.items() if word != "enum"}
    return schema | {"enum": [value]}


def _inclusive(schema: Schema, keywords: frozenset[str]) -> Schema:
    """Of whole numbers only: more than 3 is 4 or more."""
    for word, plain, step, take in (("exclusiveMinimum", "minimum", 1, max), ("exclusiveMaximum", "maximum", -1, min)):
        bound = schema.get(word)
        if word in keywords or plain not in keywords or type(bound) is not int:
            continue
        other = schema.get(plain)
        if other is not None and type(other) is not int:
            continue
        nearest = bound + step
        schema = {(plain if name == word else name): given for name, given in schema.items() if name != plain}
        schema[plain] = nearest if other is None else take(nearest, other)
    return schema


def types_to_split(schema: Schema, rules: Rules) -> list[str] | None:
    """The types that have to stand apart, because the provider takes no such list of types or of values; None: none."""
    given = schema.get("type")
    values = schema.get("enum")
    if isinstance(values, list) and rules.enums is not None:
        wanted = types_of(schema)
        whole = "number" if "number" in wanted else "integer"
        kinds = dict.fromkeys(whole if (kind := type_of(value)) == "integer" else kind for value in values)
        fitting = [kind for kind in kinds if kind in wanted]
        if fitting and not all(("number" if kind == "integer" else kind) in rules.enums for kind in fitting):
            return fitting
    if isinstance(given, list) and rules.type_lists == "nullable" and not (len(given) == 2 and "null" in given):
        return [kind for kind in given if isinstance(kind, str)]
    return None


def is_free_form(schema: Schema) -> bool:
    """An object whose properties nobody names."""
    return not isinstance(schema.get("properties"), dict)


def is_closed(schema: Schema) -> bool:
    return schema.get("additionalProperties") is False


def opens(schema: Schema) -> bool:
    """Says that there may be other properties."""
    return "additionalProperties" in schema and (
        is_open(schema["additionalProperties"]) or isinstance(schema["additionalProperties"], dict)
    )


def _without(schema: Schema, word: str) -> Schema:
    return {name: value for name, value in schema.items() if name != word}
