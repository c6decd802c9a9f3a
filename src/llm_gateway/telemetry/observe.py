"""Sees every request's ending: one access line, one entry in the statistics. The pipeline's outermost stage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Protocol

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.core.exchange import Exchange
from llm_gateway.telemetry.access import Completed, as_json, as_text, rendered
from llm_gateway.telemetry.journal import Journal

FLUSH_SECONDS = 0.2
BATCH = 128  # lines rendered at once: under half a millisecond


class Statistics(Protocol):
    def record(self, provider: str, model: str, latency: float, ok: bool, reason: str | None, now: float) -> None: ...


class Observe:
    """Makes the `with` block around each request."""

    def __init__(
        self,
        clock: Clock,
        statistics: Statistics,
        journal: Journal | None,
        form: Literal["json", "text"] = "json",
        account: Callable[[Exchange], None] | None = None,
    ) -> None:
        """`journal` None: no access log. `form` text: one short line for people. `account` writes the ledger's outcome and gives
        back what was held: it is called once for every request, when it is known how it ended.
        """
        self.account = account
        self._clock = clock
        self._record = statistics.record
        self._journal = journal
        self._lines: list[Completed | bytes] = []
        self._line = as_json if form == "json" else as_text
        self._timer: asyncio.TimerHandle | None = None
        self.requests = 0
        self.active = 0

    def __call__(self, ex: Exchange) -> _Watched:
        return _Watched(ex, self)

    def flush(self) -> None:
        """Hand the collected lines over. Called by a timer, and at the end."""
        self._timer = None
        if self._lines and self._journal is not None:
            lines, self._lines = self._lines, []
            self._journal.write(rendered(lines), len(lines))

    def ended(self, ex: Exchange, failure: type[BaseException] | None) -> None:
        """The block was left, by `failure` or as it should be."""
        now = self._clock.monotonic()
        self.active -= 1
        if failure is asyncio.CancelledError:
            ex.outcome = "drained" if not ex.reply.gone else "client_gone"
            ex.status = ex.status or 499
        elif not ex.outcome:
            ex.outcome = "completed" if ex.error is None else "failed"
        if self.account is not None:
            self.account(ex)
        for attempt in ex.attempts:
            error = attempt.error
            if error is None and not ex.committed:
                continue  # the caller left or was refused before it ended: that tells nothing about the provider
            self._record(attempt.provider, attempt.model, attempt.ended - attempt.started, error is None, error, now)
        if self._journal is None:
            return
        self._lines.append(self._line(ex, self._clock.now(), now))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        elif len(self._lines) >= BATCH:
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

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._observer.ended(self._ex, kind)
