"""A configuration's tree as bytes."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config.document import Unpackable, pack, unpack
from llm_gateway.config.errors import Problems, Where
from llm_gateway.config.load import config_of, load_tree
from llm_gateway.config.tree import Node
from llm_gateway.providers.registry import option_names

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates() | st.datetimes() | st.times()
)
PLACES = st.builds(Where, st.text(max_size=5), st.integers(0, 99), st.integers(0, 99))
LEAVES = st.builds(
    lambda value, where, origin, raw: Node(value, where, origin=origin, raw=raw), SCALARS, PLACES, st.text(), st.text()
)


def _mapping(children):
    return st.builds(
        lambda value, where: Node(value, where, keys=dict.fromkeys(value, where)), st.dictionaries(st.text(), children), PLACES
    )


TREES = st.recursive(LEAVES, lambda kids: _mapping(kids) | st.builds(Node, st.lists(kids), PLACES), max_leaves=10)


def same(one: Node, other: Node) -> bool:
    if (one.where, one.origin, one.text, one.raw, one.keys) != (other.where, other.origin, other.text, other.raw, other.keys):
        return False
    if isinstance(one.value, dict):
        return one.value.keys() == other.value.keys() and all(same(one.value[key], other.value[key]) for key in one.value)
    if isinstance(one.value, list):
        return len(one.value) == len(other.value) and all(map(same, one.value, other.value))
    return type(one.value) is type(other.value) and one.value == other.value


@given(TREES)
def test_a_tree_comes_back(tree):
    """Values, places, origins and what was written, dates and huge numbers included."""
    assert same(unpack(pack(tree)), tree)


@given(st.binary(max_size=100))
def test_nonsense_is_told(data):
    """No bytes crash it in another way."""
    with contextlib.suppress(Unpackable):
        unpack(data)


def test_the_same_configuration_comes_of_it(tmp_path):
    """Variables, flags and files included: the digest says so; a mistake still names its line."""
    file = tmp_path / "gateway.toml"
    file.write_text(
        '[server]\nport = 1\n[api.versions.v1]\ndeprecated = 2020-01-01\n[providers.a]\ntype = "openai"\napi_key = "${K}"\n'
    )
    given = {"environ": {"K": "sk-0123456789", "GATEWAY_SERVER__WORKERS": "auto"}, "overrides": ["server.drain=1m"]}
    loaded = load_tree(file, **given, provider_types=option_names())
    again = config_of(unpack(pack(loaded.tree)), Problems(), option_names(), None)
    assert again.digest == loaded.config.digest
    assert (again.server.workers, float(again.server.drain)) == (0, 60.0)
    assert again.api.versions.v1.deprecated == dt.date(2020, 1, 1)


def test_a_tree_without_end_is_refused():
    """Depth and number are bounded, whoever sends it."""
    node = Node(1, Where("x"))
    for _ in range(100):
        node = Node([node], Where("x"))
    with pytest.raises(Unpackable):
        unpack(pack(node))
