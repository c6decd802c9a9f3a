"""Limits that are learned: how much a deployment can take at once, told by how its answers go.

Everything is counted in answers, never in seconds, so that the same answers give the same limits. A round is about as many
answers as were allowed at once: what happened inside one was started before its outcome could be known, so the limit moves once
a round.

gradient: the mean of a round against the mean that was usual (after Netflix's concurrency-limits, "gradient2": the new limit is
the old one times usual/now, and some room to grow). An overload that lasts must not become the usual, which is therefore
measured anew now and then, with the limit halved for some rounds, as BBR does with a path's round-trip time.

aimd: additive increase, multiplicative decrease, as TCP's congestion avoidance (RFC 5681 section 3.1).
"""

from __future__ import annotations

from math import sqrt
from typing import Protocol

from llm_gateway.config.schema.bulkheads import AdaptiveLimit

TOLERANCE = 1.15
"""So many times slower than usual is still usual."""
STEEPEST = 0.5
"""The limit falls to this share of itself in a round, at most."""
WEIGHT = 0.5
"""Of a round's verdict against the limit before."""
FASTER = 0.1
"""How much of the way the usual goes to a faster round."""
MEASURED = 0.5
"""How much of the way it goes to a round that was measured on purpose."""
MEASURE_EVERY = 30
"""Rounds from one such measurement to the next."""
DRAIN = 2
"""Rounds of a measurement whose answers were begun before it: one goes until no more run than may, one until those are over."""
ROUND = 20
"""Answers of a round, at least: fewer say nothing, for answers are of very different lengths."""
DECREASE = 0.9


class Adaptive(Protocol):
    """A limit of one deployment."""

    least: int
    most: int

    @property
    def limit(self) -> int:
        """What may run at once now."""
        ...

    def ended(self, seconds: float, first: float, *, answered: bool, running: int) -> int:
        """An attempt ended, of `running` at that moment (itself among them). What may run at once from now on.

        `seconds`: how long it took; `first`: of a stream, seconds to its first content, else 0.0. `answered`: False if it failed
        as what has too much to do fails.
        """
        ...


def adaptive_of(settings: AdaptiveLimit, most: int, before: Adaptive | None = None) -> Adaptive:
    """What `settings` ask for, up to `most`. What was learned before is kept if it was learned in the same way."""
    kind = Gradient if settings.algorithm == "gradient" else Aimd
    start = before.limit if type(before) is kind else settings.initial
    return kind(min(settings.min, most), most, start)


class Aimd:
    """One more after a round without failures, a tenth less after a failure."""

    def __init__(self, least: int, most: int, start: int) -> None:
        self.least = least
        self.most = most
        self._limit = float(min(max(start, least), most))
        self._deaf = 0  # answers that were under way when the limit fell: their failures are that fall's

    @property
    def limit(self) -> int:
        return int(self._limit)

    def ended(self, _seconds: float, _first: float, *, answered: bool, running: int) -> int:
        if self._deaf:
            self._deaf -= 1
        elif not answered:
            self._limit = max(self._limit * DECREASE, self.least)
            self._deaf = running - 1
        if answered and 2 * running >= self._limit:  # what is not used tells nothing about more
            self._limit = min(self._limit + 1.0 / self._limit, self.most)
        return int(self._limit)


class Gradient:
    """The limit at which answers are about as fast as they usually are."""

    def __init__(self, least: int, most: int, start: int) -> None:
        self.least = least
        self.most = most
        self._limit = float(min(max(start, least), most))
        self._kinds = (_Usual(), _Usual())
        """Of whole answers, and of streams."""
        self._failed = False
        self._busiest = 0
        self._measuring = 0  # rounds that a measurement still takes
        self._since = 0  # rounds since the last one
        self._left = self._round()

    @property
    def limit(self) -> int:
        limit = self._limit / 2 if self._measuring else self._limit
        return max(int(limit), self.least)

    def ended(self, seconds: float, first: float, *, answered: bool, running: int) -> int:
        self._busiest = max(self._busiest, running)
        if not answered:
            self._failed = True
        elif seconds > 0.0 or first > 0.0:
            self._kinds[first > 0.0].add(first or seconds)
        self._left -= 1
        if self._left <= 0:
            self._end_round()
            self._failed, self._busiest, self._left = False, 0, self._round()
        return self.limit

    def _round(self) -> int:
        return max(ROUND, self.limit)

    def _end_round(self) -> None:
        """A measurement's rounds do not move the limit, and only the last one tells what is usual."""
        if self._measuring:
            self._measuring -= 1
            for kind in self._kinds:
                kind.ratio(0.0 if self._measuring else MEASURED, up=True)
            return
        ratio = min(kind.ratio(FASTER) for kind in self._kinds)
        busy = 2 * self._busiest >= self._limit  # what is not used tells nothing about more
        if self._failed:
            self._limit *= DECREASE
        elif busy:
            gradient = max(STEEPEST, min(1.0, TOLERANCE * ratio))
            self._limit += WEIGHT * (self._limit * gradient + sqrt(self._limit) - self._limit)
        self._limit = min(max(self._limit, self.least), self.most)
        self._since += 1
        if busy and self._since >= MEASURE_EVERY:
            self._measuring, self._since = DRAIN + 1, 0


class _Usual:
    """How long one kind of answer takes: this round, and usually."""

    __slots__ = ("_count", "_sum", "_usual")

    def __init__(self) -> None:
        self._usual = 0.0
        self._sum = 0.0
        self._count = 0

    def add(self, seconds: float) -> None:
        self._sum += seconds
        self._count += 1

    def ratio(self, weight: float, *, up: bool = False) -> float:
        """Usual over now, 1.0 while nothing is known. Ends the round, and moves the usual `weight` of the way towards it; upwards
        only if told so.
        """
        if not self._count:
            return 1.0
        mean, usual = self._sum / self._count, self._usual
        self._sum, self._count = 0.0, 0
        if not usual:
            self._usual = mean
        elif up or mean < usual:
            self._usual += weight * (mean - usual)
        return self._usual / mean
