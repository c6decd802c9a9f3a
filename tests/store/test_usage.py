"""Who used how much, from wherever it can be told."""

from __future__ import annotations

import random

import pytest

from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import ledger, rollups, usage
from llm_gateway.store.errors import TooMuch
from llm_gateway.store.filters import Filter

DAY = 86_400_000
HOUR = 3_600_000
NOV = 1_793_491_200_000


def sample(count: int = 300) -> list[LedgerRow]:
    chance = random.Random(5)
    return [
        LedgerRow(
            id=f"01{number:04d}",
            at=NOV + chance.randrange(4 * DAY),
            status=chance.choice(["completed", "failed", "correction"]),
            tenant=chance.choice(["acme", "other"]),
            user=chance.choice(["ann", ""]),
            model=chance.choice("abc"),
            operation=chance.choice(["/v1/chat/completions", "/v1/messages"]),
            tags=chance.choice([(), ("x",), ("x", "y")]),
            input=chance.randrange(100),
            output=chance.randrange(10),
            cost=chance.randrange(-10, 1000),
            estimated=chance.random() < 0.3,
        )
        for number in range(count)
    ]


@pytest.fixture
def rows(store):
    made = sample()
    store.write(lambda c: rollups.fold(c, ledger.put(c, made)))
    return made


def of(row: LedgerRow, name: str):
    if name in {"day", "hour"}:
        return row.at - row.at % (DAY if name == "day" else HOUR)
    return getattr(row, name)


def by_hand(rows, by, since, until):
    sums = {}
    for row in rows:
        if since <= row.at < until:
            for tag in (row.tags or ("",)) if "tag" in by else ("",):
                group = tuple(tag if name == "tag" else of(row, name) for name in by)
                there = sums.setdefault(group, [0, 0, 0, 0])
                for index, amount in enumerate((row.status != "correction", row.input, row.cost, row.estimated)):
                    there[index] += amount
    return sums


@pytest.mark.parametrize(
    "by",
    [
        (),
        ("tenant",),
        ("model", "user"),
        ("day",),
        ("hour", "tenant"),
        ("tag",),
        ("operation", "day"),
        ("status", "day", "model"),
    ],
)
@pytest.mark.parametrize(
    ("since", "until"),
    [
        (None, None),
        (NOV + DAY, NOV + 3 * DAY),
        (NOV + HOUR + 5, NOV + 3 * DAY + 7),
        (NOV + 5, NOV + HOUR),
        (NOV + 5, NOV + DAY + 9),
    ],
)
def test_sums_are_those_of_the_rows(store, rows, by, since, until):
    """For every grouping and every range, whether the rollups, the ledger or both of them tell."""
    told = store.read(lambda c: usage.usage(c, Filter(since=since, until=until), by))
    wanted = by_hand(rows, by, since or 0, until or 1 << 62)
    got = {tuple(one.group[name] for name in by): [one.requests, one.input, one.cost, one.estimated] for one in told.rows}
    assert got == wanted
    total = by_hand(rows, (), since or 0, until or 1 << 62).get((), [0, 0, 0, 0])
    assert [told.total.requests, told.total.input, told.total.cost, told.total.estimated] == total
    assert not told.truncated
    assert not told.incomplete


def test_only_what_is_asked_for_counts(store, rows):
    """Conditions hold in the rollups as in the ledger."""
    for wanted in (Filter(tenant="acme"), Filter(user="ann", model="a"), Filter(tag="y"), Filter(operation="/v1/messages")):
        mine = [
            row
            for row in rows
            if all(getattr(row, name) == value for name, value in (("tenant", wanted.tenant), ("user", wanted.user)) if value)
            and wanted.model in {None, row.model}
            and (wanted.tag is None or wanted.tag in row.tags)
            and wanted.operation in {None, row.operation}
        ]
        assert store.read(lambda c, wanted=wanted: usage.usage(c, wanted)).total.cost == sum(row.cost for row in mine)


def test_the_dearest_come_first_and_the_rest_is_not_hidden(store, rows):
    """Fewer groups than there are: it says so, and the total is of all."""
    told = store.read(lambda c: usage.usage(c, Filter(), ("model",), limit=2))
    everybody = store.read(lambda c: usage.usage(c, Filter(), ("model",)))
    assert told.truncated
    assert told.rows == everybody.rows[:2]
    assert told.total == everybody.total
    costs = [one.cost for one in everybody.rows]
    assert costs == sorted(costs, reverse=True)
    days = [one.group["day"] for one in store.read(lambda c: usage.usage(c, Filter(), ("model", "day"))).rows]
    assert days == sorted(days)


def test_what_is_gone_from_the_ledger_is_still_in_the_rollups(store, rows):
    """Whole days stay; what only the ledger could tell is marked as incomplete."""
    before = store.read(lambda c: usage.usage(c, Filter(), ("day", "model")))
    while store.write(lambda c: ledger.retain(c, NOV + 40 * DAY)):
        pass
    after = store.read(lambda c: usage.usage(c, Filter(), ("day", "model")))
    assert after == before
    assert store.read(lambda c: usage.usage(c, Filter(since=NOV + 5), ("day",))).incomplete
    assert store.read(lambda c: usage.usage(c, Filter(), ("hour",))).incomplete


def test_too_many_groups_are_refused(store, rows, monkeypatch):
    """Rather than sums that leave something out."""
    monkeypatch.setattr(usage, "MOST_GROUPS", 10)
    with pytest.raises(TooMuch):
        store.read(lambda c: usage.usage(c, Filter(), ("hour",)))


def test_nothing_is_nothing(store):
    """An empty store has no groups, and a total of zeros."""
    told = store.read(lambda c: usage.usage(c, Filter(), ("model",)))
    assert (told.rows, told.total.requests, told.total.cost) == ([], 0, 0)
