"""Many small records in one bytes object."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.identity.table import Packed, Unusable, pack

KEYS = st.binary(min_size=8, max_size=8)


@given(st.dictionaries(KEYS, st.binary(max_size=40), max_size=60), st.lists(KEYS, max_size=10), st.binary(max_size=5))
def test_what_was_packed_is_found_and_nothing_else(rows, others, before):
    """Whatever the keys are, wherever the table begins, and whatever stands behind it."""
    blob = before + pack(rows.items(), 8) + b"behind"
    table = Packed(blob, len(before))
    assert (table.size, blob[table.end :]) == (len(rows), b"behind")
    assert {key: table.find(key) for key in rows} == rows
    assert all(table.find(key) == rows.get(key) for key in others)
    assert {table.key(row): table.record(row) for row in range(table.size)} == rows


def test_a_key_that_lies_across_two_others_is_not_found():
    """Only whole keys count, though bytes are searched."""
    table = Packed(pack([(b"aaaaabcd", b"1"), (b"aaaabcde", b"2")], 8))
    assert table.find(b"abcdaaaa") is None
    rows = [(bytes([1, 1, 1, 1, 1, 1, 1, 2]), b"1"), (bytes([1, 1, 1, 1, 1, 1, 2, 1]), b"2"), (bytes([1] * 8), b"3")]
    table = Packed(pack(rows, 8))
    assert [table.find(key) for key, _ in rows] == [record for _, record in rows]


def test_many():
    """As many as make an index of several bits."""
    rows = {hashlib.sha256(b"%d" % n).digest(): b"%d" % n for n in range(5000)}
    table = Packed(pack(rows.items(), 32))
    assert all(table.find(key) == record for key, record in rows.items())
    assert all(table.find(hashlib.sha256(b"x%d" % n).digest()) is None for n in range(5000))


def test_rows_beyond_the_end():
    """They are none."""
    table = Packed(pack([(b"abcdefgh", b"1")], 8))
    for look in (table.key, table.record):
        with pytest.raises(IndexError):
            look(1)


@given(st.data())
def test_damaged_tables_are_refused_or_readable(data):
    """Whatever was cut or changed: a table that is taken answers with bytes or with nothing, and never reads beyond its end."""
    whole = bytearray(pack([(b"%08d" % n, b"record %d" % n) for n in range(40)], 8))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    blob = bytes(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    try:
        table = Packed(blob)
    except Unusable:
        return
    for n in range(40):
        found = table.find(b"%08d" % n)
        assert found is None or len(found) <= len(blob)


def test_keys_of_different_widths():
    """Are no table."""
    with pytest.raises(Unusable, match="width"):
        pack([(b"12345678", b""), (b"1234567", b"")], 8)
