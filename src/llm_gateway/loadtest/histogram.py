"""How long things took, counted in buckets: any percentile within 1/256 of the exact one, whatever the range, in bounded memory.

Buckets are as wide as their values' highest bit allows (the idea of HdrHistogram): 128 of them for each doubling.
"""

from __future__ import annotations

from math import ceil

import msgspec

ERROR = 1 / 256
"""How far a percentile may be from the exact one, as a share of it. Values below 256 microseconds are exact."""
_LONGEST = 1 << 40  # microseconds: twelve days
_EXACT = 256
_HALF = 128
_BITS = 7
_BUCKETS = (_LONGEST.bit_length() - _BITS) * _HALF + _EXACT
_ROUNDING = 1e-9  # 0.95 * 20 may be a hair above 19


class Spread(msgspec.Struct, frozen=True):
    """What is told of a histogram: milliseconds. None: nothing was counted."""

    count: int
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None


class Histogram:
    """Counts of durations in seconds. `count`: how many."""

    __slots__ = ("_buckets", "_highest", "_lowest", "_sum", "count")

    def __init__(self) -> None:
        self._buckets = [0] * _BUCKETS
        self.count = 0
        self._sum = 0
        self._lowest = _LONGEST
        self._highest = 0

    def record(self, seconds: float, times: int = 1) -> None:
        """Count a duration; one below nothing is nothing, one above twelve days is that."""
        value = min(max(round(seconds * 1e6), 0), _LONGEST)
        if value < _EXACT:
            self._buckets[value] += times
        else:
            shift = value.bit_length() - _BITS - 1
            self._buckets[(shift << _BITS) + (value >> shift)] += times
        self.count += times
        self._sum += value * times
        self._lowest = min(self._lowest, value)
        self._highest = max(self._highest, value)

    def quantile(self, share: float) -> float | None:
        """The smallest counted duration that `share` of all are not above (nearest rank), in seconds; None: there is none."""
        if not self.count:
            return None
        rank = max(1, ceil(share * self.count - _ROUNDING))
        seen = 0
        for index, times in enumerate(self._buckets):
            seen += times
            if seen >= rank:
                return min(max(_middle(index), self._lowest), self._highest) / 1e6
        raise AssertionError("more was counted than is in the buckets")

    def above(self, seconds: float) -> int:
        """How many are longer than so long, as exact as the buckets are."""
        limit = seconds * 1e6
        return sum(times for index, times in enumerate(self._buckets) if times and _middle(index) > limit)

    def spread(self) -> Spread:
        """All that is told of it."""
        if not self.count:
            return Spread(0)
        named = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
        told = {name: _milliseconds(self.quantile(share) or 0.0) for name, share in named.items()}
        mean = _milliseconds(self._sum / self.count / 1e6)
        return Spread(self.count, mean=mean, max=_milliseconds(self._highest / 1e6), **told)


def _middle(index: int) -> int:
    """Of a bucket, in microseconds."""
    if index < _EXACT:
        return index
    shift = (index >> _BITS) - 1
    return (((index & (_HALF - 1)) + _HALF) << shift) + (1 << shift >> 1)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
