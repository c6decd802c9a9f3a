"""Pauses between repeats."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.resilience.backoff import Backoff, Policy
from llm_gateway.routing.route import Growth, Jitter

MIDDLE = Backoff(lambda: 0.5)


def waits(growth: Growth, count: int = 6) -> list[float]:
    return [MIDDLE.wait(n, Policy(growth, "none", 1.0, 1000.0)) for n in range(count)]


def test_growth() -> None:
    """Each kind, from the first repeat on (requirements B4)."""
    assert waits("fixed") == [1, 1, 1, 1, 1, 1]
    assert waits("linear") == [1, 2, 3, 4, 5, 6]
    assert waits("exponential") == [1, 2, 4, 8, 16, 32]
    assert waits("fibonacci", 8) == [1, 1, 2, 3, 5, 8, 13, 21]


@pytest.mark.parametrize(
    ("jitter", "least", "most"),
    [("none", 4.0, 4.0), ("proportional", 3.0, 5.0), ("full", 0.0, 4.0), ("equal", 2.0, 4.0), ("decorrelated", 1.0, 6.0)],
)
def test_jitter(jitter: Jitter, least: float, most: float) -> None:
    """The range of each around the third pause, 4 seconds; decorrelated goes by the pause before, 2 seconds (C17)."""
    policy = Policy("exponential", jitter, 1.0, 100.0)
    assert Backoff(lambda: 0.0).wait(2, policy, before=2.0) == pytest.approx(least)
    assert Backoff(lambda: 1.0 - 1e-12).wait(2, policy, before=2.0) == pytest.approx(most)


def test_by_default_it_doubles_give_or_take_a_quarter() -> None:
    """0.1, 0.2, 0.4 ... 10 seconds (requirements A8)."""
    assert [MIDDLE.wait(n) for n in range(4)] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert Backoff(lambda: 0.0).wait(0) == pytest.approx(0.075)
    assert Backoff(lambda: 0.999999).wait(0) == pytest.approx(0.125)
    assert MIDDLE.wait(10**9) == pytest.approx(10.0)
    assert Backoff(lambda: 0.5, Policy(initial=3.0)).wait(0) == 3.0


@given(
    st.sampled_from(get_args(Growth)),
    st.sampled_from(get_args(Jitter)),
    st.floats(0.001, 100),
    st.floats(0.001, 1000),
    st.integers(0, 10**9),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1000),
    st.floats(-10, 100),
)
def test_never_beyond_the_cap_or_the_deadline(
    growth: Growth, jitter: Jitter, initial: float, cap: float, attempt: int, drawn: float, before: float, left: float
) -> None:
    """Whatever is drawn, and never less than nothing."""
    wait = Backoff(lambda: drawn).wait(attempt, Policy(growth, jitter, initial, cap), before=before, left=left)
    assert 0.0 <= wait <= cap
    assert wait <= max(left, 0.0)


@given(st.sampled_from(get_args(Growth)), st.integers(0, 200))
def test_growing_never_shrinks(growth: Growth, attempt: int) -> None:
    """Without jitter a later pause is at least as long."""
    policy = Policy(growth, "none", 0.1, 1e6)
    assert MIDDLE.wait(attempt, policy) <= MIDDLE.wait(attempt + 1, policy)
