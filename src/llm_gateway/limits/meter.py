"""What is counted: one Meter for each limit, and how a Book takes from it. The seam between limits in memory and in Redis."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

Unit = Literal["requests", "tokens", "fresh_tokens", "cached_tokens", "output_tokens", "cost", "concurrent", "streams"]
Period = Literal["day", "week", "month", "total"]


class Meter(msgspec.Struct, frozen=True):
    """One limit. Exactly one kind: a rate (`period` > 0: GCRA), places (`concurrent`, `streams`), or a budget (`calendar`)."""

    scope: str
    """key, project, tenant, user, model, deployment, source, tag, everyone."""
    name: str
    """Whose: a key's id, tenant, tenant/project, tenant:user, ..."""
    unit: Unit
    most: int
    """Per period; of a budget nano-dollars."""
    period: float = 0.0
    """Seconds in which `most` comes back, one by one (GCRA). 0: a budget or places."""
    burst: int = 0
    """How much may come at once; 0: `most`."""
    calendar: Period | None = None
    """Of a budget: when it begins anew."""
    timezone: str = "UTC"
    hard: bool = True
    """False: is counted and told, never refuses."""
    cut: bool = False
    """Of a hard budget: whether a stream that is running is ended when it is used up."""
    alerts: tuple[int, ...] = ()
    """Of a budget: percentages of it at which somebody is told."""
    key: str = ""
    """The counter's name, the same in every process: a change of `most` goes on with the same counter. "": made of the others."""

    def __post_init__(self) -> None:
        if not self.key:
            name = f"{self.scope}:{self.name}:{self.unit}:{self.calendar or f'{self.period:g}'}"
            msgspec.structs.force_setattr(self, "key", name)

    @property
    def most_at_once(self) -> int:
        """Of a rate: its burst."""
        return self.burst or self.most

    @property
    def counted(self) -> Meter:
        """The same counter, which cannot refuse."""
        return msgspec.structs.replace(self, hard=False, cut=False) if self.hard else self


class Charge(NamedTuple):
    """So much of one meter: a reservation, or what it turned out to be. Books unpack it: the limiter gives plain pairs, which
    CPython unpacks in a third of the time.
    """

    meter: Meter
    amount: int


class State(NamedTuple):
    """How a meter stands after a charge was taken or refused."""

    left: int
    """Could be taken now."""
    settled: int
    """Of budgets: spent in this period. Of rates and places: what is in use."""
    reserved: int
    """Held by requests that run."""
    reset: float
    """Seconds until all of it is there again (rates), or until the period ends (budgets)."""
    retry: float
    """Seconds until what was refused would be taken; 0.0 if it was taken, infinity if never."""


class States(Protocol):
    """A list, or what looks a state up when it is asked for."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[State]: ...
    def __getitem__(self, index: int, /) -> State: ...


class Taken(msgspec.Struct, frozen=True, gc=False):
    """All of the charges were taken, or none of them."""

    refused: int
    """Which charge was too much; -1: none."""
    states: States
    """Of each charge's meter."""


class StoreDown(Exception):
    """The book cannot be reached; the message says why."""


class Book(Protocol):
    """Counters of one process or of many. Every method may be called from any request; none raises but StoreDown.

    A hold is what one request holds, under its ledger id, until it is settled or its lease is over.
    """

    def take(self, hold: str, charges: Sequence[Charge], now: float, lease: float) -> Taken | Awaitable[Taken]:
        """All or nothing, atomically. A second `take` for a hold adds to what it holds (a top-up). `now`: Unix seconds."""
        ...

    def settle(self, hold: str, charges: Sequence[Charge], now: float) -> None:
        """What was held is given back and what was used is kept, for every charge that the hold has; meters that it did not
        hold are charged as well. Returns at once: a remote book does it in the background, once, whatever happens.
        """
        ...

    def seed(self, key: str, spent: int, version: int) -> None:
        """A budget's spent amount as the ledger knows it. Of several calls only the one with the highest version counts."""
        ...
