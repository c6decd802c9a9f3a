"""What requests of this worker hold in Redis, and what the outbox is told when that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from math import inf

from llm_gateway.core.clock import Clock
from llm_gateway.limits.redis_counters import Counter
from llm_gateway.limits.redis_outbox import Outbox
from llm_gateway.redis.words import bulk

Entry = tuple[Counter, bytes, int]
"""What a hold has of a counter: the counter, the word for its name, how much."""
Used = Sequence[tuple[Counter, int]]

REMEMBERED = 8192
"""Holds that were settled and are known to be, at least."""
NO_HOLD = bulk("")


class Holds:
    """One worker's. Leases go by its monotonic clock here, and by Redis's there."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._held: dict[str, tuple[float, list[Entry]]] = {}
        self._done: set[str] = set()
        self._done_before: set[str] = set()
        self._pumping = False
        self.loop: asyncio.AbstractEventLoop | None = None
        """Set before anything is taken."""
        self.due = inf
        """No lease ends before this."""

    def __len__(self) -> int:
        """Requests that hold something."""
        return len(self._held)

    def given(self, hold: str, entries: list[Entry], lease: float) -> None:
        """Redis gave it so much more."""
        ends = self._clock.monotonic() + lease
        if ends < self.due:  # noqa: PLR1730 - min() takes three times as long
            self.due = ends
        before = self._held.get(hold)
        if before is not None:
            self._extend(hold, before[1], lease, again=False)
            entries = [*before[1], *entries]
        self._held[hold] = (ends, entries)

    def pop(self, hold: str) -> list[Entry] | None:
        """What it has, which is to be settled now; None: nothing is known of it."""
        held = self._held.pop(hold, None)
        return None if held is None else held[1]

    def settled(self, hold: str) -> bool:
        """Whether it was settled lately."""
        return hold in self._done or hold in self._done_before

    def remember(self, hold: str) -> None:
        """It is settled."""
        if len(self._done) >= REMEMBERED:
            self._done_before, self._done = self._done, set()
        self._done.add(hold)

    def settle(self, hold: str, entries: Sequence[Entry], used: Used, now: float) -> None:
        """It had the entries, and used so much."""
        word = bulk(hold)
        if len(entries) == len(used) and all(entry[0] is one[0] for entry, one in zip(entries, used, strict=True)):
            for (counter, key, reserved), (_, amount) in zip(entries, used, strict=True):
                self._entry(word, counter, key, reserved, amount)
        else:  # it was topped up, or another configuration holds by now
            for counter, amount in used:
                self._apart(word, counter, [one for one in entries if one[0].meter.key == counter.meter.key], amount, now)
            told = {counter.meter.key for counter, _ in used}
            self.give_back(hold, [entry for entry in entries if entry[0].meter.key not in told])
        self.pump_soon()

    def give_back(self, hold: str, entries: Sequence[Entry]) -> None:
        """What it has, of which nothing was used."""
        word = bulk(hold)
        for counter, key, amount in entries:
            self._entry(word, counter, key, amount, 0)
        self.pump_soon()

    def take_back(self, hold: str, entries: Sequence[Entry]) -> None:
        """The same of what it was given too late; what it had before it keeps."""
        self.give_back(hold, entries)
        held = self._held.get(hold)
        if held is not None:
            self._extend(hold, held[1], held[0] - self._clock.monotonic())

    def expire(self) -> None:
        """Whoever held something for so long will not come back."""
        at = self._clock.monotonic()
        for hold in [hold for hold, (ends, _) in self._held.items() if ends <= at]:
            self.give_back(hold, self._held.pop(hold)[1])
        self.due = min((ends for ends, _ in self._held.values()), default=inf)

    def renew(self, taken_apart: Iterator[tuple[str, float, list[Entry]]]) -> None:
        """Redis is back, maybe without its data: it is told what everybody holds, also of those that were given it without Redis
        (each with the end of its lease, monotonic).
        """
        for hold, ends, entries in taken_apart:
            before = self._held.get(hold, (inf, []))[1]
            self._held[hold] = (ends, [*before, *entries])
            self.due = min(self.due, ends)
        at = self._clock.monotonic()
        for hold, (ends, entries) in self._held.items():
            word = bulk(hold)
            for counter, key, _ in entries:
                if counter.kind == "b":  # it makes a counter that was lost
                    self._outbox.add(counter, key, word, 0)
            self._extend(hold, entries, ends - at)

    def pump_soon(self) -> None:
        """What was settled in this turn of the loop is sent together."""
        if self._outbox.ready and not self._pumping and self.loop is not None:
            self._pumping = True
            self.loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        if self._outbox.ready:
            self._outbox.pump()

    def _apart(self, hold: bytes, counter: Counter, entries: Sequence[Entry], used: int, now: float) -> None:
        """`entries`: what the hold has of this counter."""
        if not entries:
            self._entry(hold, counter, counter.at(now), None, used)
            return
        first = entries[0][1]
        self._entry(hold, counter, first, sum(entry[2] for entry in entries), used)
        for key in {entry[1] for entry in entries} - {first}:  # a top-up in the next period
            self._entry(hold, counter, key, 0, 0)

    def _entry(self, hold: bytes, counter: Counter, key: bytes, reserved: int | None, used: int) -> None:
        """`reserved` None: the hold has nothing of it."""
        if counter.kind == "r":
            more = used - (reserved or 0)
            if more:
                self._outbox.add(counter, key, NO_HOLD, more)
        elif counter.kind == "b":
            if used or reserved is not None:
                self._outbox.add(counter, key, hold, used)
        elif reserved is not None:
            self._outbox.add(counter, key, hold, 0)

    def _extend(self, hold: str, entries: Sequence[Entry], lease: float, *, again: bool = True) -> None:
        """All that a hold has is held for so long from now on. `again`: and taken once more where it is not there."""
        word = bulk(hold)
        sums: dict[bytes, tuple[Counter, int]] = {}
        for counter, key, amount in entries:
            sums[key] = (counter, amount + (sums[key][1] if key in sums else 0))
        for key, (counter, amount) in sums.items():
            if counter.kind != "r" and amount:
                much = amount if again or counter.kind == "p" else 0
                self._outbox.add(counter, key, word, much, max(int(lease * 1000), 1))
        self.pump_soon()
