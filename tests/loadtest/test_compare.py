"""Two runs beside each other."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.loadtest.compare import NotComparable, differences
from llm_gateway.loadtest.measured import Machine, Measured, Outcome, Summary

LOAD = {"stages": [{"duration": "10s", "rate": "10"}], "models": {"m": 1.0}}


def summary(factor: float = 1.0, count: int = 2000, errors: int = 0, **machine) -> Summary:
    measured = Measured()
    for number in range(count):
        measured.count(Outcome(0.0, end=factor * (10 + number % 100) / 1000, error="503" if number < errors else ""))
    facts = {"seconds": 10.0, "until_last": 10.0, "cpu": 0.1, "opened": 1, "reused": 1, "exact_timer": True} | machine
    return measured.summary(LOAD, Machine(**facts))


def worse(before: Summary, now: Summary, tolerance: float = 0.1) -> set[str]:
    return {row.name for row in differences(before, now, tolerance) if row.worse}


def test_the_same_is_not_worse():
    """Nor is what is better, or worse by less than is allowed."""
    assert worse(summary(), summary()) == set()
    assert worse(summary(), summary(0.5)) == set()
    assert worse(summary(), summary(1.08)) == set()


def test_slower_is_worse():
    """Each percentile that has enough answers above it."""
    assert worse(summary(), summary(1.2)) == {"latency p50", "latency p95", "latency p99"}
    assert worse(summary(), summary(1.2), tolerance=0.25) == set()


def test_a_percentile_of_few_answers_is_shown_and_not_judged():
    """The p99 of a hundred answers is one of them."""
    rows = {row.name: row for row in differences(summary(count=100), summary(3, count=100), 0.1)}
    assert rows["latency p50"].worse
    assert not rows["latency p99"].judged
    assert not rows["latency p99"].worse
    assert rows["latency p99"].change == pytest.approx(2, abs=0.05)


def test_more_errors_or_fewer_answers_are_worse():
    """Errors by more than one in a thousand; answers by the tolerance."""
    assert "errors" in worse(summary(), summary(errors=3))
    assert "errors" not in worse(summary(), summary(errors=2))
    assert worse(summary(), summary(count=1700)) == {"answers"}


def test_what_cannot_be_compared_is_not():
    """Another load, a generator that was the bottleneck, a run that was broken off; another model may be compared."""
    other = msgspec.structs.replace(summary(), load={**LOAD, "stages": []})
    for before, now, said in (
        (other, summary(), "another load"),
        (summary(), summary(cpu=1.0), "bottleneck"),
        (summary(interrupted=True), summary(), "interrupted"),
    ):
        with pytest.raises(NotComparable, match=said):
            differences(before, now, 0.1)
    assert worse(msgspec.structs.replace(summary(), load={**LOAD, "models": {}}), summary()) == set()
