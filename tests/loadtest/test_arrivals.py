"""When requests are due."""

from __future__ import annotations

from itertools import islice, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.loadtest.arrivals import Ramp, even_steps, level, poisson_steps, times

RAMPS = st.lists(st.builds(Ramp, st.floats(0.1, 20), st.floats(0, 50), st.floats(0, 50)), min_size=1, max_size=5)


@given(RAMPS)
def test_even_arrivals_are_as_many_as_the_stages_come_to(ramps):
    """In order, within the stages, and the area under the rate is their number."""
    found = list(times(ramps, even_steps()))
    area = sum((ramp.first + ramp.last) / 2 * ramp.seconds for ramp in ramps)
    assert abs(len(found) - area) <= 1.001
    assert all(a <= b + 1e-9 for a, b in pairwise(found))
    assert all(0 <= at <= sum(ramp.seconds for ramp in ramps) + 1e-9 for at in found)


def test_a_constant_rate_is_evenly_spaced():
    """Ten a second are a tenth of a second apart, over the border of two stages too."""
    found = list(times([Ramp(1, 10, 10), Ramp(1, 10, 10)], even_steps()))
    assert found == pytest.approx([number / 10 for number in range(20)])


def test_a_rate_that_climbs_is_reached_when_it_should_be():
    """From 0 to 10 a second in ten seconds: 50 in all, of which 12.5 in the first half."""
    found = list(times([Ramp(10, 0, 10)], even_steps()))
    assert len(found) == 50
    assert sum(at < 5 for at in found) == 13  # the first is at once


def test_poisson_arrivals_know_nothing_of_one_another():
    """Their number is right, and the spread of the gaps is that of the exponential distribution: as large as their mean."""
    found = list(times([Ramp(200, 50, 50)], poisson_steps(Random(1))))
    assert len(found) == pytest.approx(10_000, rel=0.05)
    gaps = [after - before for before, after in pairwise(found)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert deviation == pytest.approx(mean, rel=0.1)


def test_the_same_seed_gives_the_same_times():
    """A run can be repeated."""
    first, second = (list(islice(times([Ramp(10, 5, 5)], poisson_steps(Random(7))), 20)) for _ in range(2))
    assert first == second


def test_users_go_from_one_number_to_the_other():
    """And there are none behind the last stage."""
    ramps = [Ramp(10, 0, 50), Ramp(10, 50, 50), Ramp(5, 50, 0)]
    assert [level(ramps, at) for at in (0, 5, 15, 22.5, 25, 99)] == [0, 25, 50, 25, 0, 0]
