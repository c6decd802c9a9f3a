"""Series are bounded, and what is told of them adds up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.telemetry.family import SECONDS
from llm_gateway.telemetry.series import OTHER, Counts, rebucketed

REQUESTS = "gateway_provider_requests_total"
LATENCY = "gateway_provider_latency_seconds"


def told(counts: Counts, most: int = 500):
    """Everything that is told now, by family and labels."""
    return {
        (family, labels): values for piece in counts.untold(most) for family, rows in piece.items() for labels, values in rows
    }


def test_only_what_came_since_is_told():
    """The differences, each once."""
    counts = Counts()
    counts.add(REQUESTS, ("p", "m", "200"), 3)
    assert told(counts) == {(REQUESTS, ("p", "m", "200")): [3]}
    assert told(counts) == {}
    counts.add(REQUESTS, ("p", "m", "200"), 2)
    counts.observe(LATENCY, ("p", "m"), 0.002)
    assert told(counts) == {
        (REQUESTS, ("p", "m", "200")): [2],
        (LATENCY, ("p", "m")): [0, 1, *[0] * (len(SECONDS) - 1), 0.002],
    }


@pytest.mark.parametrize(
    ("family", "at", "labels"),
    [
        ("gateway_errors_total", 2, ("/v1/chat/completions", "p", "")),
        ("gen_ai_client_operation_duration_seconds", 3, ("chat", "openai", "m", "")),
    ],
)
def test_words_of_providers_are_bounded(family, at, labels):
    """A provider that puts another word into each of its error's `code` fills one family up to its bound, and no further."""
    counts = Counts(most=100)
    for number in range(1000):
        counts.series(family, (*labels[:at], f"code {number}", *labels[at + 1 :]))
    assert counts.total() == 101


def test_what_could_not_be_told_is_told_later():
    """A piece counts as told when the next one is asked for."""
    counts = Counts()
    for number in range(5):
        counts.add(REQUESTS, ("p", "m", str(number)))
    pieces = counts.untold(2)
    next(pieces)
    next(pieces)
    pieces.close()
    counts.add(REQUESTS, ("p", "m", "2"))
    rest = told(counts)
    assert {labels[2]: values for (_, labels), values in rest.items()} == {"2": [2], "3": [1], "4": [1]}


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 4))
def test_pieces_add_up(picked, most):
    """Whatever is counted between two pieces, nothing is lost and nothing comes twice."""
    counts = Counts()
    sums: dict[str, float] = {}
    steps = iter(picked)
    for piece in _endless(counts, most, steps):
        for labels, values in piece.get(REQUESTS, ()):
            sums[labels[2]] = sums.get(labels[2], 0) + values[0]
    assert sums == {str(number): picked.count(number) for number in set(picked)}


def _endless(counts, most, steps):
    for number in steps:
        counts.add(REQUESTS, ("p", "m", str(number)))
        for piece in counts.untold(most):
            yield piece
            more = next(steps, None)
            if more is not None:
                counts.add(REQUESTS, ("p", "m", str(more)))


def test_what_another_keeps_is_told_from_zero():
    """A total that never moved is told once, so that its first rise is seen."""
    counts = Counts()
    counts.set("gateway_shed_total", ("0",), 0)
    assert told(counts) == {("gateway_shed_total", ("0",)): [0]}
    counts.set("gateway_shed_total", ("0",), 0)
    assert told(counts) == {}
    counts.set("gateway_shed_total", ("0",), 7)
    assert told(counts) == {("gateway_shed_total", ("0",)): [7]}


def test_beyond_the_most_names_are_other():
    """What callers may choose becomes `other`; a status stays what it is."""
    counts = Counts(most=3)
    for number in range(10):
        counts.add(REQUESTS, ("p", f"m{number}", "200"))
    counts.add(REQUESTS, ("p", "m9", "500"))
    found = {labels: values for (_, labels), values in told(counts).items()}
    assert found == {
        ("p", "m0", "200"): [1],
        ("p", "m1", "200"): [1],
        ("p", "m2", "200"): [1],
        (OTHER, OTHER, "200"): [7],
        (OTHER, OTHER, "500"): [1],
    }


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ((1.0, 2.0, 4.0), [1, 2, 3, 9, 50.0]),
        ((2.0, 8.0), [3, 3, 9, 50.0]),
        ((1.5,), [1, 5 + 9, 50.0]),
    ],
)
def test_a_histogram_under_other_bounds_is_never_too_low(wanted, expected):
    """Each count goes to the first bucket that surely holds it."""
    assert rebucketed([1, 2, 3, 9, 50.0], (1.0, 2.0, 4.0), wanted) == expected
