"""What functions return."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from amount import examples
from dialects.strategies import objects, texts
from llm_gateway.dialects.gemini.results import parse_response, render_response


@pytest.mark.parametrize(
    ("response", "text", "error"),
    [
        ({"output": "sunny"}, "sunny", False),
        ({"error": "no such city"}, "no such city", True),
        ({"error": {"code": 3}}, '{"code":3}', True),
        ({"result": "sunny"}, '{"result":"sunny"}', False),
        ({"output": 3}, '{"output":3}', False),
        ({"output": '{"a":1}'}, '{"output":"{\\"a\\":1}"}', False),
        ({"output": "x", "error": "y"}, '{"output":"x","error":"y"}', False),
        ({}, "{}", False),
    ],
)
def test_objects_and_texts(response, text, error):
    """Google's members become plain text; everything else stays the JSON that it is."""
    assert parse_response(Raw(msgspec.json.encode(response))) == (text, error)


values = st.one_of(texts, st.integers(0, 9), objects, objects.map(lambda value: msgspec.json.encode(value).decode()))


@examples(40)
@given(st.one_of(objects, st.dictionaries(st.sampled_from(["output", "error", "result"]), values, max_size=2)))
def test_every_object_comes_back(response):
    """Whatever a function returned, the same object goes to Gemini again."""
    text, error = parse_response(Raw(msgspec.json.encode(response)))
    assert msgspec.json.decode(render_response(text, error=error)) == response


@settings(max_examples=50, deadline=None)
@given(texts, st.booleans())
def test_texts_of_other_dialects(text, error):
    """A text that is no object stands under the member that says what it is."""
    if not text.lstrip().startswith("{"):
        assert msgspec.json.decode(render_response(text, error=error)) == {"error" if error else "output": text}


def test_an_error_that_is_an_object():
    """Stays one."""
    assert msgspec.json.decode(render_response('{"a":1}', error=True)) == {"error": {"a": 1}}
