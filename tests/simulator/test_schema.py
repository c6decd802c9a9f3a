"""Smallest instances of JSON Schemas."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_gateway.simulator.schema import Unsatisfiable, instance


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, {}),
        (None, {}),
        ({"const": 3}, 3),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "string", "minLength": 12}, "simulatedsim"),
        ({"type": "string", "maxLength": 3}, "sim"),
        ({"type": "string", "format": "date"}, "2025-01-31"),
        ({"type": ["null", "integer"]}, 0),
        ({"type": "integer", "exclusiveMinimum": 4}, 5),
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
        ({"type": "number", "maximum": -2}, -2.5),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2, "uniqueItems": True}, [0, 1]),
        ({"type": "array", "prefixItems": [{"const": 1}]}, [1]),
        ({"anyOf": [False, {"type": "integer"}]}, 0),
        ({"properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["b"]}, {"b": 2}),
        (
            {"$defs": {"a/b": {"properties": {"x": {"type": "null"}}, "required": ["x"]}}, "$ref": "#/$defs/a~1b"},
            {"x": None},
        ),
        ({"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}], "type": "object"}, {"a": 0}),
    ],
)
def test_instance(schema, value):
    """Each keyword is met by the smallest value."""
    assert instance(schema) == value


@pytest.mark.parametrize("pattern", [r"^\d{3}$", r"^[A-Z]+$", r"^\d{4}-\d\d-\d\d$", r"@example\.com$", r"^#[0-9a-f]{6}$"])
def test_common_patterns_are_met(pattern):
    """Patterns of everyday shapes find one."""
    assert re.search(pattern, instance({"type": "string", "pattern": pattern}))


def test_recursive_schemas_end():
    """A tree whose children are optional has a leaf; one that must go on for ever has none."""
    node = {"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"}
    assert instance(node) == {}
    node["$defs"]["n"]["required"] = ["next"]
    with pytest.raises(Unsatisfiable):
        instance(node)


def test_names_must_be_text():
    """A required name that is none would make an object that is no JSON."""
    with pytest.raises(Unsatisfiable):
        instance({"type": "object", "required": [None]})


def test_exploding_schemas_are_given_up():
    """Thousands of arrays in thousands of arrays are not built."""
    schema = {"type": "integer"}
    for _ in range(6):
        schema = {"type": "array", "minItems": 1000, "items": schema}
    with pytest.raises(Unsatisfiable):
        instance(schema)


def plain(schema):
    """A check of the keywords that the strategy below makes."""

    def valid(schema, value):
        match schema["type"]:
            case "object":
                inner = schema["properties"]
                return set(schema["required"]) <= set(value) <= set(inner) and all(valid(inner[k], v) for k, v in value.items())
            case "array":
                return len(value) >= schema["minItems"] and all(valid(schema["items"], v) for v in value)
            case "string":
                return isinstance(value, str) and schema["minLength"] <= len(value)
            case "integer":
                return isinstance(value, int) and value >= schema["minimum"]
            case _:
                return value is True

    return valid(schema, instance(schema))


leaves = st.one_of(
    st.builds(lambda n: {"type": "string", "minLength": n}, st.integers(0, 40)),
    st.builds(lambda n: {"type": "integer", "minimum": n}, st.integers(-50, 50)),
    st.just({"type": "boolean"}),
)


def nested(inner):
    objects = st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=4).flatmap(
        lambda p: st.builds(
            lambda r: {"type": "object", "properties": p, "required": r},
            st.lists(st.sampled_from(sorted(p)), unique=True) if p else st.just([]),
        )
    )
    return objects | st.builds(lambda i, n: {"type": "array", "items": i, "minItems": n}, inner, st.integers(0, 3))


@given(st.recursive(leaves, nested, max_leaves=8))
def test_instances_are_valid(schema):
    """Whatever is nested in whatever, the instance meets the schema."""
    assert plain(schema)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "enum",
                    "anyOf",
                    "allOf",
                    "$ref",
                    "items",
                    "required",
                    "properties",
                    "minItems",
                    "minimum",
                    "multipleOf",
                    "pattern",
                    "minLength",
                    "maxLength",
                    "const",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@example({"enum": {"type": None}})
@example({"pattern": "[[]]"})
@given(json_values)
def test_nonsense_is_unsatisfiable_and_nothing_worse(schema):
    """What is no schema fails in the one documented way."""
    with suppress(Unsatisfiable):
        instance(schema)
