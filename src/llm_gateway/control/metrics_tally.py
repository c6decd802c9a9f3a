"""All workers' metrics as one. Workers tell what was counted since they told the last time; the sums are kept here, so that a
worker that ends takes nothing away. When the control process itself is restarted, all counters begin at 0.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from llm_gateway.channel.hub import Worker
from llm_gateway.core.clock import Clock
from llm_gateway.telemetry.families import NAMES
from llm_gateway.telemetry.measures import Labels, Measures
from llm_gateway.telemetry.series import Counts, bounds_of, rebucketed

WINDOW = 60
"""Seconds of gateway_tokens_per_second."""
FROM_ZERO = ("gateway_worker_restarts_total", "gateway_metrics_folded_total")
"""Counters that are shown before there is anything to count: a first one is seen as a rise."""
RUNS = 10_000
"""Worker processes that are remembered, so that a restart is counted once."""
_OUTPUT = frozenset({"output", "reasoning", "audio_output"})
_SUMMED = frozenset(
    {
        "gateway_provider_active_requests",
        "gateway_connection_pool_active",
        "gateway_connection_pool_idle",
        "gateway_queue_depth",
    }
)
"""Gauges of which each worker has a part; the others tell workers apart, or all workers see the same."""


class _Run(NamedTuple):
    """One worker process."""

    gauges: dict[str, list[tuple[Labels, float]]]
    at: float


class Tally:
    """Fed by workers' messages; `counts` may be added to by control itself."""

    def __init__(self, clock: Clock) -> None:
        self.counts = Counts()
        for family in FROM_ZERO:
            self.counts.add(family, (), 0)
        self._clock = clock
        self._runs: dict[int, tuple[str, _Run]] = {}
        self._known: dict[str, None] = {}
        self._output: dict[str, deque[tuple[int, float]]] = {}
        self._began = int(clock.monotonic())

    def configure(self, buckets: Sequence[float] | None) -> None:
        """Before anything is told: of whole requests and attempts; None: as the table has them."""
        if buckets is not None:
            self.counts.buckets = tuple(map(float, buckets))

    def told(self, worker: Worker, body: Any) -> None:
        """A worker's message. Raises msgspec.ValidationError."""
        told = msgspec.convert(body, Measures)
        for family, rows in told.counts.items():
            self._add(family, rows, told.buckets)
        if told.gauges is not None:
            if worker.slot in self._runs and worker.run not in self._known:
                self.counts.add("gateway_worker_restarts_total")
            self._known[worker.run] = None
            if len(self._known) > RUNS:
                del self._known[next(iter(self._known))]
            self._runs[worker.slot] = worker.run, _Run(told.gauges, self._clock.monotonic())

    def left(self, worker: Worker) -> None:
        """It is away: what it counted stays, what it is doing does not."""
        run = self._runs.get(worker.slot)
        if run is not None and run[0] == worker.run:
            self._runs[worker.slot] = worker.run, _Run({}, run[1].at)

    def _add(self, family: str, rows: Sequence[tuple[Labels, list[float]]], buckets: tuple[float, ...]) -> None:
        made = NAMES.get(family)
        if made is None:
            return  # a newer worker counts more than this process knows
        ours = bounds_of(made, self.counts.buckets)
        theirs = bounds_of(made, buckets)
        for labels, values in rows:
            if made.kind == "histogram" and theirs != ours:
                values = rebucketed(values, theirs, ours)  # noqa: PLW2901 - the same numbers
            kept = self.counts.series(family, labels).values
            for at, value in enumerate(values):
                kept[at] += value
        if family == "gateway_tokens_total":
            self._written(rows)

    def _written(self, rows: Iterable[tuple[Labels, list[float]]]) -> None:
        second = int(self._clock.monotonic())
        place = NAMES["gateway_tokens_total"].every.index("type")
        for labels, values in rows:
            if labels[place] in _OUTPUT:
                lately = self._output.setdefault(labels[0], deque(maxlen=WINDOW + 1))
                before = lately.pop()[1] if lately and lately[-1][0] == second else 0.0
                lately.append((second, before + values[0]))

    def totals(self) -> dict[str, list[tuple[Labels, list[float]]]]:
        """Everything that was counted: copies, which another thread may read."""
        return self.counts.copied()

    def redis_state(self, workers: Iterable[Worker]) -> str:
        """As the workers that are there see it: connected, failed for one of them at least, or disabled."""
        told = [value for family, _, value in self.gauges(workers) if family == "gateway_redis_degraded"]
        if not told:
            return "disabled"
        return "failed" if any(told) else "connected"

    def gauges(self, workers: Iterable[Worker]) -> Iterator[tuple[str, Labels, float]]:
        """Of the workers that are there."""
        now = self._clock.monotonic()
        sums: dict[tuple[str, Labels], float] = {}
        there = list(workers)
        for worker in there:
            run = self._runs.get(worker.slot)
            if run is None or run[0] != worker.run:
                continue
            yield "gateway_worker_report_age_seconds", (str(worker.slot),), max(now - run[1].at, 0.0)
            for family, rows in run[1].gauges.items():
                for labels, value in rows:
                    if family in _SUMMED:
                        sums[family, labels] = sums.get((family, labels), 0) + value
                    elif family in NAMES:
                        yield family, labels, value
        for (family, labels), value in sums.items():
            yield family, labels, value
        for provider, lately in self._output.items():
            recent = sum(tokens for second, tokens in lately if second > now - WINDOW)
            yield "gateway_tokens_per_second", (provider,), recent / max(1, min(WINDOW, now - self._began))
