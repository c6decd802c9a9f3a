"""Vectors on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.dialects.embeddings.numbers import packed, unpacked


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=5).map(tuple))
def test_floats_survive_base64(vector):
    """To the bit."""
    text = packed(vector, None)
    assert isinstance(text, str)
    assert unpacked(text) == vector


@given(st.lists(st.integers(-128, 255), max_size=5).map(tuple))
def test_integers_are_never_packed(vector):
    """Who decodes base64 here takes it for floats."""
    assert packed(vector, "int8") == vector


@pytest.mark.parametrize("text", ["!", "QUI=", "AAAA\n", "ä"])
def test_what_is_no_base64_of_floats(text):
    """A wrong letter, half a float, a line break, no ASCII."""
    with pytest.raises(UpstreamMalformed):
        unpacked(text)


def test_too_large_for_32_bits():
    """It is told, not rounded to infinity."""
    with pytest.raises(UpstreamMalformed):
        packed((1e300,), None)
