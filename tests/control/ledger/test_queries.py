"""What is asked of the ledger, read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.control.ledger.queries import Range, as_csv, dollars, filter_of, moment, moment_of
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.store.filters import Filter

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-01", 1_793_491_200_000),
        ("2026-11-01T00:00:00Z", 1_793_491_200_000),
        ("2026-11-01T01:00:00.5+01:00", 1_793_491_200_500),
        ("1793491200", 1_793_491_200_000),
        ("1793491200000", 1_793_491_200_000),
    ],
)
def test_moments(text: str, at: int) -> None:
    """As people and programs write them; without a zone they are UTC."""
    assert moment_of(text, "since") == at
    assert moment_of(moment(at), "since") == at


@pytest.mark.parametrize("text", ["", "yesterday", "99999999999999999", "0001-01-01T00:00:00+23:59", "-1"])
def test_what_is_no_moment(text: str) -> None:
    """Refused with the parameter's name."""
    with pytest.raises(InvalidRequest):
        moment_of(text, "since")


@given(st.integers(-(10**18), 10**18))
def test_money_is_exact(nano: int) -> None:
    """Not one nano-dollar is rounded away."""
    whole, _, rest = dollars(nano).removeprefix("-").partition(".")
    assert (int(whole) * 10**9 + int(rest.ljust(9, "0") or 0)) * (-1 if nano < 0 else 1) == nano


def test_a_window_ends_now() -> None:
    """Or at `until`; a tenant's own limit stands above what was asked."""
    assert filter_of(Range(window="1h"), NOW, None) == Filter(NOW - 3_600_000)
    assert filter_of(Range(window="1d", until="1793491200"), NOW, "acme").since == 1_793_404_800_000
    assert filter_of(Range(tenant="x"), NOW, "acme").tenant == "acme"


def test_csv_cells() -> None:
    """Nested values are JSON, flags are words, and text that a spreadsheet would run is text."""
    assert (
        as_csv([{"a": [1], "b": True, "c": "@x", "d": "-5.5"}], ["a", "b", "c", "d", "e"])
        == "a,b,c,d,e\r\n[1],true,'@x,-5.5,\r\n"
    )
