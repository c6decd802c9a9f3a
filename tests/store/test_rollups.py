"""Daily sums: always what the ledger says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from amount import examples
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger, rollups
from llm_gateway.store.tables import rollups as table

DAY = 86_400_000
NOV = 1_793_491_200_000

ROWS = st.builds(
    LedgerRow,
    id=st.sampled_from([f"01{number}" for number in range(12)]),
    at=st.sampled_from([NOV, NOV + 5, NOV + DAY - 1, NOV + DAY]),
    status=st.sampled_from(["completed", "interrupted", "failed", "correction"]),
    tenant=st.sampled_from(["", "acme"]),
    model=st.sampled_from(["a", "b" * 300]),
    input=st.integers(0, 9),
    cost=st.integers(-5, 5),
    estimated=st.booleans(),
    unpriced=st.sampled_from([(), ("output",)]),
    latency_ms=st.sampled_from([0.0, 1.5]),
)


def put(store, rows):
    store.write(lambda c: rollups.fold(c, ledger.put(c, rows)))


@examples(15, fixtures_stay=True)
@given(st.lists(st.lists(ROWS, max_size=6), max_size=5))
def test_what_is_folded_is_what_is_there(store, batches):
    """Whatever comes in whatever order, guesses and their outcomes included, no group of any day differs from the ledger."""
    for batch in batches:
        put(store, batch)
    for day in (NOV, NOV + DAY):
        assert store.read(lambda c, day=day: rollups.differences(c, day)) == []


def everything(store):
    columns = [column for column in table.columns if column.name != "latency_ms"]
    return sorted(map(tuple, store.read(lambda c: c.execute(select(*columns)).all())))


def test_a_day_can_be_made_anew(store):
    """The same rows as were folded; a day that drifted is told, and right again after that; other days are left alone."""
    rows = [LedgerRow(id=f"01{number}", at=NOV + number * DAY // 4, cost=number, tenant="ab"[number % 2]) for number in range(8)]
    put(store, rows)
    before = everything(store)
    assert store.read(rollups.days) == (NOV, NOV + DAY)
    assert store.write(lambda c: rollups.rebuild(c, NOV)) == 2
    assert everything(store) == before
    store.write(lambda c: c.execute(update(table).where(table.c.day == NOV, table.c.tenant == "a").values(cost=99)))
    assert store.read(lambda c: rollups.differences(c, NOV)) == [("a", "", "", "", "", "", "", "completed")]
    store.write(lambda c: rollups.rebuild(c, NOV))
    assert everything(store) == before
    assert store.write(lambda c: rollups.rebuild(c, NOV + 9 * DAY)) == 0


def test_an_empty_ledger_has_no_days(store):
    """Nothing to fold, nothing to tell."""
    put(store, [])
    assert store.read(rollups.days) is None


def test_old_days_go_whole(store):
    """A day is kept as long as any of it is young enough."""
    put(store, [LedgerRow(id="01", at=NOV), LedgerRow(id="02", at=NOV + DAY)])
    assert store.write(lambda c: rollups.retain(c, NOV + DAY - 1)) == 0
    assert store.write(lambda c: rollups.retain(c, NOV + DAY)) == 1
    assert [row[0] for row in everything(store)] == [NOV + DAY]
