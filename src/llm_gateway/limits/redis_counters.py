"""Meters as Redis sees them: the names of their counters, what the scripts are told of them, and what their answers mean."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor, inf
from types import MappingProxyType
from typing import Literal

from llm_gateway.limits.meter import Meter, State
from llm_gateway.limits.periods import span
from llm_gateway.redis.words import bulk, whole

Kind = Literal["r", "p", "b"]
"""A rate, places, a budget."""
SOON = 1.0
"""Seconds after which what running requests hold may be free."""
_DAY = 86_400_000
KEPT: Mapping[str, int] = MappingProxyType({"day": 3 * _DAY, "week": 10 * _DAY, "month": 40 * _DAY, "total": 400 * _DAY})
"""Milliseconds since it was last used for which a budget's counter is kept."""
_PLACES_KEPT = 10 * _DAY


class Counter:
    """One meter's counter. `key` and `told` are words of commands, as they go on the wire."""

    __slots__ = (
        "_prefix",
        "_until",
        "burst",
        "kept",
        "key",
        "kind",
        "meter",
        "per_ms",
        "reserved",
        "settled",
        "share",
        "since",
        "spent",
        "told",
        "version",
    )  # fmt: skip

    def __init__(self, meter: Meter, prefix: str, now: float) -> None:
        self.meter = meter
        self._prefix = prefix
        self.kind: Kind = "r" if meter.period > 0 else "p" if meter.calendar is None else "b"
        self.per_ms = meter.most / (meter.period * 1000) if meter.period > 0 else 0.0
        self.burst = meter.most_at_once if self.kind == "r" else meter.most
        self.kept = KEPT[meter.calendar] if meter.calendar else _PLACES_KEPT
        self.share: tuple[int, Meter] | None = None
        """What a worker on its own allows of it, since which outage."""
        self.spent = self.reserved = self.version = 0
        """Of a budget: as last heard of."""
        self.since, self._until = -inf, inf
        kind, kept = bulk(self.kind), whole(self.kept)
        self.told = b"".join((kind, whole(1 if meter.hard else 0), whole(self.burst), kept))
        """For the script `take`: all but the amount, and what a budget's counter was."""
        self.settled = kind + kept
        """For the script `apply`: all but hold and amount, and what a budget's counter was."""
        self.key = bulk(f"{prefix}{meter.key}")
        if self.kind == "b":
            self._turn(now)
        else:
            pace = bulk(f"{self.per_ms:.17g}") + whole(0)
            self.told += pace
            self.settled += pace

    def inherit(self, other: Counter) -> None:
        """The same counter's, as its meter was before a reload: what was heard of it still holds."""
        if (self.kind, self.key) == (other.kind, other.key):
            self.spent, self.reserved, self.version = other.spent, other.reserved, other.version

    def told_by_ledger(self, spent: int, version: int) -> None:
        """What is spent, if nothing newer is known."""
        if version > self.version:
            self.spent, self.version, self.share = spent, version, None

    def remember(self, spent: int, now: float) -> None:
        """What the ledger has of the period of `now`, if Redis has not said anything of it yet."""
        self.at(now)
        if not self.version and not self.spent:
            self.spent = spent

    def at(self, now: float) -> bytes:
        """The name of its counter now: a budget has one for each period."""
        if not self.since <= now < self._until:
            self._turn(now)
        return self.key

    def _turn(self, now: float) -> None:
        meter = self.meter
        self.since, self._until = span(meter.calendar or "total", meter.timezone, now)
        self.spent = self.reserved = self.version = 0
        self.share = None
        start = "" if self.since == -inf else f":{self.since:.0f}"
        self.key = bulk(f"{self._prefix}{meter.key}{start}")

    @property
    def period(self) -> tuple[float, float]:
        """Unix seconds: a budget's."""
        return self.since, self._until

    def words(self, amount: int) -> bytes:
        """What `take` is told of a charge."""
        raw = b"%d" % amount
        if self.kind == "b":
            return b"%b%b%b$%d\r\n%b\r\n" % (self.told, whole(self.spent), whole(self.version), len(raw), raw)
        return b"%b$%d\r\n%b\r\n" % (self.told, len(raw), raw)

    def heard(self, a: int, b: int, c: int, amount: int, now: float) -> State:
        """What `take` says of it. `amount`: what was refused; -1: it was taken."""
        if self.kind == "r":
            return self._rate(a / 1000, amount)
        if self.kind == "p":
            left = max(self.burst - a, 0)
            return State(left, a, 0, SOON if a else 0.0, SOON if amount > left else 0.0)
        self.spent, self.reserved, self.version = a, b, c
        return self.budget(a, b, amount, now)

    def budget(self, spent: int, reserved: int, amount: int, now: float) -> State:
        """Of a budget of which so much is spent and reserved."""
        most = self.burst
        left = max(most - spent - reserved, 0)
        reset = max(self._until - now, 0.0)
        retry = 0.0
        if amount > left or (amount >= 0 and not left):
            held = reserved > 0 and spent < most and spent + amount <= most
            retry = SOON if held else reset if amount <= most else inf
        return State(left, spent, reserved, reset, retry)

    def _rate(self, level: float, amount: int) -> State:
        per_second = self.per_ms * 1000
        left = max(floor(self.burst - level + 0.002), 0)
        retry = 0.0
        if amount >= 0 and level + amount > self.burst + 0.002:  # also for nothing, while more was used than there was
            retry = inf if amount > self.burst else max((level + amount - self.burst) / per_second, 1e-9)
        return State(left, ceil(level - 0.002), 0, level / per_second, retry)
