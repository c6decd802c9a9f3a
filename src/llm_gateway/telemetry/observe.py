"""Sees every request's ending: one record of it, one entry in the statistics. The pipeline's outermost stage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Protocol

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.core.exchange import Exchange
from llm_gateway.telemetry.access import as_json, as_text, rendered
from llm_gateway.telemetry.ended import Ended, ended_of, nobody
from llm_gateway.telemetry.journal import Journal

FLUSH_SECONDS = 0.2
BATCH = 128  # records at once: under half a millisecond for their lines, a quarter for the metrics


class Statistics(Protocol):
    def record(self, provider: str, model: str, latency: float, ok: bool, reason: str | None, now: float) -> None: ...


class Tracer(Protocol):
    """telemetry.traces.Traces."""

    def begin(self, ex: Exchange) -> None: ...
    def ended(self, ex: Exchange, now: float) -> None: ...


class Contents(Protocol):
    """telemetry.content.Contents."""

    def wanted(self, ex: Exchange) -> int: ...
    def ended(self, ex: Exchange) -> None: ...


class Fold(Protocol):
    """telemetry.folding.Folding."""

    def fold(self, records: list[Ended]) -> None: ...


class Observe:
    """Makes the `with` block around each request."""

    def __init__(
        self,
        clock: Clock,
        statistics: Statistics,
        journal: Journal | None,
        form: Literal["json", "text"] = "json",
        account: Callable[[Exchange], None] | None = None,
        user: Callable[[Exchange], str] = nobody,
    ) -> None:
        """`journal` None: no access log. `form` text: one short line for people. `account` writes the ledger's outcome and gives
        back what was held: it is called once for every request, when it is known how it ended. `user` gives the hash that stands
        for the end user in the log.
        """
        self.account = account
        self.metrics: Fold | None = None
        """Where records are counted; None: nowhere."""
        self._user = user
        self.tracer: Tracer | None = None
        """None: nothing is traced."""
        self.content: Contents | None = None
        """None: what is said is nobody's business."""
        self._now, self._monotonic = clock.now, clock.monotonic
        self._record = statistics.record
        self._journal = journal
        self._records: list[Ended] = []
        self.configure(form)
        self._timer: asyncio.TimerHandle | None = None
        self.requests = 0
        self.active = 0

    def configure(self, form: Literal["json", "text"]) -> None:
        """How lines are written from now on."""
        self._record_of = ended_of if self._journal is None else as_json if form == "json" else as_text

    def wanted(self, ex: Exchange) -> int:
        """How many bytes of its answer are to be kept for its end; 0: the few that are always."""
        return 0 if self.content is None else self.content.wanted(ex)

    def __call__(self, ex: Exchange) -> _Watched:
        return _Watched(ex, self)

    def flush(self) -> None:
        """Hand the collected records over. Called by a timer, and at the end."""
        self._timer = None
        records, self._records = self._records, []
        if not records:
            return
        if self._journal is not None:
            self._journal.write(rendered(records), len(records))
        if self.metrics is not None:
            self.metrics.fold(records)

    def ended(self, ex: Exchange, failure: type[BaseException] | None) -> None:
        """The block was left, by `failure` or as it should be."""
        now = self._monotonic()
        self.active -= 1
        if failure is asyncio.CancelledError:
            ex.outcome = "drained" if not ex.reply.gone else "client_gone"
            ex.status = ex.status or 499
        elif not ex.outcome:
            ex.outcome = "completed" if ex.error is None else "failed"
        if self.account is not None:
            self.account(ex)
        if self.tracer is not None:
            self.tracer.ended(ex, now)
        if self.content is not None:
            self.content.ended(ex)
        for attempt in ex.attempts:
            error = attempt.error
            if error is None and not ex.committed:
                continue  # the caller left or was refused before it ended: that tells nothing about the provider
            self._record(attempt.provider, attempt.model, attempt.ended - attempt.started, error is None, error, now)
        if self._journal is None and self.metrics is None:
            return
        records = self._records
        records.append(self._record_of(ex, self._now(), now, self._user))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        elif len(records) >= BATCH:
            self._timer.cancel()
            self.flush()


class _Watched(msgspec.Struct, eq=False):
    """The block itself. Swallows nothing."""

    _ex: Exchange
    _observer: Observe

    def __enter__(self) -> None:
        observer = self._observer
        observer.requests += 1
        observer.active += 1
        if observer.tracer is not None and self._ex.trace is None:
            observer.tracer.begin(self._ex)

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._observer.ended(self._ex, kind)
