"""The ledger's months."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger, partitions
from store_support import new_store

NOV = 1_793_491_200_000


@pytest.mark.parametrize(
    ("at", "month"),
    [(0, (1970, 1)), (NOV - 1, (2026, 10)), (NOV, (2026, 11)), (253_402_300_799_999, (9999, 12)), (951_782_400_000, (2000, 2))],
)
def test_a_moment_lies_in_its_month(at, month):
    """Months begin with their first millisecond in UTC, and end before the next one's."""
    assert partitions.month_of(at) == month
    assert partitions.start_of(month) <= at
    if month[0] < 9999:
        assert at < partitions.start_of(partitions.following(month))


def test_months_follow_each_other():
    """Over the end of a year, too."""
    assert [partitions.following((2026, 11), count) for count in range(4)] == [(2026, 11), (2026, 12), (2027, 1), (2027, 2)]


@pytest.fixture
def postgresql(tmp_path):
    made = new_store("postgresql", tmp_path)
    yield made
    made.close()


def test_partitions_are_there_before_their_month(postgresql):
    """This month and two more; asking again changes nothing."""
    for _ in range(2):
        postgresql.write(lambda c: partitions.prepare(c, NOV + 5))
        assert postgresql.read(partitions.existing) == {(2026, 11), (2026, 12), (2027, 1)}


def test_a_month_that_nobody_prepared_is_made_by_its_first_row(postgresql):
    """In the transaction of that row, by several writers at once."""
    rows = [LedgerRow(id=f"01{number}", at=NOV + number) for number in range(8)]
    with ThreadPoolExecutor(4) as threads:
        added = list(threads.map(lambda row: len(postgresql.write(lambda c: ledger.put(c, [row])).added), rows))
    assert added == [1] * 8
    assert postgresql.read(partitions.existing) == {(2026, 11)}


def test_a_query_for_a_time_looks_at_its_months_only(postgresql):
    """The planner leaves out the partitions of other months."""
    postgresql.write(lambda c: partitions.make(c, [(2026, month) for month in range(1, 13)]))
    query = text("EXPLAIN SELECT * FROM ledger WHERE at >= :since AND at < :until")
    times = {"since": NOV, "until": NOV + 86_400_000}
    plan = "\n".join(postgresql.read(lambda c: c.execute(query, times).scalars().all()))
    assert "ledger_2026_11" in plan
    assert "ledger_2026_10" not in plan


def test_only_whole_months_are_dropped(postgresql):
    """A month goes when all of it is too old; the first moment that is kept is told."""
    postgresql.write(lambda c: partitions.make(c, [(2026, 9), (2026, 10), (2026, 11)]))
    assert postgresql.write(lambda c: partitions.drop(c, NOV - 1)) == partitions.start_of((2026, 10))
    assert postgresql.write(lambda c: partitions.drop(c, NOV)) == NOV
    assert postgresql.write(lambda c: partitions.drop(c, NOV)) == 0
    assert postgresql.read(partitions.existing) == {(2026, 11)}


def test_sqlite_has_no_partitions(tmp_path):
    """Nothing is made, and nothing dropped."""
    store = new_store("sqlite", tmp_path)
    store.write(lambda c: partitions.prepare(c, NOV))
    assert store.read(partitions.existing) == set()
    store.close()
