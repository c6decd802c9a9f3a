"""Moments as Ollama writes them: RFC 3339, with up to nine digits of a second."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_time(text: str | None) -> int | None:
    """Seconds since the epoch; None for what is no time."""
    try:
        return int(datetime.fromisoformat(text or "").timestamp())
    except (ValueError, OverflowError):
        return None


def render_time(seconds: float) -> str:
    """A time that no calendar has is the epoch."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        moment = datetime.fromtimestamp(0, UTC)
    return moment.isoformat().replace("+00:00", "Z")
