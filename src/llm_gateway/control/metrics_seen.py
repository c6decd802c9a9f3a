"""What the control process sees without counting: providers, circuits, snapshots, the ledger's log, the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from llm_gateway.config.schema import Config
from llm_gateway.control.builder import Builder
from llm_gateway.control.metrics import Metrics, Sample
from llm_gateway.control.statistics import Statistics
from llm_gateway.core.clock import Clock
from llm_gateway.edge.health import Health
from llm_gateway.telemetry.series import OTHER

if TYPE_CHECKING:
    from llm_gateway.control.administration import Administration
    from llm_gateway.control.ledger.shipper import Status


class Seen:
    """One per control process."""

    def __init__(self, builder: Builder, health: Health, statistics: Statistics, clock: Clock) -> None:
        self._builder = builder
        self._health = health
        self._statistics = statistics
        self._clock = clock

    def __call__(self) -> Iterator[Sample]:
        """All of it."""
        yield from self._providers()
        yield from self._circuits()
        builder = self._builder
        for worker in builder.workers():
            yield "gateway_snapshot_number", (str(worker.slot),), worker.number
        yield "gateway_snapshot_age_seconds", (), max(self._clock.now() - builder.current.created / 1000, 0.0)
        yield "gateway_snapshots_refused_total", (), builder.refusals
        yield "gateway_config_refused", (), int(bool(builder.problem))

    def _providers(self) -> Iterator[Sample]:
        for name, verdict in self._health.verdicts().items():
            yield "gateway_provider_up", (name,), int(verdict.status != "unhealthy")
            yield "gateway_provider_health", (name,), self._statistics.wellness(name, None, None).score
            load = self._statistics.load(name)
            if load is not None:
                yield "gateway_provider_load_running", (name,), load.running
                yield "gateway_provider_load_waiting", (name,), load.waiting

    def _circuits(self) -> Iterator[Sample]:
        """The worst that a worker has of each. Models that no configuration names share one: callers choose their names."""
        config = self._builder.config
        worst = dict.fromkeys(_circuits_of(config, self._health.providers), 0)
        for row in self._statistics.circuits():
            provider, _, model = str(row[0]).partition("/")
            if provider not in self._health.providers:
                continue
            name = (provider, model) if (provider, model) in worst else (provider, OTHER)
            worst[name] = max(worst.get(name, 0), int(row[1]))
        for name, state in worst.items():
            yield "gateway_circuit_breaker_state", name, state


def _circuits_of(config: Config | None, providers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Provider and model of the circuits that a configuration names; "" for a provider's account."""
    for name in providers:
        yield name, ""
    for alias in config.models.values() if config is not None else ():
        for made in alias.deployments:
            if made.provider in providers:
                yield made.provider, made.name


class Kept:
    """The same of what stands in the state directory and in the store."""

    def __init__(self, administration: Administration) -> None:
        self._audit = administration.audit
        self._ledger = administration.ledger
        self._status: Status | None = None

    async def look(self) -> None:
        """At the ledger's log: that reads a directory."""
        try:
            self._status = await self._ledger.shipper.status() if self._ledger.recorded else None
        except OSError:
            self._status = None

    def __call__(self) -> Iterator[Sample]:
        yield "gateway_audit_diverged", (), int(self._audit.diverged)
        for scope, count in self._ledger.alerting.raised.items():
            yield "gateway_budget_alerts_total", (scope,), count
        if self._status is not None:
            yield "gateway_ledger_backlog_bytes", (), self._status.waiting_bytes
            yield "gateway_ledger_backlog_seconds", (), self._status.behind_seconds


def seen(
    metrics: Metrics,
    builder: Builder,
    health: Health,
    statistics: Statistics,
    clock: Clock,
    administration: Administration | None,
) -> None:
    """They are asked whenever metrics are. `administration` None: nothing is known of what it keeps."""
    metrics.sources.append(Seen(builder, health, statistics, clock))
    if administration is not None:
        kept = Kept(administration)
        metrics.sources.append(administration.contents.samples)
        metrics.before.append(kept.look)
        metrics.sources.append(kept)
