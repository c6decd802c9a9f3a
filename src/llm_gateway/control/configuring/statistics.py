"""/admin/stats (requirements E21): what was counted, and nothing else. What is not measured is not there."""

from __future__ import annotations

from typing import Any, Protocol

from llm_gateway.cache.shown import counted, ratio
from llm_gateway.control.api.route import Answer, Asked, Route
from llm_gateway.core.clock import Clock
from llm_gateway.store.errors import StoreError
from llm_gateway.store.filters import Filter
from llm_gateway.store.usage import usage
from llm_gateway.telemetry.stats import Summary, milliseconds

_DAY_MS = 86_400_000


class Numbers(Protocol):
    """control.statistics.Statistics."""

    @property
    def active(self) -> int: ...

    def totals(self) -> dict[tuple[str, str], tuple[int, int]]: ...

    def together(self, now: float) -> Summary: ...

    def cached(self) -> dict[str, int]: ...


class Stats:
    """The routes."""

    def __init__(self, numbers: Numbers, clock: Clock) -> None:
        self._numbers = numbers
        self._clock = clock
        self._began = clock.monotonic()

    def routes(self) -> tuple[Route, ...]:
        """Both paths."""
        more = (
            "attempts and latency: of calls of providers, as the workers told since this control process began. cache: of"
            " requests whose answers may be kept, likewise; absent before the first one. requests and tokens: of today (UTC),"
            " from the ledger; absent while the store is away. Each worker's last second may be missing."
        )
        paths = ("/admin/stats", "/admin/v1/stats")
        return tuple(
            Route("GET", path, "system:read", "Show what was counted", self.show, answer=dict[str, Any], tag="system", about=more)
            for path in paths
        )

    async def show(self, asked: Asked) -> Answer:
        """Everything that is known."""
        totals = self._numbers.totals().values()
        attempts, failed = sum(pair[0] for pair in totals), sum(pair[1] for pair in totals)
        recent = self._numbers.together(self._clock.monotonic())
        latency = {"avg_ms": recent.avg_latency, "p50_ms": recent.p50_latency, "p95_ms": recent.p95_latency}
        told: dict[str, Any] = {
            "uptime_seconds": int(self._clock.monotonic() - self._began),
            "active_requests": self._numbers.active,
            "attempts": {"total": attempts, "success": attempts - failed, "failed": failed},
        }
        if recent.avg_latency is not None:
            told["latency"] = {name: milliseconds(value) for name, value in latency.items()}
        if cached := self._numbers.cached():
            told["cache"] = {**counted(cached), "hit_ratio": ratio(cached)}
        try:
            told |= await self._of_today(asked)
        except StoreError as error:
            told["missing"] = {"requests": str(error), "tokens": str(error)}
        return Answer(told)

    async def _of_today(self, asked: Asked) -> dict[str, Any]:
        since = asked.now // _DAY_MS * _DAY_MS
        found = await asked.read(lambda connection: usage(connection, Filter(since=since), ("status",)))
        by_status = {str(row.group["status"]): row.requests for row in found.rows if row.group["status"] != "correction"}
        failed = sum(by_status.get(status, 0) for status in ("failed", "cut", "interrupted"))
        total, success = sum(by_status.values()), by_status.get("completed", 0)
        sums = found.total
        tokens_in = sums.input + sums.cache_read + sums.cache_write + sums.cache_write_1h + sums.audio_input
        tokens_out = sums.output + sums.reasoning + sums.audio_output + sums.accepted_prediction + sums.rejected_prediction
        return {
            "since": since,
            "requests": {"total": total, "success": success, "failed": failed, "by_status": by_status},
            "tokens": {"input": tokens_in, "output": tokens_out, "total": tokens_in + tokens_out},
            "cost_nano_dollars": sums.cost,
        }
