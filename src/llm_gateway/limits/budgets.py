"""Budgets: money by the calendar. What was spent and what running requests hold count together against the limit."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from llm_gateway.limits.meter import Meter, State
from llm_gateway.limits.periods import span

Tell = Callable[[Meter, int, float, float], None]
"""A budget's meter, what is spent of it, and its period (Unix seconds): called when a threshold was passed."""

_state = tuple.__new__  # a third of the time of State(...)


class BudgetCell:
    """One budget's counter. Periods go by the wall clock, each with its own sum: a clock that is set forward and back again finds
    what was spent before.
    """

    __slots__ = ("_alert_at", "_earlier", "_meter", "_tell", "end", "reserved", "spent", "start")

    def __init__(self, meter: Meter, now: float, tell: Tell) -> None:
        self.start, self.end = span(meter.calendar or "total", meter.timezone, now)
        self.spent = 0
        """Nano-dollars of this period."""
        self.reserved = 0
        """Held by running requests, whenever they began."""
        self._earlier = (-inf, -inf, 0)
        self._tell = tell
        self._set(meter)

    def _set(self, meter: Meter) -> None:
        self._meter = meter
        ahead = (percent * meter.most for percent in meter.alerts)
        self._alert_at = min((amount for amount in ahead if amount > self.spent * 100), default=inf) / 100

    def _turn(self, now: float) -> None:
        """To the period of `now`."""
        last = self.start, self.end, self.spent
        start, end, spent = self._earlier
        if not start <= now < end:
            start, end = span(self._meter.calendar or "total", self._meter.timezone, now)
            spent = 0
        self._earlier = last
        self.start, self.end, self.spent = start, end, spent
        self._set(self._meter)

    def take(self, meter: Meter, amount: int, at: float, now: float) -> bool:  # noqa: ARG002 - the same for all kinds of cells
        """Whether it was there, and is reserved now. Of what is used up not even nothing can be taken."""
        if meter is not self._meter:
            self._set(meter)
        if not self.start <= now < self.end:
            self._turn(now)
        used = self.spent + self.reserved
        if (used + amount > meter.most or used >= meter.most) and meter.hard:
            return False
        self.reserved += amount
        return True

    def settle(self, meter: Meter, reserved: int, actual: int, at: float, when: float) -> None:
        """What was reserved is free again, and `actual` is spent in the period in which it was taken (`when`, Unix seconds)."""
        self.reserved -= reserved
        if not actual:
            return
        if self.start <= when < self.end:
            self.spent += actual
            if self.spent >= self._alert_at:
                self._tell(meter, self.spent, self.start, self.end)
                self._set(meter)
            return
        start, end, spent = self._earlier
        if start <= when < end:
            self._earlier = (start, end, spent + actual)
        elif when >= self.end:
            self._turn(when)
            self.settle(meter, 0, actual, at, when)

    def turned(self, now: float) -> tuple[float, float]:
        """The period of `now`, which it counts from now on."""
        if not self.start <= now < self.end:
            self._turn(now)
        return self.start, self.end

    def seed(self, spent: int, now: float) -> None:
        """What the ledger says was spent in the period of `now`."""
        if not self.start <= now < self.end:
            self._turn(now)
        self.spent = spent
        if spent >= self._alert_at:
            self._tell(self._meter, spent, self.start, self.end)
        self._set(self._meter)

    def more(self, spent: int, now: float) -> None:
        """So much more (below 0: less) was spent in the period of `now` by others than those who were counted here."""
        if not self.start <= now < self.end:
            self._turn(now)
        self.spent = max(self.spent + spent, 0)
        if self.spent >= self._alert_at:
            self._tell(self._meter, self.spent, self.start, self.end)
        self._set(self._meter)

    def idle(self, at: float, now: float) -> bool:  # noqa: ARG002 - as above
        """Whether a new counter would be the same."""
        return not self.reserved and (not self.spent or now >= self.end)

    def state(self, meter: Meter, amount: int, at: float, now: float) -> State:  # noqa: ARG002 - as above
        """As it stands; `retry` is the end of the period, or soon, where running requests alone are in the way."""
        if not self.start <= now < self.end:
            self._turn(now)
        left = max(meter.most - self.spent - self.reserved, 0)
        reset = max(self.end - now, 0.0)
        retry = 0.0
        if amount > left or not left:
            held = self.reserved > 0 and self.spent < meter.most and self.spent + amount <= meter.most
            retry = 1.0 if held else reset if amount <= meter.most else inf
        return _state(State, (left, self.spent, self.reserved, reset, retry))
