"""What people are shown."""

from __future__ import annotations

from llm_gateway.loadtest.compare import differences
from llm_gateway.loadtest.measured import Machine, Measured, Outcome
from llm_gateway.loadtest.report import bottleneck, compared, durations, facts, live


def measured() -> Measured:
    made = Measured()
    made.count(Outcome(0.0, sent=0.001, end=0.5, output_tokens=1200))
    made.count(Outcome(0.0, sent=0.001, end=0.5, error="429 rate_limit_exceeded"))
    return made


def test_only_what_happened_is_shown():
    """There were no streams, so there is no line about first tokens."""
    summary = measured().summary({}, Machine(1.0, 1.0, 0.1, 2, 3, exact_timer=True))
    assert [row[0] for row in durations(summary)] == [
        "latency, from when it was due",
        "the same, from when it was sent",
        "sent too late by the generator",
    ]
    told = dict(facts(summary))
    assert told["errors"] == "1 (50.00%)"
    assert told["  429 rate_limit_exceeded"] == "1"
    assert told["tokens"] == "0 read, 1,200 written"
    assert bottleneck(summary) == ""


def test_the_live_line():
    """The warm-up counts down, then the figures so far are shown."""
    assert live(measured(), -2.0, 5) == "warm-up, 2 s left, 5 under way"
    assert live(measured(), 3.0, 5) == "3 s: 1 answered, 1 errors, 5 under way, p50 500.0, p95 500.0 ms"
    assert "p50 0.0" in live(Measured(), 0.0, 0)


def test_a_bottleneck_comes_with_advice():
    """The figures are shown all the same."""
    summary = measured().summary({}, Machine(1.0, 1.0, 1.0, 2, 3, exact_timer=True))
    assert "bottleneck" in bottleneck(summary)
    assert "100% of its one processor core" in bottleneck(summary)


def test_a_comparison_says_what_could_not_be_judged():
    """One answer is too few."""
    summary = measured().summary({}, Machine(1.0, 1.0, 0.1, 2, 3, exact_timer=True))
    rows = {row[0]: row for row in compared(differences(summary, summary, 0.1))}
    assert rows["latency p50"][-1] == "too few to judge"
    assert rows["answers"] == ("answers", "per second", "1.000", "1.000", "+0.0%", "")
