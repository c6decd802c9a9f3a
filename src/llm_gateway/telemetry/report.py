"""What a worker tells control each second: what is new in its statistics, and how its circuits and providers are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from llm_gateway.telemetry.stats import Change, Stats

AT_ONCE = 20
"""Models of one report; each has RECENT attempts at most, so that a report stays below a quarter of a megabyte."""


class Report(msgspec.Struct, frozen=True):
    """One of a worker's reports."""

    changes: list[Change]
    circuits: list[list[Any]] | None = None
    """Those that are not closed, as resilience.standings.Row; None: told in another report."""
    wellness: dict[str, list[Any]] | None = None
    """By provider: resilience.probes.Wellness."""
    loads: dict[str, list[Any]] | None = None
    """By provider, where it is read: providers.load.Load."""
    sessions: int = 0
    """Requests that are being served."""
    cached: dict[str, int] = {}
    """Requests whose answers may be kept, by what became of them (cache.stage.Result), since the worker began."""


class Reporter:
    """Makes them. `circuits`, `wellness`, `loads`, `cached`: see Report."""

    def __init__(
        self,
        stats: Stats,
        circuits: Callable[[], list[list[Any]]],
        wellness: Callable[[], dict[str, list[Any]]],
        loads: Callable[[], dict[str, list[Any]]],
        active: Callable[[], int],
        cached: Callable[[], dict[str, int]] = dict,
    ) -> None:
        self._stats = stats
        self._circuits = circuits
        self._wellness = wellness
        self._loads = loads
        self._active = active
        self._cached = cached
        self._seen: dict[tuple[str, str], int] = {}

    def anew(self) -> None:
        """Whoever listens now has heard nothing: everything is told again."""
        self._seen.clear()

    def reports(self) -> Iterator[Report]:
        """What is to be told now, in pieces that a frame holds."""
        changes = self._stats.changes(self._seen)
        yield Report(changes[:AT_ONCE], self._circuits(), self._wellness(), self._loads(), self._active(), self._cached())
        for first in range(AT_ONCE, len(changes), AT_ONCE):
            yield Report(changes[first : first + AT_ONCE], sessions=self._active())
