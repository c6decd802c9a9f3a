"""What a worker allowed on its own while Redis was away, summed up so that it can be told once when Redis is back.

Of budgets the sum; of rates what would not have come back by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

from llm_gateway.limits.redis_counters import Counter

MOST = 100_000
"""Counters at once."""


class Sum(NamedTuple):
    """`key`: the word for the counter that it is of."""

    counter: Counter
    key: bytes
    amount: int


class Meanwhile:
    """Sums of one worker. `lost`: amounts that were not summed up because there were too many counters, ever."""

    def __init__(self) -> None:
        self._budgets: dict[bytes, tuple[Counter, int]] = {}
        self._rates: dict[bytes, tuple[Counter, float, float]] = {}
        self.lost = 0

    def add(self, counter: Counter, key: bytes, amount: int, at: float, workers: int) -> None:
        """So much more (below 0: less). `at`: monotonic seconds; `workers`: that share the limit."""
        if counter.kind == "b":
            known = self._budgets.get(key)
            if known is not None or self._room():
                self._budgets[key] = (counter, amount + (known[1] if known else 0))
        elif counter.kind == "r":
            rate = self._rates.get(key)
            if rate is not None:
                self._rates[key] = (counter, max(_sunk(rate, at, workers) + amount, 0.0), at)
            elif amount > 0 and (self._room() or self._swept(at, workers)):
                self._rates[key] = (counter, float(amount), at)

    def drain(self, at: float, workers: int) -> Iterator[Sum]:
        """Everything, once."""
        budgets, self._budgets = self._budgets, {}
        rates, self._rates = self._rates, {}
        for key, (counter, amount) in budgets.items():
            if amount:
                yield Sum(counter, key, amount)
        for key, rate in rates.items():
            level = _sunk(rate, at, workers)
            if level > 0:
                yield Sum(rate[0], key, ceil(level))

    def _room(self) -> bool:
        if len(self._budgets) + len(self._rates) < MOST:
            return True
        self.lost += 1
        return False

    def _swept(self, at: float, workers: int) -> bool:
        """Whether there is room again, without the rates of which all has come back. Not looked for each time."""
        if self.lost % 1000 == 1:
            self._rates = {key: rate for key, rate in self._rates.items() if _sunk(rate, at, workers) > 0}
        return len(self._budgets) + len(self._rates) < MOST


def _sunk(rate: tuple[Counter, float, float], at: float, workers: int) -> float:
    """What is left of a rate's level: it comes back to each worker in its part of the pace."""
    counter, level, since = rate
    return max(level - max(at - since, 0.0) * counter.per_ms * 1000 / workers, 0.0)
