"""Schemas adapted to providers mean what they meant: `jsonschema` is the judge."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dialects.schemas.documents import DOCUMENTS, OBJECTS, SCALARS
from dialects.schemas.instances import like
from llm_gateway.dialects.schemas import rules
from llm_gateway.dialects.schemas.adapt import MAX_DEPTH, adapt
from llm_gateway.dialects.schemas.budget import MAX_NODES
from llm_gateway.dialects.schemas.refused import Refused
from llm_gateway.dialects.schemas.suits import suits

ALL = {name: rule for name, rule in vars(rules).items() if isinstance(rule, rules.Rules)}
WORDS = (
    "type",
    "properties",
    "items",
    "anyOf",
    "oneOf",
    "allOf",
    "enum",
    "const",
    "required",
    "$ref",
    "not",
    "additionalProperties",
    "a",
)


def accepts(schema: Any, instance: Any) -> bool | None:
    """None: it refers to itself at once, which has no meaning."""
    try:
        return Draft202012Validator(schema).is_valid(instance)
    except RecursionError:
        return None


@pytest.mark.parametrize("name", sorted(ALL))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
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


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=DOCUMENTS | OBJECTS)
def test_the_quick_look_never_says_yes_too_soon(document: dict[str, Any]) -> None:
    """What it lets pass would have come out of the whole work as it went in."""
    for rule in ALL.values():
        if rule.keywords is None or not suits(document, rule):
            continue
        work = adapt({**document, "$comment": ""}, rule)  # which makes the quick look say no
        assert (work.schema, work.dropped) == (document, [])


@given(
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4))
)
@settings(max_examples=300, deadline=None)
def test_nonsense_is_adapted_or_refused(value: Any) -> None:
    """Keywords with values that they never have: no other error than Refused."""
    for rule in ALL.values():
        with suppress(Refused):
            adapt({"type": "object", "properties": {"a": value}, "$defs": {"A": value}}, rule)


def adapted(schema: dict[str, Any], rule: rules.Rules) -> tuple[Any, list[str]]:
    made = adapt(schema, rule)
    return made.schema, made.dropped


def refused(schema: dict[str, Any], rule: rules.Rules) -> str:
    with pytest.raises(Refused) as caught:
        adapt(schema, rule)
    return caught.value.path


@pytest.mark.parametrize(
    ("given_", "made"),
    [
        ({"const": "a"}, {"enum": ["a"]}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        (
            {"type": ["string", "integer"], "description": "d", "minimum": 1},
            {"description": "d", "anyOf": [{"type": "string"}, {"type": "integer", "minimum": 1}]},
        ),
        ({"enum": ["a", None]}, {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]}),
        ({"type": "boolean", "enum": [True, False]}, {"type": "boolean"}),
        ({"type": "integer", "exclusiveMinimum": 3}, {"type": "integer", "minimum": 4}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}}], "type": "object"},
            {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]},
        ),
        ({"allOf": [{"type": "number"}, {"type": "integer", "minimum": 2}], "minimum": 1}, {"minimum": 2, "type": "integer"}),
        ({"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}),
        ({"$ref": "#/$defs/A", "description": "d"}, {"description": "d", "anyOf": [{"$ref": "#/$defs/A"}]}),
        ({"$ref": "#/$defs/A", "maxItems": 3, "type": "array"}, {"maxItems": 3, "type": "array", "description": "an A"}),
        ({"type": "string", "minimum": 3}, {"type": "string", "minimum": 3}),
        ({"type": "string", "multipleOf": 3, "x-order": 1, "$comment": "c"}, {"type": "string"}),
        (
            {"type": "array", "items": [{"type": "string"}], "additionalItems": True},
            {"type": "array", "prefixItems": [{"type": "string"}], "items": {}},
        ),
        (
            {"type": "object", "properties": {}, "unevaluatedProperties": False},
            {"type": "object", "properties": {}, "additionalProperties": False},
        ),
        ({"type": "object", "propertyNames": {"type": "string"}, "minProperties": 0}, {"type": "object"}),
        (True, {}),
        ({"title": "T", "examples": [1]}, {"title": "T", "description": "(examples: [1])"}),
    ],
)
def test_other_words_for_the_same(given_: Any, made: Any) -> None:
    """What Gemini does not take, as it takes it; nothing is named, since nothing is lost."""
    schema = {"type": "object", "properties": {"x": given_}, "$defs": {"A": {"description": "an A"}}}
    out, dropped = adapted(schema, rules.GEMINI)
    assert (out["properties"]["x"], dropped) == (made, [])


@pytest.mark.parametrize(
    ("given_", "made", "lost"),
    [
        (
            {"type": "string", "pattern": "^a", "description": "d"},
            {"type": "string", "description": "d (pattern: ^a)"},
            ".pattern",
        ),
        ({"const": True}, {"type": "boolean", "description": "(enum: [true])"}, ".const"),
        (
            {"oneOf": [{}, {"type": "null"}]},
            {"anyOf": [{}, {"type": "null"}], "description": "(exactly one of the alternatives)"},
            ".oneOf",
        ),
        (
            {"oneOf": [{"type": "string", "minLength": 1}, {"type": "null"}]},
            {"anyOf": [{"type": "string", "description": "(minLength: 1)"}, {"type": "null"}]},
            ".oneOf[0].minLength",
        ),
        (
            {"a b": 1, "type": "array", "uniqueItems": True},
            {"type": "array", "description": "(uniqueItems: true)"},
            ".uniqueItems",
        ),
    ],
)
def test_constraints_become_words(given_: Any, made: Any, lost: str) -> None:
    """They stand in the description and are named by where the caller wrote them."""
    out, dropped = adapted({"type": "object", "properties": {"x": given_}}, rules.GEMINI)
    assert (out["properties"]["x"], dropped) == (made, [f"properties.x{lost}"])


@pytest.mark.parametrize(
    ("given_", "path"),
    [
        ({"not": {"type": "string"}}, ".not"),
        ({"if": {"type": "string"}, "then": {"maxLength": 2}}, ".if"),
        ({"type": "object", "patternProperties": {"^a": {}}}, ".patternProperties"),
        ({"$ref": "https://example.test/schema.json"}, ".$ref"),
        ({"$ref": "#/$defs/None"}, ".$ref"),
        ({"allOf": [{"type": "string"}, {"type": "null"}]}, ".allOf"),
        ({"dependencies": {"a": {"required": ["b"]}}}, ".dependencies"),
        (False, ""),
        ({"type": "strnig"}, ".type"),
    ],
)
def test_structure_is_refused(given_: Any, path: str) -> None:
    """With the path of the part."""
    assert refused({"type": "object", "properties": {"x": given_}}, rules.GEMINI) == f"properties.x{path}"


TREE = {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/N"}}}, "required": ["kids"]}


def test_recursion() -> None:
    """Kept where it may stand; at Gemini not by required properties alone; refused where references are replaced."""
    document = {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}, "$defs": {"N": TREE}}
    assert adapt(document, rules.COHERE).changed is False
    assert refused(document, rules.GEMINI) == "$defs.N.properties.kids.items.$ref"
    assert adapted({**document, "$defs": {"N": {**TREE, "required": []}}}, rules.GEMINI)[1] == []
    assert refused(document, rules.OLLAMA_TOOL) == "properties.n.properties.kids.items.$ref"
    closed = {**TREE, "additionalProperties": False}
    top = {**document, "additionalProperties": False, "$defs": {"N": closed}}
    assert refused(top, rules.ANTHROPIC_OUTPUT) == "$defs.N.properties.kids.items.$ref"


def test_definitions_of_older_drafts_and_elsewhere() -> None:
    """They get the name that is usual today, each once, and dead ones are left out."""
    document = {
        "type": "object",
        "properties": {
            "a": {"$ref": "#/definitions/A"},
            "b": {"$ref": "#/properties/c/items"},
            "c": {"items": {"type": "string"}},
        },
        "definitions": {"A": {"type": "string"}, "dead": {"not": {}}},
    }
    out, dropped = adapted(document, rules.GEMINI)
    assert out["properties"]["a"] == {"$ref": "#/$defs/A"}
    assert out["properties"]["b"] == {"$ref": "#/$defs/items"}
    assert out["$defs"] == {"A": {"type": "string"}, "items": {"type": "string"}}
    assert dropped == []


def test_the_top_of_a_tool() -> None:
    """A plain object: a reference is replaced, an allOf merged, alternatives of what is required told, others refused."""
    reference = {"$ref": "#/$defs/A", "$defs": {"A": {"properties": {"a": {}}}}}
    assert adapted(reference, rules.OBJECT) == ({"type": "object", "properties": {"a": {}}, "$defs": reference["$defs"]}, [])
    both = {"allOf": [{"type": "object", "properties": {"a": {}}}, {"required": ["a"]}]}
    assert adapted(both, rules.OBJECT) == ({"type": "object", "properties": {"a": {}}, "required": ["a"]}, [])
    either = {"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    out, dropped = adapted(either, rules.OBJECT)
    assert (out["description"], dropped) == ('(anyOf: [{"required":["a"]},{"required":["b"]}])', ["anyOf"])
    assert refused({"oneOf": [{"type": "object"}, {"properties": {"a": {}}}]}, rules.OBJECT) == "oneOf"
    assert refused({"type": "array"}, rules.OBJECT) == "type"


def test_closed_objects() -> None:
    """Closing what was silent is named; closing what was open would mean something else."""
    said = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert adapted(said, rules.ANTHROPIC_STRICT) == ({**said, "additionalProperties": False}, ["additionalProperties"])
    assert refused({**said, "additionalProperties": True}, rules.ANTHROPIC_STRICT) == "additionalProperties"
    assert refused({"type": "object"}, rules.ANTHROPIC_STRICT) == "additionalProperties"
    assert refused({**said, "additionalProperties": False}, rules.OPENAI_STRICT) == "required"


def test_hostile_schemas_cost_little() -> None:
    """References that double at every step, allOf upon allOf, depth, breadth: refused or done in no time."""
    doubling = {f"d{i}": {"type": "object", "properties": {n: {"$ref": f"#/$defs/d{i + 1}"} for n in "ab"}} for i in range(40)}
    merging = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(40)}
    end = {"d40": {"type": "string"}}
    deep: dict[str, Any] = {}
    for _ in range(MAX_DEPTH * 3):
        deep = {"type": "object", "properties": {"a": deep}}
    wide = {"type": "object", "properties": {f"p{i}": {"type": "string", "pattern": "a"} for i in range(20_000)}}
    many = {"type": "object", "properties": {"x": {"allOf": [wide] * 64}}}
    unions = {
        "type": "object",
        "properties": {"x": {"oneOf": [{"enum": list(range(i * 1000, i * 1000 + 1000))} for i in range(64)]}},
    }
    began = time.process_time()
    for rule in ALL.values():
        for document in (
            {"type": "object", "properties": {"x": {"$ref": "#/$defs/d0"}}, "$defs": doubling | end},
            {"type": "object", "properties": {"x": {"$ref": "#/$defs/d0"}}, "$defs": merging | end},
            deep,
            wide,
            many,
            unions,
        ):
            with suppress(Refused):
                adapt(document, rule)
    assert time.process_time() - began < 10


def test_a_very_large_schema_is_not_looked_at_to_its_end():
    """Its first ten thousand parts are: one that would suit is refused beyond them, as one that would have to be rewritten is."""
    looked = 0

    class Counted(dict[str, Any]):
        def keys(self) -> Any:
            nonlocal looked
            looked += 1
            return super().keys()

    def wide(count: int) -> dict[str, Any]:
        return {"type": "object", "properties": {f"p{number}": Counted(type="string") for number in range(count)}}

    assert suits(wide(MAX_NODES - 1), rules.GEMINI)
    looked = 0
    assert not suits(wide(5 * MAX_NODES), rules.GEMINI)
    assert looked < MAX_NODES
    with pytest.raises(Refused, match=f"more than {MAX_NODES}"):
        adapt(wide(MAX_NODES), rules.GEMINI)
