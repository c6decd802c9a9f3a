"""What budgets have spent, folded from rows."""

from __future__ import annotations

import random

import pytest

from control.ledger.books import NOON, clock, put, row
from llm_gateway.control.ledger.budgets import Asked, Budgets
from llm_gateway.core.ids import Ids, node_of
from llm_gateway.store import budgets as noted
from llm_gateway.store import spending
from llm_gateway.store.connect import Store

SCOPES = (
    ("key", "k1"),
    ("tenant", "acme"),
    ("project", "acme/web"),
    ("tag", "blue"),
    ("user", "acme:ada"),
    ("user", "k1:ada"),
    ("everyone", "*"),
)


def question(scope: str = "key", name: str = "k1", calendar: str = "month", since: float = NOON) -> Asked:
    return Asked(f"{scope}:{name}:cost:{calendar}", scope, name, calendar, "UTC", int(since * 1000))


def told(store: Store, budgets: Budgets, *asked: Asked, node: str = "") -> list[tuple[int, int]]:
    answers = store.write(lambda connection: budgets.tell(connection, asked or [question()], node))
    return [(one.spent, one.others) for one in answers]


@pytest.mark.parametrize(("scope", "name"), SCOPES)
@pytest.mark.parametrize("calendar", ["day", "week", "month", "total"])
def test_what_was_spent_is_summed_when_first_asked_and_then_folded(store: Store, scope: str, name: str, calendar: str) -> None:
    """L#34238, L#28247: a limit is rebuilt from the ledger and never from a cache; however often it is asked, nothing doubles."""
    budgets = Budgets(clock())
    put(
        store,
        budgets,
        row("1", 100),
        row("2", 10, at=NOON - 40 * 86_400),
        row("3", 7, key="", tenant="", project="", tags=("mirror",)),
    )
    asked = question(scope, name, calendar)
    before = 110 if calendar == "total" else 100
    assert told(store, budgets, asked, asked) == [(before, before)] * 2
    put(store, budgets, row("4", 5), row("1", 100))
    other = Budgets(clock())
    assert told(store, other, asked) == [(before + 5, before + 5)]
    assert store.read(budgets.differences) == []


def test_rows_of_others_do_not_count(store: Store) -> None:
    """Another key, tenant, project, tag or end user."""
    budgets = Budgets(clock())
    asked = [question(scope, name) for scope, name in SCOPES]
    told(store, budgets, *asked)
    put(store, budgets, row("1", 9, key="k2", tenant="other", project="web", user="ada", tags=("red",)))
    assert [spent for spent, _ in told(store, budgets, *asked)] == [0, 0, 0, 0, 0, 0, 9]


def test_an_outcome_takes_the_place_of_its_estimate(store: Store) -> None:
    """Budgets lose the estimate and gain what it really was; the other way round nothing changes."""
    budgets = Budgets(clock())
    told(store, budgets)
    put(store, budgets, row("1", 500, status="interrupted"))
    put(store, budgets, row("1", 80))
    put(store, budgets, row("1", 500, status="interrupted"))
    assert told(store, budgets) == [(80, 80)]


def test_a_worker_is_told_what_others_spent(store: Store) -> None:
    """What it counts by itself, from when on it said, is not in `others`; what its process spent before that is."""
    budgets, ids = Budgets(clock()), Ids(lambda: NOON)
    mine, node = [ids.ulid() for _ in range(3)], node_of(ids.ulid())
    stranger = Ids(lambda: NOON).ulid()
    put(store, budgets, row(mine[0], 1, at=NOON - 60), row(mine[1], 10), row(mine[2], 100, at=NOON + 5), row(stranger, 1000))
    assert told(store, budgets, question(since=NOON), node=node) == [(1111, 1001)]


def test_a_new_period_begins_at_nothing(store: Store) -> None:
    """And what comes late still counts for its own period."""
    now = clock()
    budgets = Budgets(now)
    asked = question(calendar="day")
    told(store, budgets, asked)
    put(store, budgets, row("1", 5))
    now.advance(86_400)
    put(store, budgets, row("2", 3), row("3", 4, at=NOON + 86_400))
    assert told(store, budgets, asked) == [(4, 4)]
    assert [spent for _, _, spent, _ in store.read(spending.rows)] == [8, 4]


def test_several_control_processes_fold_the_same_budgets(store: Store) -> None:
    """Peers 4b: what one node learned to fold, another folds from its next batch on."""
    one, other = Budgets(clock()), Budgets(clock())
    put(store, other, row("1", 1))
    told(store, one)
    put(store, other, row("2", 2))
    put(store, one, row("3", 4))
    assert told(store, other) == [(7, 7)]


def test_corrections_count(store: Store) -> None:
    """Also those that take back."""
    budgets = Budgets(clock())
    told(store, budgets)
    put(store, budgets, row("1", 100), row("2", -60, status="correction", corrects="1"))
    assert told(store, budgets) == [(40, 40)]


def test_differences_are_found_and_mended(store: Store) -> None:
    """Each with what is noted and what the rows come to."""
    budgets = Budgets(clock())
    told(store, budgets)
    put(store, budgets, row("1", 100))
    text, period, _, _ = store.read(spending.rows)[0]
    store.write(lambda connection: noted.put(connection, text, period, 7, 0))
    assert store.read(budgets.differences) == [(text, period, 7, 100)]
    assert [store.write(budgets.rebuild), store.write(budgets.rebuild)] == [1, 0]
    assert told(store, budgets) == [(100, 100)]


def test_old_periods_go_and_totals_stay(store: Store) -> None:
    """A meter of which nothing is left is summed again when somebody asks."""
    now = clock()
    budgets = Budgets(now)
    total, day = question(calendar="total"), question(calendar="day")
    told(store, budgets, total, day)
    put(store, budgets, row("1", 5))
    now.advance(200 * 86_400)
    assert store.write(lambda connection: spending.retain(connection, int(now.now() * 1000) - 86_400)) == 1
    put(store, budgets, row("2", 6, at=now.now()))
    assert told(store, budgets, total, day) == [(11, 11), (6, 6)]


def test_whatever_comes_in_whatever_order(store: Store) -> None:
    """A property: after any batches, repeated at will, what is noted is what the rows come to."""
    draw, budgets = random.Random(1), Budgets(clock())
    asked = [question(scope, name, calendar) for scope, name in SCOPES for calendar in ("day", "month", "total")]
    rows = [
        row(
            f"{number:04d}",
            draw.randrange(1000),
            NOON + draw.randrange(-5, 3) * 40_000,
            key=draw.choice(("k1", "k2")),
            tenant=draw.choice(("acme", "b")),
            user=draw.choice(("ada", "")),
            status=draw.choice(("completed", "interrupted")),
        )
        for number in range(60)
    ]
    for _ in range(15):
        if draw.random() < 0.3:
            told(store, budgets, *draw.sample(asked, 3))
        batch = draw.sample(rows, 20)
        put(
            store,
            budgets,
            *(one if draw.random() < 0.7 else row(one.id, 1, one.at / 1000, key=one.key, tenant=one.tenant) for one in batch),
        )
    told(store, budgets, *asked)
    assert store.read(budgets.differences) == []
