from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.telemetry.stats import RECENT, Stats, milliseconds


def fill(stats: Stats, outcomes: str, provider: str = "a", model: str = "m", start: float = 1000.0, step: float = 1.0) -> float:
    """Record "." for success and "x" for failure; gives the time of the last one."""
    now = start
    for number, outcome in enumerate(outcomes):
        now = start + number * step
        stats.record(provider, model, 0.1 * (number + 1), outcome == ".", None if outcome == "." else "timeout", now)
    return now


def test_nothing_is_known_at_first():
    """What was never asked has no rates at all, instead of perfect or empty ones."""
    for summary in (Stats().model("a", "m", 5.0), Stats().provider("a", 5.0), Stats([("a", "m")]).provider("a", 5.0)):
        assert (summary.requests, summary.recent, summary.requests_per_minute, summary.consecutive_failures) == (0, 0, 0, 0)
        assert (summary.success_rate, summary.error_rate, summary.avg_latency, summary.p95_latency) == (None, None, None, None)
        assert (summary.last_error, summary.last_at) == (None, None)


def test_rates_and_latencies():
    """Rates count everything, latencies only what succeeded."""
    stats = Stats()
    now = fill(stats, "..x.")
    summary = stats.model("a", "m", now)
    assert (summary.requests, summary.errors, summary.recent) == (4, 1, 4)
    assert (summary.success_rate, summary.error_rate) == (0.75, 0.25)
    assert summary.avg_latency == pytest.approx((0.1 + 0.2 + 0.4) / 3)
    assert (summary.p50_latency, summary.p95_latency) == (0.2, 0.4)
    assert (summary.last_error, summary.last_error_at, summary.last_at) == ("timeout", 1002.0, 1003.0)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), min_size=1, max_size=3 * RECENT))
def test_only_the_last_attempts_count(attempts):
    """Rates rest on the last RECENT attempts exactly; the counters on all."""
    stats = Stats()
    for latency, ok in attempts:
        stats.record("a", "m", latency, ok, "x", 1.0)
    summary = stats.model("a", "m", 1.0)
    recent = attempts[-RECENT:]
    good = sorted(latency for latency, ok in recent if ok)
    assert (summary.requests, summary.errors) == (len(attempts), sum(not ok for _, ok in attempts))
    assert summary.recent == len(recent)
    assert summary.success_rate == len(good) / len(recent)
    if good:
        assert summary.avg_latency == pytest.approx(sum(good) / len(good))
        assert sum(latency <= summary.p95_latency for latency in good) >= 0.95 * len(good)
        assert sum(latency < summary.p95_latency for latency in good) < 0.95 * len(good)


def test_failures_in_a_row():
    """A success ends the row; an answer that finds fault with the request is one, for it shows that somebody is there."""
    stats = Stats()
    now = fill(stats, ".xxx")
    assert stats.model("a", "m", now).consecutive_failures == 3
    stats.record("a", "m", 0.1, False, "rejected", now)
    summary = stats.model("a", "m", now)
    assert (summary.consecutive_failures, summary.errors, summary.last_error) == (0, 3, "timeout")


def test_a_providers_row_goes_over_its_models():
    """One model that fails does not make the provider fail; all of them together do."""
    stats = Stats()
    fill(stats, "xx", model="m")
    fill(stats, "xx", model="n")
    assert stats.provider("a", 1002.0).consecutive_failures == 4
    fill(stats, ".", model="n")
    assert stats.provider("a", 1002.0).consecutive_failures == 0
    assert stats.model("a", "m", 1002.0).consecutive_failures == 2


def test_providers_are_apart():
    """What one provider does is not told of another one."""
    stats = Stats()
    now = fill(stats, "xxx", provider="a")
    fill(stats, "..", provider="b")
    assert (stats.provider("a", now).requests, stats.provider("a", now).error_rate) == (3, 1.0)
    assert (stats.provider("b", now).requests, stats.provider("b", now).error_rate) == (2, 0.0)


def test_several_models_as_one():
    """An alias sums over its candidates, each once."""
    stats = Stats()
    fill(stats, "..", provider="a")
    now = fill(stats, "xx", provider="b", start=2000.0)
    summary = stats.models([("a", "m"), ("b", "m"), ("a", "m"), ("c", "never")], now)
    assert (summary.requests, summary.success_rate, summary.last_at, summary.last_error_at) == (4, 0.5, 2001.0, 2001.0)


@pytest.mark.parametrize(("step", "count", "expected"), [(1.0, 100, 60), (0.01, 5000, 5000), (0.1, 2000, 600), (10.0, 20, 6)])
def test_requests_per_minute(step, count, expected):
    """The last minute is counted whole, also when it holds far more than the ring; to one second's worth."""
    stats = Stats()
    now = fill(stats, "." * count, step=step)
    assert stats.model("a", "m", now).requests_per_minute == pytest.approx(expected, abs=1 + 1 / step)


def test_a_minute_of_silence_is_zero():
    """Requests leave the minute when it is over, and a new one begins from there."""
    stats = Stats()
    now = fill(stats, "." * 100, step=0.1)
    assert stats.model("a", "m", now + 61).requests_per_minute == 0
    assert stats.model("a", "m", now + 61).success_rate == 1.0
    fill(stats, "..", start=now + 61)
    assert stats.model("a", "m", now + 62).requests_per_minute == 2


def test_names_are_bounded():
    """Beyond the cap, models of a provider share one entry; configured ones have theirs however late they come (C33)."""
    stats = Stats([("a", "configured")], most=10)
    for number in range(1000):
        stats.record("a" if number % 2 else "b", f"random-{number}", 0.1, True, None, 1.0)
    stats.record("a", "configured", 0.1, True, None, 1.0)
    assert len(stats.names()) <= 12
    assert stats.model("a", "configured", 1.0).requests == 1
    assert stats.provider("a", 1.0).requests == 501
    assert stats.model("b", "other", 1.0).requests > 400


def test_milliseconds():
    """Seconds as reports show them; what is not known stays so."""
    assert milliseconds(0.123456) == 123.46
    assert milliseconds(None) is None
