"""Cursors."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from llm_gateway.store import objects
from llm_gateway.store.paging import BadCursor, cursor_at, place_of
from llm_gateway.store.tables import objects as table


@given(
    st.integers(-(1 << 63), (1 << 63) - 1), st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
)
def test_a_cursor_is_a_place(number, text):
    """It comes back as it was, and can stand in a URL."""
    cursor = cursor_at(number, text)
    assert place_of(cursor) == (number, text)
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?#")


def encoded(value) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["x", "ä", "a" * 5, encoded([1]), encoded(["a", 1]), encoded([1 << 63, "a"]), encoded([1, "a\0"]), encoded([1, "a", 2]), ""],
)
def test_a_made_up_cursor_is_refused(store, cursor):
    """Whatever it holds: an error that says so, never one of the database's."""
    with pytest.raises(BadCursor):
        store.read(lambda c: objects.listed(c, "tags", cursor=cursor))


def test_pages_are_bounded(store):
    """0 and a million are both brought to what is possible."""
    rows = [
        {"kind": "tags", "name": f"{n:04d}", "document": "{}", "version": 1, "created_at": n, "updated_at": n, "updated_by": ""}
        for n in range(1002)
    ]
    store.write(lambda c: c.execute(insert(table), rows))
    assert len(store.read(lambda c: objects.listed(c, "tags", limit=0)).rows) == 1
    assert len(store.read(lambda c: objects.listed(c, "tags", limit=10**6)).rows) == 1000
