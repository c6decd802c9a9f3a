"""What came of a run, in the numbers that are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.routing.providers import Ledger

CALM = 15.0
"""Seconds in which a gateway shall have recovered."""


class Outcome(NamedTuple):
    """One request: when it came, seconds to the first token or to the error, attempts, what went wrong."""

    at: float
    seconds: float
    attempts: int
    error: str | None
    hedged: bool = False


class Measured(NamedTuple):
    """Seconds, shares from 0 to 1, dollars."""

    requests: int
    p50: float
    p99: float
    errors: float
    cost: float
    """Of a thousand requests that were answered."""
    cached: float
    """Share of all prompt tokens that were charged as cached."""
    failovers: float
    """Attempts beyond the first, for each request."""
    asked: float
    """What all providers were asked, for each request: attempts and hedges."""
    hedged: float
    wasted: float
    """Share of the cost that was for answers nobody wanted any more."""
    after: float
    """Share of errors among the requests that came more than CALM seconds after the last trouble was over."""
    outcomes: Sequence[Outcome]
    ledgers: Mapping[str, Ledger]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], ledgers: Mapping[str, Ledger], begun: float, trouble: float) -> Measured:
        """`begun`: the clock at the beginning. `trouble`: seconds from there to when the last trouble was over."""
        moved = [one._replace(at=one.at - begun) for one in outcomes]
        good = sorted(one.seconds for one in moved if one.error is None)
        count = len(moved)
        calm = [one for one in moved if one.at > trouble + CALM]
        books = ledgers.values()
        cost = sum(book.cost for book in books)
        return cls(
            count,
            percentile(good, 0.50),
            percentile(good, 0.99),
            1 - len(good) / count,
            1000 * cost / len(good) if good else 0.0,
            sum(book.cached for book in books) / max(1, sum(book.prompt for book in books)),
            sum(max(0, one.attempts - 1) for one in moved) / count,
            sum(book.asked for book in books) / count,
            sum(one.hedged for one in moved) / count,
            sum(book.wasted for book in books) / cost if cost else 0.0,
            sum(one.error is not None for one in calm) / max(1, len(calm)),
            moved,
            ledgers,
        )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank; 0.0 of nothing."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Row(NamedTuple):
    """One strategy in one scenario: the means over several seeds, in the units of Measured."""

    scenario: str
    strategy: str
    requests: float
    p50: float
    p99: float
    errors: float
    cost: float
    cached: float
    failovers: float
    asked: float
    hedged: float
    after: float
    """Share of errors among the requests that came more than CALM seconds after the last trouble was over."""


def mean(scenario: str, strategy: str, runs: Sequence[Measured]) -> Row:
    """`runs`: with one seed each."""
    names = ("requests", "p50", "p99", "errors", "cost", "cached", "failovers", "asked", "hedged")
    means = {name: round(sum(getattr(run, name) for run in runs) / len(runs), 6) for name in names}
    return Row(scenario, strategy, **means, after=round(sum(run.after for run in runs) / len(runs), 6))
