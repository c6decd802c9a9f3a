"""All workers' statistics as one. A worker's totals are counted once, whatever is told again; those of one that ended stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from llm_gateway.channel.hub import Worker
from llm_gateway.providers.load import Load
from llm_gateway.resilience.probes import Wellness
from llm_gateway.resilience.standings import STATES
from llm_gateway.telemetry.report import Report
from llm_gateway.telemetry.stats import Stats, Summary, provider_together


class _Run:
    """What one worker process has told."""

    def __init__(self) -> None:
        self.stats = Stats()
        self.circuits: list[list[Any]] = []
        self.wellness: dict[str, Wellness] = {}
        self.loads: dict[str, Load] = {}
        self.active = 0
        self.cached: dict[str, int] = {}


class Statistics:
    """Fed by reports."""

    def __init__(self) -> None:
        self._runs: dict[tuple[int, str], _Run] = {}
        self._ended: dict[tuple[str, str], tuple[int, int]] = {}
        self._ended_cached: Counter[str] = Counter()

    def report(self, worker: Worker, body: Any) -> None:
        """A worker's report. Raises msgspec.ValidationError."""
        told = msgspec.convert(body, Report)
        run = self._runs.get((worker.slot, worker.run)) or self._begin(worker)
        for change in told.changes:
            run.stats.repeat(change)
        run.active = told.sessions
        run.cached = told.cached or run.cached
        if told.circuits is not None:
            run.circuits = told.circuits
        if told.wellness is not None:
            run.wellness = {name: Wellness(*well) for name, well in told.wellness.items()}
        if told.loads is not None:
            run.loads = {name: Load(*load) for name, load in told.loads.items()}

    def _begin(self, worker: Worker) -> _Run:
        """Another process has its slot: what the one before counted is kept, what it saw lately is not."""
        for slot, run in [key for key in self._runs if key[0] == worker.slot]:
            gone = self._runs.pop((slot, run))
            self._ended_cached.update(gone.cached)
            for pair, (requests, errors) in gone.stats.totals().items():
                before = self._ended.get(pair, (0, 0))
                self._ended[pair] = before[0] + requests, before[1] + errors
        made = self._runs[worker.slot, worker.run] = _Run()
        return made

    def left(self, worker: Worker) -> None:
        """It is away: what it saw and counted stays, what it is doing does not."""
        run = self._runs.get((worker.slot, worker.run))
        if run is not None:
            run.active, run.circuits, run.wellness, run.loads = 0, [], {}, {}

    @property
    def active(self) -> int:
        """Requests that are being served."""
        return sum(run.active for run in self._runs.values())

    def totals(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Requests and errors by provider and model, of all workers since control began."""
        sums = dict(self._ended)
        for run in self._runs.values():
            for pair, (requests, errors) in run.stats.totals().items():
                before = sums.get(pair, (0, 0))
                sums[pair] = before[0] + requests, before[1] + errors
        return sums

    def cached(self) -> dict[str, int]:
        """Requests whose answers may be kept, by what became of them (cache.stage.Result), of all workers since control began."""
        sums = Counter(self._ended_cached)
        for run in self._runs.values():
            sums.update(run.cached)
        return dict(sums)

    def provider(self, provider: str, now: float) -> Summary:
        """As Stats has it, over all workers."""
        summary = provider_together([run.stats for run in self._runs.values()], provider, now)
        ended = [counts for (name, _), counts in self._ended.items() if name == provider]
        return summary._replace(
            requests=summary.requests + sum(requests for requests, _ in ended),
            errors=summary.errors + sum(errors for _, errors in ended),
        )

    def together(self, now: float) -> Summary:
        """All providers as one, over all workers that are there or were the last in their place."""
        return provider_together([run.stats for run in self._runs.values()], None, now)

    def wellness(self, provider: str, _rate: float | None, _latency: float | None) -> Wellness:
        """The worst that a worker has."""
        known = [run.wellness[provider] for run in self._runs.values() if provider in run.wellness]
        if not known:
            return Wellness(1.0, 1.0, STATES[0], "", 0.0)
        worst = max(known, key=lambda well: (STATES.index(well.circuit), well.seconds))
        return worst._replace(score=min(well.score for well in known), availability=min(well.availability for well in known))

    def load(self, provider: str) -> Load | None:
        """What was read last."""
        known = [run.loads[provider] for run in self._runs.values() if provider in run.loads]
        return max(known, key=lambda load: load.at, default=None)

    def circuits(self) -> Iterable[list[Any]]:
        """Those that are not closed, each worker's."""
        for run in self._runs.values():
            yield from run.circuits
