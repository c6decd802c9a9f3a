"""What budgets spent, and what was told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from llm_gateway.store import budgets
from llm_gateway.store.rows import Spent


def test_amounts_add_up_and_versions_grow(store):
    """Each change gives the sum so far under a higher version; periods are apart; corrections take away."""
    first = store.write(lambda c: budgets.add(c, {("b", 1): 10, ("a", 1): 5, ("a", 2): 7}, 100))
    assert first == [Spent("a", 1, 5, 1), Spent("a", 2, 7, 1), Spent("b", 1, 10, 1)]
    assert store.write(lambda c: budgets.add(c, {("a", 1): -2}, 200)) == [Spent("a", 1, 3, 2)]
    assert store.write(lambda c: budgets.add(c, {}, 200)) == []
    assert store.read(lambda c: budgets.get(c, "a", 1)) == Spent("a", 1, 3, 2)
    assert store.read(lambda c: budgets.get(c, "a", 3)) is None
    assert store.write(lambda c: budgets.put(c, "a", 1, 50, 300)) == Spent("a", 1, 50, 3)
    assert store.write(lambda c: budgets.put(c, "new", 1, 1, 300)) == Spent("new", 1, 1, 1)


def test_nothing_is_lost_between_writers(store):
    """Many at once: the sum is exact, and there are as many versions as changes."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: store.write(lambda c: budgets.add(c, {("a", 1): 3, ("b", 1): 1}, 1)), range(40)))
    assert store.read(lambda c: budgets.get(c, "a", 1)) == Spent("a", 1, 120, 40)


def test_an_alert_is_told_once(store):
    """Of many who notice at the same time one tells; another percentage or period is another alert."""
    with ThreadPoolExecutor(4) as threads:
        claims = list(threads.map(lambda _: store.write(lambda c: budgets.claim_alert(c, "a", 1, 80, 5)), range(8)))
    assert sorted(claims) == [False] * 7 + [True]
    assert store.write(lambda c: budgets.claim_alert(c, "a", 1, 50, 5))
    assert store.write(lambda c: budgets.claim_alert(c, "a", 2, 80, 5))
    assert store.read(lambda c: budgets.told(c, "a", 1)) == [50, 80]


def test_old_periods_go(store):
    """What nobody changed for long is let go of, with its alerts."""
    store.write(lambda c: budgets.add(c, {("a", 1): 1}, 100))
    store.write(lambda c: budgets.add(c, {("a", 2): 1}, 200))
    store.write(lambda c: budgets.claim_alert(c, "a", 1, 50, 100))
    store.write(lambda c: budgets.retain(c, 200))
    assert store.read(lambda c: budgets.get(c, "a", 1)) is None
    assert store.read(lambda c: budgets.get(c, "a", 2)) is not None
    assert store.read(lambda c: budgets.told(c, "a", 1)) == []
