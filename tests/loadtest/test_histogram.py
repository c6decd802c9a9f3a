"""Percentiles, against the exact ones."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.loadtest.histogram import ERROR, Histogram

DURATIONS = st.lists(st.floats(0, 10_000, allow_nan=False), min_size=1, max_size=200)
SHARES = st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]) | st.floats(0, 1)


@given(DURATIONS, SHARES)
def test_a_percentile_is_as_exact_as_is_said(durations, share):
    """Within 1/256 of the value at the nearest rank, or half a microsecond."""
    histogram = Histogram()
    for duration in durations:
        histogram.record(duration)
    exact = sorted(durations)[max(1, ceil(share * len(durations) - 1e-9)) - 1]
    assert abs(histogram.quantile(share) - exact) <= exact * ERROR + 0.5001e-6


@given(DURATIONS)
def test_the_ends_and_the_mean_are_exact(durations):
    """Largest and mean come from what was recorded, not from buckets."""
    histogram = Histogram()
    for duration in durations:
        histogram.record(duration)
    spread = histogram.spread()
    assert spread.count == len(durations)
    assert spread.max == pytest.approx(max(durations) * 1000, abs=0.0011)
    assert spread.mean == pytest.approx(sum(durations) / len(durations) * 1000, abs=0.0011)


@given(DURATIONS, st.floats(0, 10_000))
def test_counts_what_is_above(durations, limit):
    """Only what lies in the limit's own bucket may be counted wrongly."""
    histogram = Histogram()
    for duration in durations:
        histogram.record(duration)
    margin = limit * 2 * ERROR + 1e-6
    assert (
        sum(one > limit + margin for one in durations) <= histogram.above(limit) <= sum(one > limit - margin for one in durations)
    )


def test_the_rank_is_not_one_too_high():
    """0.95 of twenty is nineteen, although 0.95 has no exact binary form."""
    histogram = Histogram()
    for value in range(1, 21):
        histogram.record(value / 1e6)
    assert histogram.quantile(0.95) == 19e-6
    assert histogram.quantile(0.35) == 7e-6


def test_nothing_was_recorded():
    """No percentile is made up."""
    assert Histogram().quantile(0.5) is None
    assert Histogram().spread().p99 is None


def test_strange_durations_are_bounded():
    """A clock that went back counts as nothing, and a year as twelve days."""
    histogram = Histogram()
    histogram.record(-1)
    histogram.record(3e7, times=2)
    assert histogram.quantile(0.1) == 0
    assert histogram.quantile(0.9) == pytest.approx(2**40 / 1e6)
    assert histogram.count == 3
