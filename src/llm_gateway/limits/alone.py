"""What a worker allows while Redis is away (`limits.when_store_fails`), and what is to be told when it is back.

local_share   each worker allows its part of every limit, by a book in memory; of a budget its part of what was left of it
              when Redis was last heard of. A part is never less than one
open          nothing is refused
closed        everything that is limited is refused, before it comes here
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Literal

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.limits.meanwhile import Meanwhile, Sum
from llm_gateway.limits.meter import Book, Charge, Meter, State, Taken
from llm_gateway.limits.redis_counters import Counter

ANEW = 60.0
"""An outage this long after the last one begins with fresh counters: shorter ones go on with the same. Parts of budgets are
made anew in any case, or each outage would allow what was left at the first one."""
Entry = tuple[Counter, bytes, int]


class Alone:
    """One worker on its own. `workers`: how many share the limits."""

    def __init__(
        self,
        policy: Literal["local_share", "open", "closed"],
        fallback: Callable[[], Book],
        clock: Clock,
        workers: Callable[[], int],
    ) -> None:
        self.policy = policy
        self._fallback = fallback
        self._clock = clock
        self._workers = workers
        self._book = fallback()
        self._outage = 0
        self._began = -inf
        self._spent: dict[bytes, int] = {}
        """Of budgets, by their counters' names: what the book has as spent."""
        self._before: dict[bytes, int] = {}
        """What that was when this outage's part was made: Redis knows of it."""
        self._holds: dict[str, tuple[float, list[Entry]]] = {}
        self._meanwhile = Meanwhile()

    @property
    def dropped(self) -> int:
        """Amounts that found no room, ever."""
        return self._meanwhile.lost

    def begin(self) -> None:
        """An outage."""
        at = self._clock.monotonic()
        self._outage += 1
        if at - self._began >= ANEW:
            self._book = self._fallback()
            self._spent.clear()
        self._before.clear()
        self._began = at

    def has(self, hold: str) -> bool:
        """Whether it was given something here."""
        return hold in self._holds

    def take(self, hold: str, entries: list[Entry], now: float, lease: float) -> Taken:
        """As Book's."""
        at = self._clock.monotonic()
        if self.policy == "open":
            states = [State(counter.burst, 0, 0, 0.0, 0.0) for counter, _, _ in entries]
        else:
            charges = [Charge(self._share(counter), amount) for counter, _, amount in entries]
            taken = self._book.take(hold, charges, now, lease)
            assert isinstance(taken, Taken)  # noqa: S101 - the book in memory answers at once
            before = self._before
            states = [
                _whole(state, counter, before.get(counter.key, 0))
                for state, (counter, _, _) in zip(taken.states, entries, strict=True)
            ]
            if taken.refused >= 0:
                return Taken(taken.refused, states)
        self._sweep(at)
        held = self._holds.get(hold)
        self._holds[hold] = (at + lease, entries if held is None else [*held[1], *entries])
        for counter, key, amount in entries:
            if counter.kind == "r":
                self._meanwhile.add(counter, key, amount, at, self._workers())
        return Taken(-1, states)

    def settle(self, hold: str, used: Sequence[Entry], now: float, *, tell: bool) -> None:
        """As Book's. `tell`: whether Redis is to be told from here what was used."""
        at, workers = self._clock.monotonic(), self._workers()
        _, entries = self._holds.pop(hold, (0.0, []))
        if self.policy == "local_share":
            self._book.settle(hold, [Charge(self._share(counter), amount) for counter, _, amount in used], now)
            for counter, key, amount in used:
                if counter.kind == "b":
                    self._spent[key] = self._spent.get(key, 0) + amount
        keys: dict[str, bytes] = {}
        for counter, key, amount in entries:
            keys.setdefault(counter.meter.key, key)
            if counter.kind == "r":
                self._meanwhile.add(counter, key, -amount, at, workers)
        if tell:
            for counter, key, amount in used:
                self._meanwhile.add(counter, keys.get(counter.meter.key, key), amount, at, workers)

    def used(self, at: float) -> Iterator[Sum]:
        """What was used, once; of rates with what running requests reserved."""
        self._before.update(self._spent)  # from now on Redis knows of it
        return self._meanwhile.drain(at, self._workers())

    def running(self, now: float) -> Iterator[tuple[str, float, list[Entry]]]:
        """Who holds what, and until when (monotonic), once: they are Redis's from now on."""
        holds, self._holds = self._holds, {}
        for hold, (ends, entries) in holds.items():
            if self.policy == "local_share":
                self._book.settle(hold, (), now)
            yield hold, ends, entries

    def _sweep(self, at: float) -> None:
        """Forgets those whose lease is over; the oldest are in front."""
        while self._holds:
            hold, (ends, _) = next(iter(self._holds.items()))
            if ends > at:
                return
            del self._holds[hold]

    def _share(self, counter: Counter) -> Meter:
        """The worker's part of a limit; of a budget what it spent in outages before and its part of what is left now."""
        if counter.share is not None and counter.share[0] == self._outage:
            return counter.share[1]
        meter, workers = counter.meter, self._workers()
        if counter.kind == "b":
            left = max(meter.most - counter.spent - counter.reserved, 0)
            spent = self._before.setdefault(counter.key, self._spent.get(counter.key, 0))
            part = msgspec.structs.replace(meter, most=spent + left // workers, alerts=())
        else:
            burst = max(meter.burst // workers, 1) if meter.burst else 0
            part = msgspec.structs.replace(meter, most=max(meter.most // workers, 1), burst=burst)
        counter.share = (self._outage, part)
        return part


def _whole(state: State, counter: Counter, before: int) -> State:
    """What a part says, as it is told to callers: of a budget with what others had spent and reserved, and without what is known
    of it twice.
    """
    if counter.kind != "b":
        return state
    return State(state.left, counter.spent + state.settled - before, counter.reserved + state.reserved, state.reset, state.retry)
