"""Places inside of texts, in the file that they were written in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.config.errors import Problems
from llm_gateway.config.inside import inside
from llm_gateway.config.json_tree import read_json
from llm_gateway.config.tree import Node
from llm_gateway.config.yaml_tree import read_yaml


def node(text: str) -> Node:
    found: Node = read_yaml(text, "f", Problems()).value["k"]
    return found


@pytest.mark.parametrize(
    "text",
    [
        "k: one two HERE",
        "k:   'one two HERE'",
        "k: 'it''s HERE'",
        'k: "a\\tb\\x41\\u00e4 HERE"',
        'k: "one \\\n  two HERE"',
        "k: one\n  two\n   HERE",
        "k: >-\n  one\n  two HERE",
        "k: |\n  one\n    two\n  three HERE",
        "k: >2\n  one\n\n  HERE",
        "{a: 1, k: one HERE}",
    ],
)
def test_a_word_is_found_where_it_stands(text: str) -> None:
    """Plain, quoted, escaped, folded and literal texts."""
    found = node(text)
    before = text[: text.index("HERE")]
    where = inside(found, found.value.index("HERE"))
    assert (where.line, where.column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))


def test_the_end_of_a_text_is_behind_its_last_character() -> None:
    """Where something is missing."""
    assert inside(node("k: abc"), 3).column == 7
    assert inside(node("k: 'abc'"), 3).column == 8


def test_json_has_insides_too() -> None:
    """Its escapes are those of double quotes."""
    found = read_json('{"k": "a\\"\\u00e4 HERE"}', "f", Problems()).value["k"]
    assert inside(found, found.value.index("HERE")).column == 18


def test_where_nothing_is_known_it_is_the_beginning() -> None:
    """A text that was filled in, has an anchor, or whose characters nobody kept."""
    found = node("k: abc")
    found.origin = "${X}"
    assert inside(found, 2) == found.where
    assert inside(node("k: &x one"), 2) == node("k: &x one").where
    assert inside(Node("abc", found.where), 2) == found.where


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab '\"\\:#\n"), min_size=1, max_size=20), st.integers(0, 25))
def test_any_text_has_a_place_for_each_character(value: str, offset: int) -> None:
    """Whatever a text holds, its places lie in the file, and those of quoted texts are exact."""
    quoted = "k: '" + value.replace("'", "''").replace("\n", " ") + "'"
    found = node(quoted)
    where = inside(found, min(offset, len(found.value)))
    assert where.line == 1
    assert 5 <= where.column <= len(quoted) + 1
    if offset < len(found.value):
        assert quoted[where.column - 1] == found.value[offset]
