"""JSON files: strict, with the same places as YAML."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.helpers_config import loaded, told
from llm_gateway.config.errors import Problems
from llm_gateway.config.json_tree import read_json
from llm_gateway.config.yaml_tree import Unreadable

from config.test_yaml_tree import data  # isort: skip

_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_values, st.booleans())
def test_the_tree_holds_what_msgspec_reads(value: object, pretty: bool) -> None:
    """Any document gives the same values, escapes and surrogate pairs included."""
    text = msgspec.json.encode(value)
    text = msgspec.json.format(text, indent=2) if pretty else text
    assert data(read_json(text.decode(), "f", Problems())) == msgspec.json.decode(text)


def test_places_and_tabs(tmp_path: Path) -> None:
    """Lines and columns are those of the file; tabs are white space in JSON."""
    text = '{\n\t"server": {"port": "x",\t"prot": 1,\n "port": 2}}'
    assert told(tmp_path, text, name="gateway.json") == [
        'gateway.json:2:26: server.prot: unknown key; did you mean "port"?',
        "gateway.json:3:2: server.port: stands here twice, first in line 2",
    ]  # fmt: skip
    assert loaded(tmp_path, '{"server": {"port": 7}}', name="gateway.json").server.port == 7


@pytest.mark.parametrize("text", ["", "{", '{"a": 1,}', "{'a': 1}", "# x\n{}", '{"a": nan}', '"\\ud800"', "[" * 5000])
def test_what_is_not_json_is_refused(text: str) -> None:
    """Comments, trailing commas and other YAML habits included."""
    with pytest.raises(Unreadable):
        read_json(text, "f", Problems())


def test_a_mistake_is_placed() -> None:
    """The place counts characters, not bytes."""
    with pytest.raises(Unreadable) as caught:
        read_json('{"ü":\n "ä" x}', "f", Problems())
    assert caught.value.where[1:] == (2, 6)
