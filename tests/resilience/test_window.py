"""Counts over a rolling window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.resilience.window import BUCKETS, Counts, Window


def add(window: Window, now: float, *, bad: bool) -> None:
    if now >= window.edge:
        window.turn(now)
    if bad:
        window.bad += 1
    else:
        window.good += 1


def test_what_was_longer_ago_than_the_window_is_gone() -> None:
    """Ten buckets of a second: what happened at 0.5 counts at 9.4 and no longer at 11."""
    window = Window(10.0)
    add(window, 100.5, bad=True)
    assert window.counts(109.4) == Counts(0, 1, 0)
    assert window.counts(111.6) == Counts(0, 0, 0)


def test_a_long_silence_empties_it() -> None:
    """However long it was, at the cost of one look."""
    window = Window(10.0)
    add(window, 1.0, bad=False)
    assert window.counts(1e9) == Counts(0, 0, 0)
    add(window, 1e9, bad=True)
    assert window.counts(1e9 + 1) == Counts(0, 1, 0)


def test_clear_forgets() -> None:
    """As when a circuit changes its state."""
    window = Window(10.0)
    add(window, 1.0, bad=True)
    add(window, 3.0, bad=True)
    window.clear()
    assert window.counts(3.0) == Counts(0, 0, 0)


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.booleans()), max_size=60), st.floats(0.1, 20.0))
def test_the_sums_are_those_of_the_last_seconds(steps: list[tuple[float, bool]], seconds: float) -> None:
    """Whatever lies clearly within the window counts, whatever lies clearly outside does not."""
    window, now, seen = Window(seconds), 50.0, []
    for gap, bad in steps:
        now += gap
        add(window, now, bad=bad)
        seen.append((now, bad))
    bucket = seconds / BUCKETS
    counts = window.counts(now)
    within = sum(bad for at, bad in seen if at > now - seconds + 2 * bucket)
    around = sum(bad for at, bad in seen if at > now - seconds - bucket)
    assert within <= counts.bad <= around
