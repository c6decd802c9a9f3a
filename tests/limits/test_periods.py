"""When budgets begin anew."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.limits.periods import span


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("period", "zone", "now", "start", "end"),
    [
        ("day", "UTC", "2026-03-05T12:00", "2026-03-05", "2026-03-06"),
        ("day", "Asia/Kolkata", "2026-03-05T00:00", "2026-03-05", "2026-03-06"),
        ("day", "Europe/Berlin", "2026-03-29T23:59", "2026-03-29", "2026-03-30"),
        ("day", "Europe/Berlin", "2026-10-25T23:59", "2026-10-25", "2026-10-26"),
        ("week", "UTC", "2026-03-01T23:00", "2026-02-23", "2026-03-02"),
        ("week", "UTC", "2026-03-02T00:00", "2026-03-02", "2026-03-09"),
        ("month", "UTC", "2026-01-31T23:59", "2026-01-01", "2026-02-01"),
        ("month", "UTC", "2026-12-31T23:59", "2026-12-01", "2027-01-01"),
        ("month", "UTC", "2028-02-29T12:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_periods_are_those_of_the_calendar(period, zone, now, start, end):
    """Days from midnight, weeks from Monday, months from their first, in the time zone that was said."""
    assert span(period, zone, at(now, zone)) == (at(start, zone), at(end, zone))


def test_a_day_has_as_many_hours_as_it_has():
    """23 and 25 of them where clocks are changed."""
    start, end = span("day", "Europe/Berlin", at("2026-03-29T12:00", "Europe/Berlin"))
    assert end - start == 23 * 3600
    start, end = span("day", "Europe/Berlin", at("2026-10-25T12:00", "Europe/Berlin"))
    assert end - start == 25 * 3600


def test_a_midnight_that_does_not_exist():
    """In Beirut clocks went from 23:59 to 01:00: the day begins there."""
    start, _ = span("day", "Asia/Beirut", at("2022-03-27T12:00", "Asia/Beirut"))
    assert datetime.fromtimestamp(start, UTC) == datetime(2022, 3, 26, 22, tzinfo=UTC)


def test_in_all_is_for_ever():
    """A total has no end."""
    assert span("total", "UTC", 0.0) == (-inf, inf)


@given(
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Havana", "Asia/Beirut", "Pacific/Apia", "Australia/Lord_Howe"]),
    st.integers(1_000_000_000, 2_000_000_000),
)
def test_every_moment_lies_in_its_period(period, zone, now):
    """Periods follow one another without a gap."""
    start, end = span(period, zone, float(now))
    assert start <= now < end
    assert span(period, zone, end)[0] == end
    assert span(period, zone, start) == (start, end)
