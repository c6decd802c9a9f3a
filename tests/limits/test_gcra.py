"""Rates."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from limits_support import meter
from llm_gateway.limits.gcra import RateCell


def test_so_many_at_once_and_then_one_by_one():
    """Ten a minute: ten, and another one after six seconds."""
    ten = meter(most=10)
    cell = RateCell(ten, 0.0)
    assert [cell.take(ten, 1, 0.0, 0.0) for _ in range(11)] == [True] * 10 + [False]
    assert cell.state(ten, 1, 0.0, 0.0).retry == 6.0
    assert not cell.take(ten, 1, 5.9, 0.0)
    assert cell.take(ten, 1, 6.0, 0.0)
    assert not cell.take(ten, 1, 6.1, 0.0)


def test_a_burst_is_less_than_a_period():
    """Sixty a minute with a burst of two: two, then one a second."""
    limit = meter(most=60, burst=2)
    cell = RateCell(limit, 0.0)
    assert [cell.take(limit, 1, 0.0, 0.0) for _ in range(3)] == [True, True, False]
    assert cell.take(limit, 1, 1.0, 0.0)
    assert cell.state(limit, 1, 1.0, 0.0).left == 0


def test_sevenths_add_up():
    """Sums of steps that no float can hold still give all of the burst."""
    for most in range(1, 200):
        limit = meter(most=most, period=86400.0)
        cell = RateCell(limit, 1e6)
        assert all(cell.take(limit, 1, 1e6, 0.0) for _ in range(most)), most
        assert not cell.take(limit, 1, 1e6, 0.0)


def test_more_than_can_ever_be():
    """What is above the burst never comes."""
    limit = meter(most=10)
    cell = RateCell(limit, 0.0)
    assert not cell.take(limit, 11, 0.0, 0.0)
    assert cell.state(limit, 11, 0.0, 0.0).retry == inf


def test_what_was_not_used_comes_back():
    """Reserved 100, used 30: 70 are there again, and no more than the bucket holds."""
    limit = meter("tokens", most=100)
    cell = RateCell(limit, 0.0)
    assert cell.take(limit, 100, 0.0, 0.0)
    cell.settle(limit, 100, 30, 0.0, 0.0)
    assert cell.state(limit, 0, 0.0, 0.0).left == 70
    cell.settle(limit, 1000, 0, 0.0, 0.0)
    assert cell.state(limit, 0, 0.0, 0.0).left == 100
    assert not cell.take(limit, 101, 0.0, 0.0)


def test_what_was_used_beyond_the_guess_counts():
    """A guess of 10 that was 160: nothing is left until enough time went by."""
    limit = meter("tokens", most=100)
    cell = RateCell(limit, 0.0)
    assert cell.take(limit, 10, 0.0, 0.0)
    cell.settle(limit, 10, 160, 0.0, 0.0)
    assert not cell.take(limit, 1, 35.0, 0.0)
    assert cell.take(limit, 1, 37.0, 0.0)


def test_a_changed_limit_goes_on_with_the_counter():
    """Nine of ten were used; with a limit of twenty there are eleven more, not twenty."""
    ten, twenty = meter(most=10), meter(most=20)
    cell = RateCell(ten, 0.0)
    for _ in range(10):
        cell.take(ten, 1, 0.0, 0.0)
    assert not cell.take(twenty, 1, 0.0, 0.0)
    assert cell.take(twenty, 1, 3.0, 0.0)


def test_soft_limits_count_and_let_by():
    """A limit that is not hard is told, never enforced."""
    soft = meter(most=1, hard=False)
    cell = RateCell(soft, 0.0)
    assert cell.take(soft, 1, 0.0, 0.0)
    assert cell.take(soft, 1, 0.0, 0.0)


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 40), st.integers(1, 5), st.integers(0, 5)), max_size=80),
)
def test_never_more_than_burst_and_rate(most, burst, requests):
    """In any window no more is granted, net of what came back, than the burst and what the window's length gives."""
    limit = meter(most=most, burst=burst)
    cell = RateCell(limit, 0.0)
    at, granted = 0.0, []
    for wait, amount, actual in requests:
        at += wait
        if cell.take(limit, amount, at, 0.0):
            used = min(actual, amount)
            cell.settle(limit, amount, used, at, 0.0)
            granted.append((at, used))
        assert 0 <= cell.state(limit, 0, at, 0.0).left <= burst
    for first in range(len(granted)):
        total = 0
        for moment, amount in granted[first:]:
            total += amount
            assert total <= burst + (moment - granted[first][0]) * most / 60 + 1e-3


@given(st.integers(1, 50), st.lists(st.tuples(st.floats(0, 40), st.integers(0, 60)), max_size=60))
def test_nothing_is_refused_that_is_there(most, requests):
    """What the state says is left can be taken, and `retry` later it can."""
    limit = meter(most=most)
    cell = RateCell(limit, 0.0)
    at = 0.0
    for wait, amount in requests:
        at += wait
        state = cell.state(limit, amount, at, 0.0)
        assert (state.retry == 0.0) is (amount <= state.left)
        if state.retry not in (0.0, inf):
            at += state.retry + 1e-6
        assert cell.take(limit, amount, at, 0.0) is (state.retry != inf)
