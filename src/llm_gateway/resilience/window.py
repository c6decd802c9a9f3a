"""How many attempts lately went well, badly or slowly: counts over a rolling window, in a handful of buckets."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

BUCKETS = 10


class Counts(NamedTuple):
    """Of the whole window. What was slow is among what went well, too."""

    good: int
    bad: int
    slow: int


class Window:
    """`good`, `bad` and `slow` are the newest bucket's. Who adds to them calls `turn` first if `edge` has passed: on the request
    path that is one comparison and one addition.
    """

    __slots__ = ("_past", "_width", "bad", "edge", "good", "slow")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / BUCKETS
        self._past: deque[Counts] = deque(maxlen=BUCKETS - 1)
        self.edge = 0.0
        """When the newest bucket ends."""
        self.good = self.bad = self.slow = 0

    def turn(self, now: float) -> None:
        """Begin a new bucket. Call when `now` has reached `edge`."""
        passed = int(min((now - self.edge) / self._width, BUCKETS)) + 1
        if passed > BUCKETS:
            self._past.clear()
            self.edge = now + self._width
        else:
            self._past.append(Counts(self.good, self.bad, self.slow))
            self._past.extend([Counts(0, 0, 0)] * (passed - 1))
            self.edge += passed * self._width
        self.good = self.bad = self.slow = 0

    def counts(self, now: float) -> Counts:
        """The sums over the last `seconds`, exact to one bucket."""
        if now >= self.edge:
            self.turn(now)
        past = self._past
        return Counts(
            self.good + sum(one.good for one in past),
            self.bad + sum(one.bad for one in past),
            self.slow + sum(one.slow for one in past),
        )

    def clear(self) -> None:
        """As if nothing had been."""
        self._past.clear()
        self.good = self.bad = self.slow = 0
