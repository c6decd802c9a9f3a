"""What a version can work with, from the history alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_gateway.store.errors import WrongSchema
from llm_gateway.store.migrations.check import check, pending, verify
from llm_gateway.store.migrations.files import Migration
from llm_gateway.store.migrations.history import Entry

MINE = tuple(Migration(f"000{number}", f"m{number}", f"sum{number}", Path("m.py")) for number in (1, 2, 3))


def entry(number: int, *, status="applied", checksum=None, compatible="0001") -> Entry:
    return Entry(f"000{number}", f"m{number}", checksum or f"sum{number}", 1, 1, status, compatible)


def test_what_is_missing_is_told_in_order():
    """Reverted and failed ones are missing, too."""
    entries = [entry(1), entry(2, status="reverted"), entry(3, status="failed")]
    assert [migration.version for migration in pending(MINE, entries)] == ["0002", "0003"]
    verify(MINE, entries)


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ([entry(1), entry(2), entry(3)], None),
        ([entry(1, checksum="other")], "checksum"),
        ([entry(1, checksum="other", status="reverted")], None),
        ([entry(4, compatible="0003")], None),
        ([entry(4, compatible="0004")], "upgrade the gateway"),
        ([entry(4, compatible="0004"), entry(5, compatible="0002")], "0004_m4"),
        ([entry(4, compatible="0004", status="reverted")], None),
    ],
)
def test_a_schema_is_accepted_or_refused(entries, fault):
    """Newer ones only if they say that this version can work with them, each of them."""
    if fault is None:
        verify(MINE, entries)
    else:
        with pytest.raises(WrongSchema, match=fault):
            verify(MINE, entries)


def test_an_empty_database_is_told_apart(bare):
    """Its text says what to run."""
    with pytest.raises(WrongSchema, match="has no schema yet; run `llm-gateway migrate run`"):
        check(bare)
