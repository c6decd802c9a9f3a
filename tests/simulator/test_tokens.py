"""Tokens of the simulated models."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.simulator.tokens import estimate, exactly, pieces


@given(st.text())
def test_pieces_join_to_the_text(text):
    """Nothing is lost or added by splitting, and no piece is empty."""
    assert "".join(pieces(text)) == text
    assert all(pieces(text))


@given(st.text(max_size=40), st.integers(0, 300))
def test_exactly_as_many(text, count):
    """An answer is as long as it was asked to be."""
    said = exactly(text, count)
    assert len(said) == count
    assert "".join(said).startswith("".join(pieces(text)[:count]))


def test_estimate():
    """One token for each four characters begun."""
    assert [estimate("a" * n) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]
