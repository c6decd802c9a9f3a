"""Schemas of every kind that callers write, references and nonsense included."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 3, 1.5, -1, "", "a", "bb", "ccc", "2024-01-01"])
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "object", "array", "null"])
DEFINED = ("A", "B")


def schemas() -> st.SearchStrategy[Any]:
    """Schemas of every kind that callers write, references and nonsense included."""
    return st.recursive(LEAVES, _around, max_leaves=5)


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(NAMES, inner, max_size=3)
    required = st.lists(NAMES, unique=True, max_size=2)
    some = st.lists(inner, min_size=1, max_size=3)
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": properties},
        optional={"required": required, "additionalProperties": st.booleans() | inner, "description": st.just("an object")},
    )
    tagged = st.lists(st.sampled_from(["a", "b", 1]), min_size=2, max_size=3, unique=True).map(
        lambda tags: {
            "oneOf": [{"type": "object", "properties": {"a": {"const": tag}}, "required": ["a"]} for tag in tags],
        }
    )
    words = {
        "properties": properties,
        "required": required,
        "items": inner | st.booleans(),
        "prefixItems": some,
        "anyOf": some,
        "oneOf": some,
        "allOf": some | st.lists(objects, min_size=1, max_size=2),
        "not": inner,
        "additionalProperties": st.booleans() | inner,
        "unevaluatedProperties": st.booleans(),
        "propertyNames": st.just({"type": "string"}) | inner,
        "dependentRequired": st.dictionaries(NAMES, required, max_size=1),
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(SCALARS, min_size=1, max_size=3),
        "const": SCALARS,
        "minimum": st.integers(0, 2),
        "exclusiveMinimum": st.integers(0, 2),
        "maxLength": st.integers(0, 2),
        "default": SCALARS,
    }
    chosen = st.lists(st.sampled_from(sorted(words)), min_size=1, max_size=3, unique=True)
    mixed = chosen.flatmap(lambda names: st.fixed_dictionaries({name: words[name] for name in names}))
    return objects | st.fixed_dictionaries({"type": st.just("array"), "items": inner}) | mixed | mixed | tagged


LEAVES = st.one_of(
    st.sampled_from(
        [
            {},
            True,
            False,
            {"type": "string"},
            {"type": "string"},
            {"type": "string", "minLength": 2, "description": "two at least"},
            {"type": "string", "pattern": "^b", "format": "date"},
            {"type": "integer", "minimum": 1},
            {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 3},
            {"type": "number", "multipleOf": 1.5, "default": 3},
            {"type": ["string", "null"], "maxLength": 1},
            {"type": ["integer", "string", "object"]},
            {"type": "boolean"},
            {"type": "null"},
            {"type": "array", "minItems": 1, "maxItems": 2, "uniqueItems": True},
            {"$ref": "#/$defs/A"},
            {"$ref": "#/$defs/B", "description": "beside"},
            {"$ref": "#/$defs/B", "maxLength": 2},
            {"minLength": 0, "title": "nothing"},
        ]
    ),
    SCALARS.map(lambda value: {"const": value}),
    st.lists(SCALARS, min_size=1, max_size=4).map(lambda values: {"enum": values}),
    st.tuples(TYPES, st.lists(SCALARS, min_size=1, max_size=4)).map(lambda both: {"type": both[0], "enum": both[1]}),
)
DOCUMENTS = st.tuples(schemas(), schemas(), schemas()).map(
    lambda three: {**(three[0] if isinstance(three[0], dict) else {}), "$defs": dict(zip(DEFINED, three[1:], strict=True))}
)
OBJECTS = st.tuples(
    st.fixed_dictionaries({"type": st.just("object"), "properties": st.dictionaries(NAMES, schemas(), min_size=1)}), DOCUMENTS
).map(lambda both: {**both[0], "$defs": both[1]["$defs"]})
