"""When a budget begins anew: days, weeks and months as a calendar in a time zone has them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from llm_gateway.limits.meter import Period


def span(period: Period, timezone: str, now: float) -> tuple[float, float]:
    """The period that `now` lies in: its first moment and the first one after it, in Unix seconds.

    A day of 23 or 25 hours is one day; where midnight itself is skipped (a clock set forward at midnight), the day begins with
    the first moment that it has. Raises zoneinfo.ZoneInfoNotFoundError for an unknown time zone.
    """
    if period == "total":
        return -inf, inf
    zone = ZoneInfo(timezone)  # the class keeps those it has read
    today = datetime.fromtimestamp(now, zone).date()
    match period:
        case "day":
            first, following = today, today + timedelta(days=1)
        case "week":
            first = today - timedelta(days=today.weekday())
            following = first + timedelta(days=7)
        case "month":
            first = today.replace(day=1)
            following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return _midnight(first, zone), _midnight(following, zone)


def _midnight(day: date, zone: ZoneInfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
