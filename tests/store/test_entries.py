"""Ledger rows as they can be stored."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.ledger import AttemptRow, LedgerRow
from llm_gateway.store.entries import COLUMNS, FIELDS, LONGEST, MOST, clean_text, first_of_each, ledger_row, sane, values

TEXT = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)
ROWS = st.builds(
    LedgerRow,
    id=TEXT,
    at=st.integers(0, 10**14),
    user=TEXT,
    tags=st.lists(TEXT, max_size=3).map(tuple),
    units=st.dictionaries(TEXT, st.floats(0, 1e6), max_size=2),
    cost=st.integers(-MOST, MOST),
    stream=st.booleans(),
    latency_ms=st.floats(0, 1e6),
    unpriced=st.lists(TEXT, max_size=2).map(tuple),
    attempts=st.lists(st.builds(AttemptRow, provider=TEXT, model=TEXT, error=TEXT), max_size=3).map(tuple),
)


@given(ROWS)
def test_a_row_survives_its_columns(row):
    """What is not absurd comes back exactly, and is not even copied before."""
    assert sane(row) is row
    assert ledger_row(values(row)) == row


def test_columns_are_fields():
    """In the same order; only `user` has another name."""
    renamed = {column: field for column, field in zip(COLUMNS, FIELDS, strict=True) if column != field}
    assert renamed == {"end_user": "user"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [("", ""), ("a\0b", "a\ufffdb"), ("x" * (LONGEST + 1), "x" * LONGEST), ("🦉" * LONGEST, "🦉" * LONGEST)],
)
def test_texts_are_cut_and_cleaned(given, kept):
    """So that PostgreSQL can hold them, and index them."""
    assert clean_text(given) == kept


def test_absurd_figures_are_bounded():
    """Beyond a million dollars, and before 1970, nothing is believed to the last digit."""
    row = sane(LedgerRow(id="a", at=-1, cost=1 << 80, input=-(1 << 80), ttft_ms=float("nan")))
    assert (row.at, row.cost, row.input, row.ttft_ms) == (0, MOST, -MOST, 0.0)


def test_one_row_of_each_id_is_chosen():
    """The first, unless it is a guess and an outcome comes behind it."""
    guess, first, second = (LedgerRow(id="a", at=1, status=status) for status in ("interrupted", "completed", "failed"))
    other = msgspec.structs.replace(guess, id="b")
    assert first_of_each([guess, other, first, second]) == [first, other]
    assert first_of_each([first, guess]) == [first]
