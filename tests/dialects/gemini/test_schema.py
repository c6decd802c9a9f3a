"""Google's Schema as JSON Schema."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.core.errors import InvalidRequest
from llm_gateway.dialects.gemini.schema import MAX_DEPTH, to_json_schema


def convert(schema: object) -> object:
    return msgspec.json.decode(to_json_schema(Raw(msgspec.json.encode(schema)), "p"))


def test_types_lose_their_capitals_at_every_level():
    """Also inside of properties, items and alternatives, and where a property is itself called type."""
    assert convert(
        {
            "type": "OBJECT",
            "properties": {"type": {"type": "STRING"}, "a": {"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": "2"}},
            "any_of": [{"type": "NUMBER"}, {"type": "TYPE_UNSPECIFIED"}],
            "required": ["type"],
        }
    ) == {
        "type": "object",
        "properties": {"type": {"type": "string"}, "a": {"type": "array", "items": {"type": "integer"}, "minItems": 2}},
        "anyOf": [{"type": "number"}, {}],
        "required": ["type"],
    }


def test_nullable_is_a_type():
    """And a value of an enumeration."""
    assert convert({"type": "STRING", "nullable": True}) == {"type": ["string", "null"]}
    assert convert({"type": "STRING", "enum": ["a"], "nullable": True}) == {"type": ["string", "null"], "enum": ["a", None]}
    assert convert({"anyOf": [{"type": "STRING"}], "nullable": True}) == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert convert({"type": "STRING", "nullable": False}) == {"type": "string"}


def test_numbers_of_types():
    """Older SDKs write the enum so."""
    assert convert({"type": 6, "properties": {"a": {"type": 1}}}) == {"type": "object", "properties": {"a": {"type": "string"}}}


def test_json_schema_stays_as_it_is():
    """To the byte."""
    raw = Raw(b'{ "type":"object", "properties":{"my_name":{"$ref":"#/$defs/x"}} }')
    assert to_json_schema(raw, "p") is raw


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"{" + b'"items":{' * (MAX_DEPTH + 2) + b"}" * (MAX_DEPTH + 3)])
def test_what_is_no_schema_is_refused(raw):
    """Nor one without a bottom."""
    with pytest.raises(InvalidRequest) as caught:
        to_json_schema(Raw(raw), "tools[0].x")
    assert caught.value.param == "tools[0].x"
