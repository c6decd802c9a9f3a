"""YAML to a tree: what it means, where it stands, and what it may not do to us."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from llm_gateway.config.errors import Problems
from llm_gateway.config.tree import Node
from llm_gateway.config.yaml_tree import Unreadable, read_yaml


def data(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: data(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [data(child) for child in node.value]
    return node.value


def read(text: str) -> Any:
    found = Problems()
    tree = data(read_yaml(text, "f", found))
    found.raise_if_any()
    return tree


@pytest.fixture(params=["libyaml", "python"])
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both forms of PyYAML must say the same."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    elif not hasattr(yaml, "CSafeLoader"):
        pytest.skip("PyYAML was built without libyaml")
    return str(request.param)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("Yes", "Yes"), ("true", True), ("False", False),
        ("12:30", "12:30"), ("2027-01-31", "2027-01-31"), ("1_000", "1_000"), ("017", 17), ("0o17", 15), ("0x1F", 31),
        ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("~", None), ("null", None), ("", None), ("'5'", "5"), ("!!str 5", "5"),
        ("9" * 5000, "9" * 5000), (".inf", float("inf")), ("+5", 5), ("5.", 5.0), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    """Words such as no and off, dates and times stay text."""
    assert read(f"a: {text}\n") == {"a": value}


def test_every_value_and_key_knows_its_place(either_parser: str) -> None:
    """Lines and columns count from 1, in characters."""
    tree = read_yaml("# ü\nä: 1\nb:\n  - {c: x, d: 'y'}\n", "f", Problems())
    item = tree.value["b"].value[0]
    assert [tree.keys["ä"][1:], tree.value["ä"].where[1:]] == [(2, 1), (2, 4)]
    assert [item.where[1:], item.keys["d"][1:], item.value["d"].where[1:]] == [(4, 5), (4, 12), (4, 15)]


def test_anchors_and_merges() -> None:
    """What is written wins over what is merged, and the first merged over later ones."""
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], a: 0}\nw:\n  <<: *y\nv: [*x]\n'<<': 5\n"
    assert read(text) == {
        "x": {"a": 1, "b": 1}, "y": {"b": 2, "c": 2}, "z": {"a": 0, "b": 1, "c": 2}, "w": {"b": 2, "c": 2}, "v": [{"a": 1, "b": 1}], "<<": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a:\n\tb: 1\n", (2, 1), "a tab is used for indentation"),
        ("a: {b: ${X}}\n", (1, 9), "${...} between { } or [ ] must be quoted"),
        ("a: @x\n", (1, 4), "a value cannot begin with this character"),
        ("a: b: c\n", (1, 5), "a colon makes a key where none can stand"),
        ("a: 1\n---\nb: 2\n", (2, 1), "a second document begins here"),
        ("a: !env X\n", (1, 4), "a tag (a word beginning with !) is not supported"),
        ("a: !!python/name:os.system x\n", (1, 4), "a tag (a word beginning with !) is not supported"),
        ("a: *hunter2\n", (1, 4), "no finished anchor of this name comes before"),
        ("a: &x [*x]\n", (1, 8), "no finished anchor of this name comes before"),
        ("? [a]\n: b\n", (1, 3), "a key must be plain text"),
        ("{? {a: b} : c}\n", (1, 4), "a key must be plain text"),
        ("&x a: 1\n*x : 2\n", (2, 1), "no finished anchor"),
        ("a: {<<: 5}\n", (1, 9), "a merge (<<) takes a mapping"),
        ("a: 'x\n", (2, 1), "is not valid YAML: unexpected end of stream"),
        ("a: \x01\n", (1, 4), "has a control character"),
    ],
)
def test_what_cannot_be_read_is_explained(text: str, place: tuple[int, int], words: str, either_parser: str) -> None:
    """In our words, at the place, without the text that stands there."""
    with pytest.raises(Unreadable) as caught:
        read(text)
    assert words in caught.value.message
    assert "hunter2" not in caught.value.message
    line, column = caught.value.where[1:]
    assert line == place[0] or "end of stream" in words
    assert column == place[1] or "valid YAML" in words


def test_a_key_given_twice_is_told_and_reading_goes_on() -> None:
    """Both places are named; what comes after is still read."""
    found = Problems()
    tree = read_yaml("a:\n  - {b: 1, b: 2}\nc: 3\n", "f", found)
    assert tree.value["c"].value == 3
    with pytest.raises(Exception, match=r"f:2:12: a\[0\]\.b: stands here twice, first in line 2"):
        found.raise_if_any()


def _laughs(levels: int) -> str:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "nested more than"),
        ("a: " + "{a: " * 100_000, "nested more than"),
        ("\n".join(" " * n + "a:" for n in range(200)), "nested more than"),
        (_laughs(12), "holds more than"),
        (
            "a: &a {" + ", ".join(f"k{n}: [1]" for n in range(2000)) + "}\nb: [" + ", ".join(["{<<: *a}"] * 200) + "]",
            "holds more than",
        ),
        ("- x\n" * 100_100, "holds more than"),
        ("\n".join(f"a{n}: &a{n} [[[[[[[[{f'*a{n - 1}' if n else '1'}]]]]]]]]" for n in range(40)), "nested more than"),
    ],
)
def test_a_document_cannot_grow_out_of_bounds(text: str, words: str) -> None:
    """Deep nesting, many values and aliases of aliases are refused quickly, before memory or the stack is used up."""
    began = time.process_time()
    with pytest.raises(Unreadable, match=words):
        read(text)
    assert time.process_time() - began < 5
