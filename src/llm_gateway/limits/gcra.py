"""Rates: the generic cell rate algorithm (ATM Forum, Traffic Management 4.0, section 4.4.2), a leaky bucket in one number.

The number is the moment at which all of what was taken has come back. What is taken moves it on by `period / most` each; it may
lie `burst` of these steps ahead of now. So in any time t no more than burst + t * most / period is granted.
"""

from __future__ import annotations

from math import ceil, floor, inf

from llm_gateway.limits.meter import Meter, State

_SLACK = 1e-6
"""Of one step: what sums of floats may be off."""
_TICK = 1e-9

_state = tuple.__new__  # a third of the time of State(...)


class RateCell:
    """One rate's counter. `at`: monotonic seconds, so that a clock that is set can neither refuse everybody nor give for free."""

    __slots__ = ("_burst", "_meter", "_pace", "_room", "full_at")

    def __init__(self, meter: Meter, at: float) -> None:
        self._set(meter)
        self.full_at = at

    def _set(self, meter: Meter) -> None:
        self._meter = meter
        self._pace = meter.period / meter.most
        self._burst = meter.most_at_once
        self._room = self._burst * self._pace + self._pace * _SLACK + _TICK

    def take(self, meter: Meter, amount: int, at: float, now: float) -> bool:  # noqa: ARG002 - the same for all kinds of cells
        """Whether it was there, and is taken now."""
        if meter is not self._meter:
            self._set(meter)
        full_at = self.full_at
        if full_at < at:  # noqa: PLR1730 - max() takes three times as long
            full_at = at
        full_at += amount * self._pace
        if full_at - at > self._room and meter.hard:
            return False
        self.full_at = full_at
        return True

    def settle(self, meter: Meter, reserved: int, actual: int, at: float, when: float) -> None:  # noqa: ARG002 - as above
        """What was reserved turned out to be `actual`. What comes back fills the bucket at most: a moment before now is now."""
        if meter is not self._meter:
            self._set(meter)
        if actual > reserved:
            self.full_at = max(self.full_at, at) + (actual - reserved) * self._pace
        elif actual < reserved:
            self.full_at -= (reserved - actual) * self._pace

    def idle(self, at: float, now: float) -> bool:  # noqa: ARG002 - as above
        """Whether a new counter would be the same."""
        return self.full_at <= at

    def left(self, meter: Meter, at: float) -> tuple[int, float]:
        """Of `state`: what could be taken now, and the seconds until all of it is there again."""
        if meter is not self._meter:
            self._set(meter)
        behind = self.full_at - at
        if behind < 0.0:  # noqa: PLR1730 - as above
            behind = 0.0
        left = floor((self._room - behind) / self._pace)
        return (left, behind) if left > 0 else (0, behind)

    def state(self, meter: Meter, amount: int, at: float, now: float) -> State:  # noqa: ARG002 - as above
        """As it stands, and when `amount` could be taken."""
        if meter is not self._meter:
            self._set(meter)
        behind = max(self.full_at - at, 0.0)
        left = max(floor((self._room - behind) / self._pace), 0)
        retry = 0.0
        if behind + amount * self._pace > self._room:  # also for nothing, while more was used than there was
            retry = inf if amount > self._burst else max(behind + (amount - self._burst) * self._pace, _TICK)
        return _state(State, (left, ceil(behind / self._pace - _SLACK), 0, behind, retry))
