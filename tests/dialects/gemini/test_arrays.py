"""Arrays of pieces, cut as they come."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.strategies import texts
from llm_gateway.dialects.gemini.arrays import ArraySplitter
from llm_gateway.http.framing.errors import FramingError
from splits import cut, points

values = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(texts, values, max_size=3), max_size=4), points, st.sampled_from([-1, 0, 3]))
def test_elements_come_out_whole(elements, ends, indent):
    """Whatever brackets, quotes and backslashes stand in their strings, however the bytes were cut and spaced."""
    data = b"\xef\xbb\xbf \n" + msgspec.json.format(msgspec.json.encode(elements), indent=indent) + b"\n junk {"
    splitter = ArraySplitter()
    out = [element for read in cut(data, ends) for element in splitter.feed(read)]
    assert [msgspec.json.decode(element) for element in out] == elements


def test_a_bare_object_is_an_array_of_one():
    """So is every further one."""
    assert ArraySplitter().feed(b'{"a":"}"} {"b":1}') == [b'{"a":"}"}', b'{"b":1}']


@pytest.mark.parametrize("data", [b"[1]", b'["x"]', b"[[{}]]", b"]", b"[{} x]", b"[{}[", b"[null]"])
def test_what_is_no_object_is_refused(data):
    """Between the elements there are blanks and commas only."""
    with pytest.raises(FramingError):
        ArraySplitter().feed(data)


def test_an_element_has_a_bound():
    """However small the reads."""
    splitter = ArraySplitter(limit_bytes=100)
    assert splitter.feed(b'[{"a":"' + b"x" * 80) == []
    with pytest.raises(FramingError):
        [splitter.feed(b"x") for _ in range(30)]


def test_many_brackets_take_no_time():
    """Nor do deep ones."""
    assert len(ArraySplitter().feed(b"[" + b"{}," * 20_000)) == 20_000
    assert ArraySplitter().feed(b"[{" + b'"a":{' * 20_000) == []
