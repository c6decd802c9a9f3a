"""The outermost schema of a tool, which many providers want to be a plain object."""

from __future__ import annotations

from typing import Any

from llm_gateway.dialects.schemas.flatten import At, Flattener
from llm_gateway.dialects.schemas.merge import Schema, types_of
from llm_gateway.dialects.schemas.places import below
from llm_gateway.dialects.schemas.refused import Refused
from llm_gateway.dialects.schemas.tell import Told

_UNIONS = ("anyOf", "oneOf")


def object_at_top(schema: Schema, flattener: Flattener, dropped: list[str]) -> Schema:
    """`schema` with `type: object` and without a reference or union beside it. A tool's arguments are an object in any case, so
    saying it takes nothing away. Raises Refused.
    """
    definitions = {word: schema[word] for word in ("$defs", "definitions") if word in schema}
    out: Schema
    out, at = flattener.expanded(schema, At(""))
    if "allOf" in out:
        parts: list[Schema] = []
        flattener.collect(out, at, parts)
        out = flattener.merged(parts, "allOf")
    for word in _UNIONS:
        if word in out:
            out = _without_union(out, word, flattener, dropped)
    if "object" not in types_of(out):
        raise Refused("type", "it must be object")
    if out.get("type") != "object":
        out = {"type": "object", **{word: value for word, value in out.items() if word != "type"}}
    return out | definitions


def _without_union(schema: Schema, word: str, flattener: Flattener, dropped: list[str]) -> Schema:
    """One alternative is none. Alternatives that only say what is required are a constraint, which words can say."""
    given: Any = schema[word]
    rest = {name: value for name, value in schema.items() if name != word}
    if isinstance(given, list) and given and all(isinstance(one, dict) and one.keys() <= {"required"} for one in given):
        told = Told()
        told.add(word, given)
        dropped.append(below("", word))
        return rest | {"description": told.over(rest.get("description"))}
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], dict) and "$ref" not in given[0]:
        return flattener.merged([rest, given[0]], word)
    raise Refused(word, "the provider takes no alternatives at the top of a schema")
