"""How long a provider asks us to wait, in whichever form it says so."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

LONGEST = 24 * 3600.0
"""Seconds. More than this is a mistake or an attack; the caller is told this much at most."""


def retry_after(headers: Mapping[bytes, bytes], now: float) -> float | None:
    """Seconds to wait from `now` (Unix seconds), within 0..LONGEST; None when absent or unreadable.

    Reads `retry-after-ms` (OpenAI, Azure), then `retry-after` as seconds or as an HTTP date (RFC 9110 section 10.2.3).
    """
    ms = _number(headers.get(b"retry-after-ms"))
    if ms is not None:
        return _bounded(ms / 1000)
    value = headers.get(b"retry-after")
    if value is None:
        return None
    seconds = _number(value)
    if seconds is not None:
        return _bounded(seconds)
    try:
        return _bounded(parsedate_to_datetime(value.decode("latin-1")).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def _number(value: bytes | None) -> float | None:
    if value is None or len(value) > 32:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return None if number != number else number  # noqa: PLR0124 - NaN is the one number that is not itself


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST)
