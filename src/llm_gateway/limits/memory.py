"""The book of one process: counters in memory.

Rates and leases go by the monotonic clock, so that a wall clock that jumps changes nothing about them; budgets by the calendar.
A counter that is as a new one would be is dropped now and then. Of counters that callers can make at will (one for each end
user and each source address) there are `most` at once; beyond that, those that are new share one counter for each limit, so
that nobody gets by through new names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import overload

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.limits.budgets import BudgetCell, Tell
from llm_gateway.limits.gcra import RateCell
from llm_gateway.limits.meter import Charge, Meter, State, Taken
from llm_gateway.limits.places import PlaceCell

MOST_VOLATILE = 50_000
VOLATILE = frozenset({"user", "source"})
SWEEP_FROM = 10_000
"""Counters that are worth a look for those that can go."""
REMEMBERED = 8192
"""Holds that were settled and are known to be, at least."""
SWEEP_EVERY = 1.0

Cell = RateCell | PlaceCell | BudgetCell


def _nobody(meter: Meter, spent: int, start: float, end: float) -> None:
    """Where nobody is told of budgets."""


class Hold(msgspec.Struct, frozen=True, eq=False):
    """What one request holds; and how the meters of that stand, looked up when asked."""

    _book: MemoryBook
    charges: Sequence[Charge]
    cells: list[Cell]
    ends: float
    """Of the lease, monotonic."""
    when: float
    """It was taken, Unix seconds."""

    def __len__(self) -> int:
        return len(self.cells)

    def clocks(self) -> tuple[float, float]:
        """Monotonic, Unix seconds."""
        return self._book.clocks()

    @overload
    def __getitem__(self, index: int) -> State: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[State]: ...
    def __getitem__(self, index: int | slice) -> State | Sequence[State]:
        if isinstance(index, slice):
            return list(self)[index]
        at, now = self._book.clocks()
        return self.cells[index].state(self.charges[index][0], 0, at, now)

    def __iter__(self) -> Iterator[State]:
        at, now = self._book.clocks()
        for (meter, _), cell in zip(self.charges, self.cells, strict=True):
            yield cell.state(meter, 0, at, now)


class MemoryBook:
    """A Book (limits.meter). Nothing in it waits, and nothing raises."""

    def __init__(self, clock: Clock, tell: Tell = _nobody, most: int = MOST_VOLATILE) -> None:
        """`tell`: who is told when a budget's threshold is passed. `most`: end users' and sources' counters at once."""
        self._clock = clock
        self._monotonic: Callable[[], float] = clock.monotonic
        self._tell = tell
        self._most = most
        self._cells: dict[str, Cell] = {}
        self._volatile = 0
        self._sweep_from = SWEEP_FROM
        self._swept = -inf
        self._holds: dict[str, Hold] = {}
        self._due = inf
        """No lease ends before this."""
        self._done: set[str] = set()
        self._done_before: set[str] = set()
        self._seeds: dict[str, tuple[int, int, float]] = {}
        """Of budgets: spent, version, and when."""
        self._others: dict[str, tuple[int, int, float]] = {}
        """The same of what others have spent."""
        self.expired = 0
        """Holds whose lease was over before they were settled, ever."""

    def __len__(self) -> int:
        """Counters that are kept."""
        return len(self._cells)

    @property
    def holding(self) -> int:
        """Requests that hold something."""
        return len(self._holds)

    def take(self, hold: str, charges: Sequence[Charge], now: float, lease: float) -> Taken:
        at = self._monotonic()
        if at >= self._due:
            self._expire(at)
        cells: list[Cell] = []
        find = self._cells.get
        for meter, amount in charges:
            cell = find(meter.key) or self._cell(meter, at, now)
            if not cell.take(meter, amount, at, now):
                return self._refused(charges, cells, at, now)
            cells.append(cell)
        ends = at + lease
        if ends < self._due:  # noqa: PLR1730 - min() takes three times as long
            self._due = ends
        taken = Hold(self, charges, cells, ends, now)
        holds = self._holds
        if hold in holds:
            held = holds[hold]
            holds[hold] = Hold(self, [*held.charges, *charges], [*held.cells, *cells], ends, held.when)
        else:
            holds[hold] = taken
        return Taken(-1, taken)

    def settle(self, hold: str, charges: Sequence[Charge], now: float) -> None:
        at = self._monotonic()
        held = self._holds.pop(hold, None)
        if held is None and (hold in self._done or hold in self._done_before):
            return
        if len(self._done) >= REMEMBERED:
            self._done_before, self._done = self._done, set()
        self._done.add(hold)
        if held is None:
            for meter, amount in charges:
                (self._cells.get(meter.key) or self._cell(meter, at, now)).settle(meter, 0, amount, at, now)
            return
        taken, cells, when = held.charges, held.cells, held.when
        index = 0
        if len(taken) == len(charges):  # nearly always the same meters in the same order
            for meter, actual in charges:
                other, reserved = taken[index]
                if meter is not other:
                    break
                cells[index].settle(meter, reserved, actual, at, when)
                index += 1
        if index < len(taken) or index < len(charges):
            self._settle_apart(charges[index:], taken[index:], cells[index:], at, when)

    def seed(self, key: str, spent: int, version: int) -> None:
        known = self._seeds.get(key)
        if known is not None and version <= known[1]:
            return
        now = self._clock.now()
        self._seeds[key] = (spent, version, now)
        cell = self._cells.get(key)
        if isinstance(cell, BudgetCell):
            cell.seed(spent, now)

    def others(self, key: str, spent: int, version: int, at: float | None = None) -> None:
        """What was spent of a budget by others than those who take from this book, to which it is put: as the ledger knew it at
        `at` (Unix seconds; None: now). Of several calls only the one with the highest version counts.
        """
        known = self._others.get(key)
        if known is not None and version <= known[1]:
            return
        now = self._clock.now()
        at = now if at is None else at
        self._others[key] = (spent, version, at)
        cell = self._cells.get(key)
        if isinstance(cell, BudgetCell):
            start, end = cell.turned(now)
            if start <= at < end:
                cell.more(spent - (known[0] if known is not None and start <= known[2] < end else 0), now)

    def state(self, meter: Meter, amount: int = 0) -> State:
        """How a meter stands now, and when `amount` could be taken."""
        at, now = self.clocks()
        return (self._cells.get(meter.key) or self._made(meter, at, now)).state(meter, amount, at, now)

    def clocks(self) -> tuple[float, float]:
        """Monotonic, Unix seconds."""
        return self._monotonic(), self._clock.now()

    # ---- inside

    def _settle_apart(
        self, charges: Sequence[Charge], taken: Sequence[Charge], cells: list[Cell], at: float, when: float
    ) -> None:
        """A hold that was topped up, or is settled otherwise than it was taken."""
        actual: dict[str, int] = {}
        meters: dict[str, Meter] = {}
        for meter, amount in charges:
            actual[meter.key] = actual.get(meter.key, 0) + amount
            meters[meter.key] = meter
        reserved: dict[int, int] = {}
        held: dict[int, tuple[Meter, Cell]] = {}
        for (meter, amount), cell in zip(taken, cells, strict=True):
            reserved[id(cell)] = reserved.get(id(cell), 0) + amount
            held.setdefault(id(cell), (meter, cell))
        for place, (meter, cell) in held.items():
            told = meters.pop(meter.key, meter)
            cell.settle(told, reserved[place], actual.get(meter.key, 0), at, when)
        for key, meter in meters.items():
            (self._cells.get(key) or self._cell(meter, at, when)).settle(meter, 0, actual[key], at, when)

    def _refused(self, charges: Sequence[Charge], cells: list[Cell], at: float, now: float) -> Taken:
        """Gives back what was taken, and finds the limit that is in the way for longest."""
        for (meter, amount), cell in zip(charges, cells, strict=False):
            cell.settle(meter, amount, 0, at, now)
        states: list[State] = []
        for meter, amount in charges:
            cell = self._cells.get(meter.key) or self._cell(meter, at, now)
            states.append(cell.state(meter, amount, at, now))
        longest = max(range(len(states)), key=lambda index: states[index].retry if charges[index][0].hard else -1.0)
        return Taken(longest if states[longest].retry > 0 else len(cells), states)

    def _expire(self, at: float) -> None:
        """Whoever held something for so long will not come back: all of it is free again."""
        for hold in [hold for hold, held in self._holds.items() if held.ends <= at]:
            held = self._holds.pop(hold)
            self.expired += 1
            for (meter, amount), cell in zip(held.charges, held.cells, strict=True):
                cell.settle(meter, amount, 0, at, held.when)
        self._due = min((held.ends for held in self._holds.values()), default=inf)

    def _cell(self, meter: Meter, at: float, now: float) -> Cell:
        """A counter for a meter that has none yet."""
        volatile = meter.scope in VOLATILE
        if len(self._cells) >= self._sweep_from or (volatile and self._volatile >= self._most):
            self._sweep(at, now)
        if volatile and self._volatile >= self._most:
            whose = meter.name.partition(":")[0] if meter.scope == "user" else ""  # one tenant's users are not another's
            key = f"{meter.scope}:{whose}:*:{meter.key.removeprefix(f'{meter.scope}:{meter.name}:')}:{meter.most}"
            meter = msgspec.structs.replace(meter, key=key)
            found = self._cells.get(key)
            if found is not None:
                return found
        else:
            self._volatile += volatile
        made = self._cells[meter.key] = self._made(meter, at, now)
        return made

    def _made(self, meter: Meter, at: float, now: float) -> Cell:
        if meter.period > 0:
            return RateCell(meter, at)
        if meter.calendar is None:
            return PlaceCell()
        cell = BudgetCell(meter, now, self._tell)
        seed = self._seeds.get(meter.key)
        if seed is not None and cell.start <= seed[2] < cell.end:
            cell.seed(seed[0], now)
        others = self._others.get(meter.key)
        if others is not None and cell.start <= others[2] < cell.end:
            cell.more(others[0], now)
        return cell

    def _sweep(self, at: float, now: float) -> None:
        """Drops the counters that are as new ones would be. At most once a second, however many new names come."""
        if at - self._swept < SWEEP_EVERY:
            return
        self._swept = at
        held = {id(cell) for hold in self._holds.values() for cell in hold.cells}
        self._cells = {key: cell for key, cell in self._cells.items() if id(cell) in held or not cell.idle(at, now)}
        self._volatile = sum(key.partition(":")[0] in VOLATILE for key in self._cells)
        self._sweep_from = max(SWEEP_FROM, 2 * len(self._cells))
