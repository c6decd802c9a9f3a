"""Is the gateway well, and are its providers? (requirements E7-E12)

Providers are judged by how real requests fared; what else asks them (resilience/probes.py) costs nothing (C27). A verdict grows
old: a provider that nobody asked for a while may be asked again, else a gateway taken out of service for it could never come
back.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from llm_gateway.core.clock import Clock
from llm_gateway.edge.listing import parse_query
from llm_gateway.edge.plain import Plain, json
from llm_gateway.providers.load import Load
from llm_gateway.resilience.probes import Wellness
from llm_gateway.telemetry.journal import timestamp
from llm_gateway.telemetry.stats import Summary, milliseconds

FAILURES = 5
"""Failures in a row that make a provider unhealthy."""
OLD = 60.0
"""Seconds after which the last failure no longer says anything about now."""
DEGRADED_RATE = 0.2
DEGRADED_LEAST = 10
"""From this share of failures, among at least so many attempts, a provider counts as degraded."""
LEAST_DISK = 1.0
"""GB: with less, the ledger is about to have no room."""

PATHS: Mapping[bytes, str] = MappingProxyType(
    {
        b"/health": "health",
        b"/healthz": "health",
        b"/health/live": "live",
        b"/live": "live",
        b"/livez": "live",
        b"/health/ready": "ready",
        b"/ready": "ready",
        b"/readyz": "ready",
        b"/health/startup": "startup",
        b"/startup": "startup",
    }
)
"""Path -> the method of Health that answers it, for anyone who asks. /health/providers needs a caller and is not among them."""


class Numbers(Protocol):
    """telemetry.stats.Stats, or several of them as one."""

    def provider(self, provider: str, now: float) -> Summary: ...


class Verdict(NamedTuple):
    """healthy, degraded or unhealthy; and the numbers behind it."""

    status: str
    summary: Summary


class Health:
    """One per process. The worker sets `started`, `draining` and, on reload, `providers`."""

    def __init__(
        self,
        *,
        version: str,
        clock: Clock,
        stats: Numbers,
        providers: Mapping[str, str],
        state_dir: Path | None = None,
    ) -> None:
        """`providers`: name -> type."""
        self.started = False
        self.draining = False
        self.providers = providers
        self._version = version
        self._clock = clock
        self._stats = stats
        self._state_dir = state_dir
        self._began = clock.monotonic()
        self.redis: Callable[[], str] = lambda: "disabled"
        """connected, failed, or disabled when it is not configured (C11)."""
        self.waiting: Callable[[], bool] = lambda: False
        """Whether it is not known yet what keys there are."""
        self.load: Callable[[str], Load | None] = lambda _provider: None
        """What a provider says of its load, where it is read."""
        self.wellness: Callable[[str, float | None, float | None], Wellness] | None = None
        """A provider's circuit and health score, by its rate of successes and 95th percentile of latency (B9)."""

    def answer(self, path: bytes, query: bytes = b"") -> Plain:
        """The answer for one of PATHS. Raises KeyError for another path."""
        match PATHS[path]:
            case "live":
                return self.live()
            case "ready":
                return self.ready()
            case "startup":
                return self.startup()
            case _:
                return self.health(detailed=parse_query(query).get("detailed", ("false",))[-1].lower() in ("true", "1", ""))

    def health(self, *, detailed: bool = False) -> Plain:
        """E7. 503 only when no provider is healthy (C7: a load balancer would take out every gateway for one bad provider, or for
        the Redis that all of them share). Whatever is not well is named in `reasons`, which is there only then.
        """
        verdicts = self.verdicts()
        redis, disk = self.redis(), self._disk()
        reasons = [*_ailing(verdicts), *_lacking(redis, disk)]
        status = _overall(verdicts)
        if reasons and status == "healthy":
            status = "degraded"
        body: dict[str, Any] = {
            "status": status,
            "version": self._version,
            "timestamp": timestamp(self._clock.now()),
            "uptime_seconds": int(self._clock.monotonic() - self._began),
            "providers": [self._provider(name, verdict, detailed) for name, verdict in verdicts.items()],
            "dependencies": {"redis": redis, "disk_space_gb": disk},
        }
        if reasons:
            body["reasons"] = reasons
        if detailed:
            body["components"] = self._checks(verdicts)
        return json(503 if status == "unhealthy" else 200, body)

    def live(self) -> Plain:
        """E8. Whoever can answer is alive."""
        return json(200, {"status": "alive", "timestamp": timestamp(self._clock.now())})

    def ready(self) -> Plain:
        """E9: whether requests should be sent here."""
        verdicts = self.verdicts()
        reason = self._why_not(verdicts)
        body: dict[str, Any] = {
            "status": "ready" if reason is None else "not_ready",
            "timestamp": timestamp(self._clock.now()),
            "checks": self._checks(verdicts),
        }
        if reason is not None:
            body["reason"] = reason
        return json(200 if reason is None else 503, body)

    def startup(self) -> Plain:
        """E11."""
        return json(200 if self.started else 503, {"started": self.started})

    def report(self) -> Plain:
        """E10, GET /health/providers. For callers with a key only: it tells how much traffic there is."""
        verdicts = self.verdicts()
        rows = [self._reported(name, verdict) for name, verdict in verdicts.items()]
        return json(200, {"timestamp": timestamp(self._clock.now()), "providers": rows})

    def verdicts(self) -> dict[str, Verdict]:
        """Of each provider."""
        now = self._clock.monotonic()
        verdicts = {name: judge(self._stats.provider(name, now), now) for name in self.providers}
        if self.wellness is not None:
            for name, (_, summary) in verdicts.items():
                if self.wellness(name, summary.success_rate, summary.p95_latency).reason == "unhealthy":
                    verdicts[name] = Verdict("unhealthy", summary)  # left alone by its checks: no request shows that it is away
        return verdicts

    def _why_not(self, verdicts: Mapping[str, Verdict]) -> str | None:
        if self.draining:
            return "draining"
        if not self.started:
            return "starting"
        if self.waiting():
            return "the database was not read yet"
        if not verdicts:
            return "no provider is configured"
        return "no provider is healthy" if _overall(verdicts) == "unhealthy" else None

    def _checks(self, verdicts: Mapping[str, Verdict]) -> dict[str, str]:
        return {
            "provider_registry": "ok" if verdicts else "failed",
            "routing_engine": "ok" if _overall(verdicts) != "unhealthy" else "failed",
            "telemetry": "ok",
        }

    def _provider(self, name: str, verdict: Verdict, detailed: bool) -> dict[str, Any]:
        row: dict[str, Any] = {
            "name": name,
            "healthy": verdict.status != "unhealthy",
            "latency_ms": milliseconds(verdict.summary.avg_latency),
        }
        if detailed:
            row |= {"type": self.providers[name], "status": verdict.status}
        return row

    def _reported(self, name: str, verdict: Verdict) -> dict[str, Any]:
        summary = verdict.summary
        row: dict[str, Any] = {
            "id": name,
            "name": name,
            "type": self.providers[name],
            "status": verdict.status,
            "metrics": {
                "success_rate": summary.success_rate,
                "avg_latency_ms": milliseconds(summary.avg_latency),
                "latency_p50_ms": milliseconds(summary.p50_latency),
                "latency_p95_ms": milliseconds(summary.p95_latency),
                "requests_per_minute": summary.requests_per_minute,
                "error_rate": summary.error_rate,
            },
            "last_check": self._wall(summary.last_at),
        }
        if self.wellness is not None:
            found = self.wellness(name, summary.success_rate, summary.p95_latency)
            row["metrics"]["health_score"] = found.score
            row["metrics"]["availability"] = found.availability
            row["circuit"] = {"state": found.circuit, "reason": found.reason or None, "seconds": round(found.seconds, 3)}
        load = self.load(name)
        if load is not None:
            row["load"] = {
                "requests_running": load.running,
                "requests_waiting": load.waiting,
                "cache_usage": load.cache,
                "last_read": self._wall(load.at),
            }
        if verdict.status == "degraded":
            row["warning"] = f"{round(100 * (summary.error_rate or 0))} % of the last {summary.recent} attempts failed."
        elif verdict.status == "unhealthy":
            row["error"] = _wrong(summary)
        return row

    def _wall(self, at: float | None) -> str | None:
        return None if at is None else timestamp(self._clock.now() - (self._clock.monotonic() - at))

    def _disk(self) -> float | None:
        """Free space where the state is, or will be, kept, in GB; None if that cannot be told."""
        if self._state_dir is None:
            return None
        for place in (self._state_dir, *self._state_dir.parents):
            try:
                return round(shutil.disk_usage(place).free / 1e9, 2)
            except FileNotFoundError:
                continue  # not made yet
            except OSError:
                break
        return None


def judge(summary: Summary, now: float) -> Verdict:
    """How a provider is doing, from its last attempts. Nothing known is healthy: nothing speaks against it."""
    old = now - summary.last_error_at > OLD
    if summary.consecutive_failures >= FAILURES and not old:
        return Verdict("unhealthy", summary)
    failing = (summary.error_rate or 0.0) >= DEGRADED_RATE and summary.recent >= DEGRADED_LEAST
    return Verdict("degraded" if failing and not old else "healthy", summary)


def _wrong(summary: Summary) -> str:
    if summary.consecutive_failures < FAILURES:
        return "The last health checks could not reach it; it is left alone until they can."
    return f"{summary.consecutive_failures} failures in a row, the last one: {summary.last_error}."


def _overall(verdicts: Mapping[str, Verdict]) -> str:
    states = {verdict.status for verdict in verdicts.values()}
    if states <= {"unhealthy"}:
        return "unhealthy"
    return "healthy" if states == {"healthy"} else "degraded"


def _ailing(verdicts: Mapping[str, Verdict]) -> list[str]:
    """Providers that are not well, in words."""
    if not verdicts:
        return ["no provider is configured"]
    return [f"provider {name} is {verdict.status}" for name, verdict in verdicts.items() if verdict.status != "healthy"]


def _lacking(redis: str, disk: float | None) -> list[str]:
    """What else is not well, in words. A disk of which nothing can be told is not held against anyone."""
    found = []
    if redis == "failed":
        found.append("Redis cannot be reached: until it can, limits hold as limits.when_store_fails says")
    if disk is not None and disk < LEAST_DISK:
        found.append(f"only {disk:g} GB are free at state.dir, where the ledger is written: make room")
    return found
