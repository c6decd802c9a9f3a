"""Schemas adapted to providers mean what they meant: `jsonschema` is the judge."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dialects.schemas.instances import like
from llm_gateway.dialects.schemas import rules
from llm_gateway.dialects.schemas.adapt import MAX_DEPTH, MAX_NODES, adapt
from llm_gateway.dialects.schemas.refused import Refused

ALL = {name: rule for name, rule in vars(rules).items() if isinstance(rule, rules.Rules)}
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
OBJECTS = st.tuples(st.fixed_dictionaries({"type": st.just("object"), "properties": st.dictionaries(NAMES, schemas(), min_size=1)}), DOCUMENTS).map(
    lambda both: {**both[0], "$defs": both[1]["$defs"]}
)
def accepts(schema: Any, instance: Any) -> bool | None:
    """None: it refers to itself at once, which has no meaning."""
    try:
        return Draft202012Validator(schema).is_valid(instance)
    except RecursionError:
        return None


@pytest.mark.parametrize("name", sorted(ALL))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=DOCUMENTS | OBJECTS, seed=st.integers(0, 1 << 32))
def test_meaning_is_kept(name: str, document: dict[str, Any], seed: int) -> None:
    """What nothing was dropped of accepts the same instances; what was dropped of accepts no fewer (closed objects: no more)."""
    check_meaning(ALL[name], document, Random(seed))


def check_meaning(rule: rules.Rules, document: dict[str, Any], random: Random) -> None:
    try:
        adapted = adapt(document, rule)
    except Refused:
        return
    shut = [path for path in adapted.dropped if rule.closed and path.endswith("additionalProperties")]
    closing, loosened = bool(shut), rule.told or len(shut) < len(adapted.dropped)
    for turn in range(24):
        shape = adapted.schema if turn % 3 == 0 else document
        instance = like(shape, shape, random)
        if rule.top_object and not isinstance(instance, dict):
            continue
        before, after = accepts(document, instance), accepts(adapted.schema, instance)
        if before is not None and after is not None:
            shown = json.dumps([document, adapted.schema, adapted.dropped, instance])
            assert closing or after or not before, shown
            assert loosened or before or not after, shown
