"""Who is told that a budget is used up to 50, 80 or 100 %: each threshold once in each period."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from llm_gateway.limits.meter import Meter

MOST = 20_000
"""Budgets that are remembered."""


class Alert(msgspec.Struct, frozen=True):
    """A budget has come to `percent` of its limit. Money is nano-dollars, times are Unix milliseconds; -1: none."""

    scope: str
    name: str
    percent: int
    spent: int
    limit: int
    hard: bool
    begins: int
    ends: int
    counter: str
    """The budget's counter."""

    @property
    def id(self) -> str:
        """The same for the same threshold in the same period, whoever noticed it: what tells one alert from another."""
        return f"{self.counter}:{self.begins}:{self.percent}"


class Alerts:
    """One per process. Books call it when a threshold was passed; another process that counts the same notices it as well, so
    whoever sends alerts on compares their ids.
    """

    def __init__(self, send: Callable[[Alert], None]) -> None:
        """`send` must not raise, and returns at once."""
        self._send = send
        self._told: dict[str, tuple[int, int]] = {}
        """By counter: the period's beginning, and the highest percentage that was told."""

    def __call__(self, meter: Meter, spent: int, start: float, end: float) -> None:
        """`spent` of a budget in the period from `start` to `end` (Unix seconds)."""
        begins = _milliseconds(start)
        period, told = self._told.get(meter.key, (begins, 0))
        if period != begins:
            if begins < period:
                return  # a clock that was set back: that period was told of
            told = 0
        for percent in sorted(meter.alerts):
            if told < percent <= spent * 100 // meter.most:
                told = percent
                hard = meter.hard
                limit, ends = meter.most, _milliseconds(end)
                self._send(Alert(meter.scope, meter.name, percent, spent, limit, hard, begins, ends, meter.key))
        if meter.key not in self._told and len(self._told) >= MOST:
            del self._told[next(iter(self._told))]
        self._told[meter.key] = (begins, told)


def _milliseconds(at: float) -> int:
    return int(at * 1000) if abs(at) < 1e15 else -1
