"""Budgets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limits_support import meter
from llm_gateway.limits.budgets import BudgetCell
from llm_gateway.limits.meter import Meter

DAY = 86400.0
NOON = 1_700_000_000.0 // DAY * DAY + DAY / 2


def daily(most: int = 100, **more) -> Meter:
    return meter("cost", most, 0.0, calendar="day", **more)


def nobody(*_told) -> None: ...


def test_spent_and_reserved_count_together():
    """60 spent, 30 held: 10 are left; what was not used comes back."""
    limit = daily()
    cell = BudgetCell(limit, NOON, nobody)
    cell.settle(limit, 0, 60, 0.0, NOON)
    assert cell.take(limit, 30, 0.0, NOON)
    assert not cell.take(limit, 11, 0.0, NOON)
    assert cell.state(limit, 11, 0.0, NOON)[:3] == (10, 60, 30)
    cell.settle(limit, 30, 5, 0.0, NOON)
    assert cell.state(limit, 0, 0.0, NOON)[:3] == (35, 65, 0)


def test_when_to_come_back():
    """Soon if running requests are in the way, with the next period if the money is spent."""
    limit = daily()
    cell = BudgetCell(limit, NOON, nobody)
    cell.take(limit, 100, 0.0, NOON)
    assert cell.state(limit, 10, 0.0, NOON).retry == 1.0
    cell.settle(limit, 100, 100, 0.0, NOON)
    assert cell.state(limit, 10, 0.0, NOON).retry == DAY / 2
    assert cell.take(limit, 10, 0.0, NOON + DAY / 2)


def test_of_what_is_used_up_not_even_nothing():
    """A request that is expected to cost nothing does not get by when the money is spent."""
    limit = daily()
    cell = BudgetCell(limit, NOON, nobody)
    cell.settle(limit, 0, 100, 0.0, NOON)
    assert not cell.take(limit, 0, 0.0, NOON)


def test_soft_budgets_count_and_let_by():
    """They are told, never enforced."""
    limit = daily(hard=False)
    cell = BudgetCell(limit, NOON, nobody)
    assert cell.take(limit, 1000, 0.0, NOON)
    cell.settle(limit, 1000, 1000, 0.0, NOON)
    assert cell.take(limit, 1, 0.0, NOON)


def test_what_began_yesterday_is_yesterdays():
    """A request that ends after midnight is spent in the period in which it was reserved, as in the ledger."""
    limit = daily()
    cell = BudgetCell(limit, NOON, nobody)
    cell.take(limit, 50, 0.0, NOON)
    tomorrow = NOON + DAY
    assert cell.take(limit, 50, 0.0, tomorrow)
    cell.settle(limit, 50, 40, 0.0, NOON)
    assert cell.state(limit, 0, 0.0, tomorrow)[:3] == (50, 0, 50)


def test_a_clock_that_jumps_gives_no_money():
    """Forward to the next day and back again: what was spent today is spent (faults C32)."""
    limit = daily()
    cell = BudgetCell(limit, NOON, nobody)
    cell.settle(limit, 0, 90, 0.0, NOON)
    assert cell.take(limit, 20, 0.0, NOON + DAY)
    cell.settle(limit, 20, 20, 0.0, NOON + DAY)
    assert not cell.take(limit, 20, 0.0, NOON)
    assert cell.state(limit, 0, 0.0, NOON).settled == 90
    assert cell.state(limit, 0, 0.0, NOON + DAY).settled == 20


def test_thresholds_are_told_when_they_are_passed():
    """Once each, by what is spent, and again in the next period."""
    told: list[int] = []
    limit = daily(alerts=(50, 80, 100))
    cell = BudgetCell(limit, NOON, lambda _meter, spent, _start, _end: told.append(spent))
    for _ in range(10):
        cell.settle(limit, 0, 10, 0.0, NOON)
    cell.settle(limit, 0, 10, 0.0, NOON + DAY)
    cell.settle(limit, 0, 60, 0.0, NOON + DAY)
    assert told == [50, 80, 100, 70]


def test_a_seed_says_what_was_spent():
    """It replaces what was known of the period."""
    limit = daily()
    cell = BudgetCell(limit, NOON, nobody)
    cell.settle(limit, 0, 10, 0.0, NOON)
    cell.seed(70, NOON)
    assert cell.state(limit, 0, 0.0, NOON)[:2] == (30, 70)


def test_what_others_spent_is_put_to_it():
    """Beside what is counted here; a figure that was too high is taken back, and never below nothing."""
    limit = daily()
    cell = BudgetCell(limit, NOON, nobody)
    cell.settle(limit, 0, 10, 0.0, NOON)
    cell.more(60, NOON)
    assert cell.state(limit, 0, 0.0, NOON)[:2] == (30, 70)
    cell.more(-20, NOON)
    assert cell.state(limit, 0, 0.0, NOON)[:2] == (50, 50)
    cell.more(-200, NOON)
    assert cell.state(limit, 0, 0.0, NOON)[:2] == (100, 0)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.booleans()), max_size=50))
def test_overspending_is_what_guesses_were_too_small(requests):
    """Whatever comes in whatever order: spent never exceeds the limit by more than actual costs exceeded their reservations, and
    nothing is ever negative.
    """
    limit = daily()
    cell = BudgetCell(limit, NOON, nobody)
    running: list[tuple[int, int]] = []
    slack = 0
    for reserved, actual, ends in requests:
        if cell.take(limit, reserved, 0.0, NOON):
            running.append((reserved, actual))
        if ends and running:
            held, used = running.pop(0)
            cell.settle(limit, held, used, 0.0, NOON)
            slack += max(used - held, 0)
        assert cell.reserved == sum(held for held, _ in running)
        assert 0 <= cell.spent + cell.reserved <= limit.most + slack
    for held, used in running:
        cell.settle(limit, held, used, 0.0, NOON)
        slack += max(used - held, 0)
    assert cell.reserved == 0
    assert cell.spent <= limit.most + slack
