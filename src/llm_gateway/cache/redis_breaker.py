"""When Redis is not asked any more: it costs each request its deadline to find out again what the one before found out."""

from __future__ import annotations

FAILURES = 5
"""In a row."""
PAUSE = 5.0
"""Seconds; then one asks, and the others with it once that went well."""


class Breaker:
    """Times are monotonic seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it was given up for now."""
        return self._failures >= FAILURES

    def lets(self, now: float) -> bool:
        """Whether this one may ask. In a pause, when that is over, one at a time."""
        if not self.is_open:
            return True
        if now < self._until:
            return False
        self._until = now + PAUSE
        return True

    def well(self) -> None:
        """It was answered."""
        self._failures = 0

    def failed(self, now: float) -> None:
        """It was not."""
        self._failures += 1
        if self.is_open:
            self._until = now + PAUSE
