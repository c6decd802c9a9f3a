"""The ledger: every row once, and the outcome before the guess."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amount import examples
from llm_gateway.core.ledger import AttemptRow, LedgerRow
from llm_gateway.store import ledger, rollups, usage
from llm_gateway.store.errors import Conflict
from llm_gateway.store.filters import Filter
from store_support import new_store

DAY = 86_400_000
NOV = 1_793_491_200_000
"""1 November 2026, UTC."""


def row(ident: str = "01A", **fields) -> LedgerRow:
    return LedgerRow(**{"id": ident, "at": NOV + 5, **fields})


def put(store, *rows):
    return store.write(lambda c: ledger.put(c, rows))


WHOLE = row(
    request_id="req_1",
    status="cut",
    http_status=200,
    error="budget_exceeded",
    operation="/v1/chat/completions",
    key="key_1",
    tenant="acme",
    project="acme/web",
    user="ann",
    tags=("a", 'with "quotes"', "ä"),
    model="gpt",
    provider="openai",
    served_model="gpt-5",
    stream=True,
    input=1,
    cache_read=2,
    cache_write=3,
    cache_write_1h=4,
    output=5,
    reasoning=6,
    audio_input=7,
    audio_output=8,
    accepted_prediction=9,
    rejected_prediction=10,
    units={"seconds": 1.5, "im\0ages": 2.0},
    cost=-(10**15),
    cost_source="provider",
    estimated=True,
    unpriced=("audio_input",),
    price_version="2026-11",
    tier="flex",
    latency_ms=12.25,
    ttft_ms=3.5,
    attempts=(AttemptRow("openai", "gpt-5", 500, "boom", 1.5, hedged=True), AttemptRow("azure", "gpt")),
    decision="dec_1",
    corrects="01Z",
)


def test_a_row_comes_back_whole(store):
    """Every field, the nested ones included."""
    changes = put(store, WHOLE)
    assert changes.added == (WHOLE,)
    assert store.read(lambda c: ledger.get(c, "01A")) == WHOLE
    assert store.read(lambda c: ledger.get(c, "01B")) is None
    default = row("01B")
    put(store, default)
    assert store.read(lambda c: ledger.get(c, "01B")) == default


def test_what_comes_again_is_there_once(store):
    """The same row twice, in one batch or in several, with another cost or a time of its own: the first one stays."""
    changes = put(store, row(cost=1), row(cost=2))
    assert [one.cost for one in changes.added] == [1]
    for again in (row(cost=1), row(cost=3), row(at=NOV + 6, cost=4), row(at=NOV - 100, cost=5), row(status="interrupted")):
        assert put(store, again) == ledger.Changes()
    page = store.read(lambda c: ledger.listed(c, Filter()))
    assert page.rows == [row(cost=1)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [False, True])
def test_an_outcome_wins_over_a_guess_in_every_order(dialect, tmp_path, order, together):
    """interrupted -> final, never back; whether they come in one batch or in several."""
    versions = [
        row(status="interrupted", cost=9, estimated=True),
        row(status="completed", cost=5, at=NOV + 6),
        row(status="interrupted", cost=8, estimated=True),
    ]
    came = [versions[index] for index in order]
    store = new_store(dialect, tmp_path)
    try:
        if together:
            put(store, *came)
        else:
            for one in came:
                put(store, one)
        there = store.read(lambda c: ledger.listed(c, Filter())).rows
        assert [(one.status, one.cost) for one in there] == [("completed", 5)]
    finally:
        store.close()


def test_a_correction_is_no_outcome(store):
    """It has an id of its own; one that has not changes nothing."""
    guess = row(status="interrupted", cost=9)
    put(store, guess)
    assert put(store, row(status="correction", cost=1)) == ledger.Changes()
    put(store, row("01B", status="correction", cost=-1, corrects="01A"))
    assert store.read(lambda c: ledger.listed(c, Filter(), descending=False)).rows[0] == guess


def test_a_replaced_guess_is_told(store):
    """What folds need: the guess that goes, and the outcome that comes, at the time that the row has."""
    guess, outcome = row(status="interrupted", cost=9), row(cost=5, at=NOV + 6)
    put(store, guess)
    changes = put(store, row("01B"), outcome)
    assert changes.added == (row("01B"),)
    assert changes.replaced == ((guess, msgspec.structs.replace(outcome, at=guess.at)),)


def test_batches_are_of_any_size(store):
    """More rows than one statement takes, of several months, some of them known."""
    rows = [row(f"{number:026d}", at=NOV + number * 40 * DAY // 4500) for number in range(4500)]
    assert len(put(store, *rows[:100]).added) == 100
    assert len(put(store, *rows).added) == 4400
    assert put(store).added == ()
    found, cursor = [], None
    while True:
        page = store.read(lambda c, cursor=cursor: ledger.listed(c, Filter(), limit=1000, cursor=cursor, descending=False))
        found += page.rows
        cursor = page.next
        if cursor is None:
            break
    assert found == rows


ODD = st.lists(st.sampled_from(["\0", "a", "🦉", "'", '"', "\\", "%", ":x", "\\u0000", "\n", "b" * 300]), max_size=6).map("".join)
NUMBERS = itertools.count(1)


@examples(20, fixtures_stay=True)
@given(
    odd=ODD,
    tags=st.lists(ODD, max_size=3),
    number=st.sampled_from([0, -1, 1 << 62, 1 << 63, -(1 << 70), 10**30]),
    real=st.sampled_from([0.0, -1.5, math.inf, math.nan]),
    at=st.sampled_from([NOV, -5, 0, 1 << 62]),
)
def test_no_row_can_stop_the_others(store, odd, tags, number, real, at):
    """Whatever a caller or a provider wrote - NULs, very long names, absurd numbers - is stored as near as can be, and found."""
    ident, other = f"01{next(NUMBERS)}", f"01{next(NUMBERS)}"
    bad = row(
        ident,
        at=at,
        request_id=odd,
        user=odd,
        model=odd,
        error=odd,
        served_model=odd,
        tags=tuple(tags),
        cost=number,
        units={odd: 1.0, "seconds": real},
        latency_ms=real,
        attempts=(AttemptRow(odd, odd, error=odd, ms=real),),
        unpriced=(odd,),
    )
    store.write(lambda c: rollups.fold(c, ledger.put(c, [bad, row(other)])))
    there = store.read(lambda c: ledger.get(c, ident))
    assert there.model == odd[:256].replace("\0", "\ufffd")
    kept = real if math.isfinite(real) else 0.0
    assert (there.attempts[0].error, there.attempts[0].ms, there.latency_ms) == (odd, kept, kept)
    assert (there.units["seconds"], there.unpriced) == (kept, bad.unpriced)
    assert store.read(lambda c: ledger.get(c, other)) == row(other)
    found = store.read(lambda c: ledger.listed(c, Filter(model=odd, since=there.at, tag=tags[0] if tags else None), limit=1000))
    assert ident in {one.id for one in found.rows}
    store.read(lambda c: usage.usage(c, Filter(), ("tag", "model")))


def test_rows_are_found_by_what_they_say(store):
    """Each condition by itself, times half open, newest first."""
    put(store, WHOLE, row("01B", at=NOV + 9, tenant="other", tags=("A",)))

    def ids(**wanted):
        return [one.id for one in store.read(lambda c: ledger.listed(c, Filter(**wanted))).rows]

    assert ids() == ["01B", "01A"]
    for name in ("tenant", "project", "key", "user", "model", "provider", "served_model", "status", "operation", "request_id"):
        assert ids(**{name: getattr(WHOLE, name)}) == ["01A"], name
        assert ids(**{name: "nobody"}) == [], name
    assert ids(tag='with "quotes"') == ["01A"]
    assert (ids(tag="a"), ids(tag="A"), ids(tag="quotes"), ids(tag='"')) == (["01A"], ["01B"], [], [])
    assert (ids(since=NOV + 9), ids(until=NOV + 9), ids(since=NOV + 6, until=NOV + 9)) == (["01B"], ["01A"], [])


def test_what_is_too_old_goes(store, dialect):
    """SQLite: exactly what is older, a few at a time. PostgreSQL: months that ended before, whole. Never what is younger."""
    month = 31 * DAY
    times = [NOV - month - 5, NOV - 5, NOV, NOV + 3 * DAY]
    put(store, *(row(f"01{index}", at=at) for index, at in enumerate(times)))
    before = NOV + DAY
    calls = 1
    while store.write(lambda c: ledger.retain(c, before, limit=1)):
        calls += 1
    left = [one.at for one in store.read(lambda c: ledger.listed(c, Filter(), descending=False)).rows]
    if dialect == "sqlite":
        assert (left, calls) == ([NOV + 3 * DAY], 4)
    else:
        assert (left, calls) == ([NOV, NOV + 3 * DAY], 1)
    with pytest.raises(Conflict):  # a day of which rows are missing is not made anew
        store.write(lambda c: rollups.rebuild(c, NOV - DAY))
    put(store, row("01X", at=NOV - month))  # what comes late has its place all the same
    assert store.read(lambda c: ledger.get(c, "01X")) is not None
