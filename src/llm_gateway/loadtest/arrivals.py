"""When requests are due, and how many users there are: both may climb or fall evenly during a stage.

The times of a stage whose rate changes are those at which the expected number of requests reaches the next step: whole steps
for even arrivals, steps drawn from the exponential distribution for Poisson arrivals (a process whose rate varies in time).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from math import sqrt
from random import Random
from typing import NamedTuple


class Ramp(NamedTuple):
    """So many seconds in which a rate (per second) or a number of users goes from `first` to `last`."""

    seconds: float
    first: float
    last: float


def even_steps() -> Iterator[float]:
    """The first request at once, each other one when one more is due."""
    return chain((0.0,), repeat(1.0))


def poisson_steps(draw: Random) -> Iterator[float]:
    """Requests that know nothing of one another, as those of many callers."""
    while True:
        yield draw.expovariate(1.0)


def times(ramps: Iterable[Ramp], steps: Iterator[float]) -> Iterator[float]:
    """Seconds from the beginning at which requests are due, in order."""
    begin, owed = 0.0, next(steps)
    for ramp in ramps:
        whole = (ramp.first + ramp.last) / 2 * ramp.seconds
        while owed < whole:
            yield begin + _when(owed, ramp)
            owed += next(steps)
        owed -= whole
        begin += ramp.seconds


def level(ramps: Sequence[Ramp], at: float) -> float:
    """The number of users after so many seconds; none when all is over."""
    for ramp in ramps:
        if at < ramp.seconds:
            return ramp.first + (ramp.last - ramp.first) * at / ramp.seconds
        at -= ramp.seconds
    return 0.0


def _when(owed: float, ramp: Ramp) -> float:
    """Seconds into a stage at which so many requests are expected: first * t + slope * t^2 / 2 = owed."""
    if owed <= 0:
        return 0.0
    slope = (ramp.last - ramp.first) / ramp.seconds
    inside = max(ramp.first * ramp.first + 2 * slope * owed, 0.0)
    return min(2 * owed / (ramp.first + sqrt(inside)), ramp.seconds)
