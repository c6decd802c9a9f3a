"""Counts requests. Their records come some at a time; most look like one before, whose series are at hand then.

Hot: what `fold` does to each record every request pays for (tests/telemetry/test_folding.py holds it below two microseconds).
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Protocol

from llm_gateway.core.ledger import Bill
from llm_gateway.core.usage import Usage
from llm_gateway.telemetry.cells import Cell, Cells
from llm_gateway.telemetry.ended import Ended, Try, Unusual
from llm_gateway.telemetry.family import FIRST, OPERATION, OWN, PER_TOKEN, TOKENS
from llm_gateway.telemetry.naming import NONE, Naming
from llm_gateway.telemetry.series import Counts

MOST_CELLS = 4096
"""Kinds of requests whose series are at hand."""
NANO = 1e-9
STAGES_OF = 8
"""Of one in so many requests the stages are looked at."""
FAILED = 400
TOO_MANY = 429
TIMEOUTS = frozenset(
    {"connect_timeout", "head_timeout", "first_token_timeout", "idle_timeout", "upstream_timeout", "timeout", "deadline"}
)


class Settings(Protocol):
    """config.schema.Metrics."""

    @property
    def labels(self) -> tuple[Any, ...]: ...
    @property
    def max_series(self) -> int: ...


class Folding:
    """One per worker."""

    def __init__(self, counts: Counts, naming: Naming) -> None:
        self.counts = counts
        self.naming = naming
        self._made = Cells(counts, naming)
        self._cells: dict[tuple[Any, ...], Cell] = {}
        self._touched: list[Cell] = []
        self._folded = 0
        self._turn = 0
        self._per_caller = self._alias = False

    def configure(self, settings: Settings) -> None:
        """Another configuration holds; what is called by which name may have changed, too."""
        named = frozenset(settings.labels)
        self._per_caller = bool(named & {"key", "project"})
        self._alias = "alias" in named
        self._made.labels = named
        self.counts.most = settings.max_series
        self.flush()
        self._cells.clear()

    def fold(self, records: list[Ended]) -> None:
        """Count them."""
        cells, touched, count = self._cells, self._touched, self._count
        per_caller, alias = self._per_caller, self._alias
        for record in records:
            unusual, caller, provider = record.unusual, record.caller, record.provider
            who = caller if per_caller or caller is None else caller.tenant
            how = None if unusual is None else (unusual.outcome, unusual.error, unusual.asked)
            cached, naming = record.cached, self.naming
            model = record.served if provider else naming.kept(record.model) if cached else naming.asked(record.model)
            named = alias and record.model
            key = record.path, who, model, provider, record.status, record.answered, record.stream, how, cached, named
            cell = cells.get(key)
            if cell is None:
                if len(cells) >= MOST_CELLS:
                    cells.clear()
                cell = cells[key] = self._made.cell(record)
            if not cell.touched:
                cell.touched = True
                touched.append(cell)
            if cell.folded:
                self._folded += 1
            count(cell, record)

    def _count(self, cell: Cell, record: Ended) -> None:
        buckets, unusual, latency = self.counts.buckets, record.unusual, record.latency
        if cell.requests is not None:
            cell.requests[0] += 1
            cell.outcomes[0] += 1
            cell.bytes_in[0] += record.bytes_in
            cell.bytes_out[0] += record.bytes_out
            values = cell.duration
            values[bisect_left(buckets, latency)] += 1
            values[-1] += latency
            values = cell.operation
            values[bisect_left(OPERATION, latency)] += 1
            values[-1] += latency
        if cell.spends and record.bill is not None:
            self._used(cell, record.bill)
        if record.stream and record.first_token:
            _streamed(cell, record)
        if unusual is None:
            took, own = record.took, record.before + record.after
            cell.attempts[0] += 1
            values = cell.latency
            values[bisect_left(buckets, took)] += 1
            values[-1] += took
            values = cell.overhead
            values[bisect_left(OWN, own)] += 1
            values[-1] += own
            self._turn += 1
            if not self._turn % STAGES_OF:
                self._staged(record)
        else:
            self._unusual(cell, record, unusual)

    def flush(self) -> None:
        """Say which series have changed, before they are told."""
        for cell in self._touched:
            cell.touched = False
            self.counts.changed(cell.series)
        self._touched.clear()
        if self._folded:
            self.counts.add("gateway_metrics_folded_total", (), self._folded)
            self._folded = 0

    def _staged(self, record: Ended) -> None:
        """How long its stages took."""
        stages, start = record.stages, record.received
        if stages is None:
            return
        identified, permitted, held = stages
        observe = self.counts.observe
        observe("gateway_stage_duration_seconds", ("identify",), identified - start)
        observe("gateway_stage_duration_seconds", ("permit",), permitted - identified)
        observe("gateway_stage_duration_seconds", ("hold",), held - permitted)
        observe("gateway_stage_duration_seconds", ("route",), max(start + record.before - held, 0.0))

    def _used(self, cell: Cell, bill: Bill) -> None:
        usage = bill.usage
        prompt, completion = usage.input, usage.output
        cell.input[0] += prompt
        cell.output[0] += completion
        if usage.cache_read or usage.reasoning or usage.cache_write or _others(usage):
            prompt, completion = usage.prompt, usage.completion
            self._rare(cell, usage)
        if prompt:
            values = cell.prompts
            values[bisect_left(TOKENS, prompt)] += 1
            values[-1] += prompt
        if completion:
            values = cell.completions
            values[bisect_left(TOKENS, completion)] += 1
            values[-1] += completion
        if bill.cost:
            cell.cost[0] += bill.cost * NANO

    def _rare(self, cell: Cell, usage: Usage) -> None:
        """Tokens of other types than input and output."""
        cell.output[0] += usage.accepted_prediction + usage.rejected_prediction
        for kind, count in (
            ("cache_read", usage.cache_read),
            ("cache_write", usage.cache_write + usage.cache_write_1h),
            ("reasoning", usage.reasoning),
            ("audio_input", usage.audio_input),
            ("audio_output", usage.audio_output),
        ):
            if count:
                self._made.tokens(cell, kind)[0] += count

    def _unusual(self, cell: Cell, record: Ended, unusual: Unusual) -> None:
        add, endpoint = self.counts.add, self._made.endpoint(record.path)
        if unusual.error and cell.requests is not None:
            add("gateway_errors_total", (endpoint, cell.spender[0], unusual.error))
        if unusual.limit:
            self._refused(record, unusual)
        for one in unusual.tries:
            answered = one.error is None and 0 < one.status < FAILED and one.seconds > 0.0
            self._tried(one, self.naming.model(one.provider, one.model, answered=answered))
        self._moved(unusual.tries)
        if len(unusual.tries) == 1 and not record.stream and cell.requests is not None:
            own = max(record.latency - unusual.tries[0].seconds, 0.0)
            self.counts.observe("gateway_overhead_seconds", (endpoint,), own)

    def _moved(self, tries: list[Try]) -> None:
        """From one attempt to the next, because it failed."""
        add = self.counts.add
        asked: set[tuple[str, str]] = set()
        before: Try | None = None
        over = 0.0
        """When the last of those before had ended: two that raced may both have failed."""
        for one in tries:
            if one.lost:
                add("gateway_hedges_total", (one.provider,))
                continue
            who = one.provider, one.model
            if before is not None and before.error is not None and one.started >= before.ended:  # else they raced
                again = who == (before.provider, before.model)
                add("gateway_retries_total" if again else "gateway_failovers_total", (before.provider, before.error))
                if who not in asked and one.started >= over > 0.0:
                    self.counts.observe("gateway_failover_duration_seconds", (one.provider,), one.started - over)
            asked.add(who)
            over = max(over, one.ended)
            before = one

    def _refused(self, record: Ended, unusual: Unusual) -> None:
        caller = record.caller
        tenant = ""
        if "tenant" in self._made.labels:
            tenant = (caller.tenant if caller is not None else "") or NONE
        if unusual.budget:
            self.counts.add("gateway_budget_refused_total", (tenant,))
        else:
            self.counts.add("gateway_rate_limit_exceeded_total", (tenant, unusual.limit))

    def _tried(self, one: Try, model: str) -> None:
        add = self.counts.add
        add("gateway_provider_requests_total", (one.provider, model, str(one.status) if one.status else NONE))
        if one.seconds:
            self.counts.observe("gateway_provider_latency_seconds", (one.provider, model), one.seconds)
        if one.error is None:
            return
        add("gateway_provider_errors_total", (one.provider, model, one.error))
        if one.status == TOO_MANY or one.error == "rate_limited":
            add("gateway_provider_rate_limit_exceeded_total", (one.provider,))
        if one.error in TIMEOUTS:
            add("gateway_timeouts_total", (one.provider, one.error))


def _others(usage: Usage) -> int:
    """Tokens of types that few answers have."""
    return usage.cache_write_1h + usage.audio_input + usage.audio_output + usage.accepted_prediction + usage.rejected_prediction


def _streamed(cell: Cell, record: Ended) -> None:
    first, usage = record.first_token, record.usage
    at = bisect_left(FIRST, first)
    for values in cell.first:
        values[at] += 1
        values[-1] += first
    tokens = 0 if usage is None else usage.completion
    if tokens > 1:
        gap = (record.latency - first) / (tokens - 1)
        at = bisect_left(PER_TOKEN, gap)
        for values in cell.per_token:
            values[at] += 1
            values[-1] += gap
