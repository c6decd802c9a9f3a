"""Places: how many requests, or streams, run at once."""

from __future__ import annotations

from llm_gateway.limits.meter import Meter, State

SOON = 1.0
"""Seconds after which a place may be free: nobody knows when a running request ends."""

_state = tuple.__new__  # a third of the time of State(...)


class PlaceCell:
    """One counter. Who holds a place is the book's business, which takes it back when the lease is over."""

    __slots__ = ("used",)

    def __init__(self) -> None:
        self.used = 0

    def take(self, meter: Meter, amount: int, at: float, now: float) -> bool:  # noqa: ARG002 - the same for all kinds of cells
        """Whether there was a place, and is taken now."""
        used = self.used + amount
        if used > meter.most and meter.hard:
            return False
        self.used = used
        return True

    def settle(self, meter: Meter, reserved: int, actual: int, at: float, when: float) -> None:  # noqa: ARG002 - as above
        """A place that was taken is free again, whatever it was used for."""
        self.used -= reserved

    def idle(self, at: float, now: float) -> bool:  # noqa: ARG002 - as above
        """Whether a new counter would be the same."""
        return self.used <= 0

    def state(self, meter: Meter, amount: int, at: float, now: float) -> State:  # noqa: ARG002 - as above
        """As it stands, and when `amount` may be there."""
        left = max(meter.most - self.used, 0)
        return _state(State, (left, self.used, 0, SOON if self.used else 0.0, SOON if amount > left else 0.0))
