"""What keeps failures from becoming the callers': one set per process, outliving reloads, and the dispatcher made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from llm_gateway.config.schema import Config
from llm_gateway.config.schema.resilience import CircuitBreaker, HealthCheck, Retry
from llm_gateway.core.clock import Clock
from llm_gateway.core.exchange import Exchange
from llm_gateway.http.client import Client
from llm_gateway.resilience import backoff, circuit, probes
from llm_gateway.resilience.attempts import Attempts
from llm_gateway.resilience.budget import Allowance, RetryBudget
from llm_gateway.resilience.bulkhead import Bulkhead
from llm_gateway.resilience.dispatch import Dispatch
from llm_gateway.resilience.feedback import Feedback
from llm_gateway.resilience.hedges import Hedges
from llm_gateway.resilience.limits import apply_limits
from llm_gateway.resilience.mirrors import Mirrors
from llm_gateway.resilience.paces import apply_paces
from llm_gateway.resilience.probes import HealthChecks
from llm_gateway.resilience.standings import Log, Standings
from llm_gateway.resilience.verdicts import Verdicts
from llm_gateway.routing.alternatives import alternatives
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.decisions import Decisions
from llm_gateway.routing.prefix import PrefixIndex
from llm_gateway.routing.router import Router
from llm_gateway.snapshot import Snapshot
from llm_gateway.telemetry.observe import Observe


class Defences:
    """Standings and all that reads or writes them."""

    def __init__(
        self,
        clock: Clock,
        log: Log,
        draw: Callable[[], float],
        observe: Observe,
        report: Callable[[Exchange, Exception], None],
        sent: Callable[[Exchange, Candidate], None] | None = None,
    ) -> None:
        """`draw` gives numbers in [0, 1); `observe`, `report`: the pipeline's; `sent`: the ledger's."""
        self._clock = clock
        self.standings = Standings(clock, log)
        verdicts = Verdicts()
        self.feedback = Feedback(self.standings, verdicts, clock)
        self.budget = RetryBudget(self.feedback, verdicts, lambda: observe.active, clock)
        self.bulkhead = Bulkhead()
        self.backoff = backoff.Backoff(draw)
        self.checks = HealthChecks(self.standings, clock, log, draw)
        self.decisions = Decisions(clock)
        self.prefixes = PrefixIndex()
        self._attempts = Attempts(self.feedback, self.bulkhead, clock, self.prefixes, sent)
        self._mirrors = Mirrors(self._attempts, observe, report)

    def configure(self, config: Config) -> None:
        """A configuration begins to hold."""
        resilience = config.resilience
        self.standings.configure(_rules(resilience.circuit_breaker), _names(config))
        apply_limits(self.bulkhead, config, resilience.bulkhead, self.standings)
        apply_paces(config, self.standings, config.server.workers.processes)
        retry = resilience.retry
        self.budget.allowance = Allowance(retry.budget, retry.minimum, float(retry.wait))
        self.backoff.policy = _pauses(retry)
        kept = config.routing.decisions
        self.decisions.configure(keep=kept.keep, size=int(kept.size), sample=kept.sample)

    def watch(self, snapshot: Snapshot, clients: Mapping[str, Client]) -> None:
        """Ask its providers whether they are there. Needs a running loop."""
        self.checks.watch(snapshot.upstreams, clients, _checks(snapshot.config.resilience.health_check))

    def dispatch(self, router: Router) -> Dispatch:
        """For one snapshot."""

        def others(ex: Exchange) -> list[str]:
            return alternatives(router, ex.caller, ex.model, self._clock.monotonic())

        return Dispatch(
            attempts=self._attempts,
            hedges=Hedges(self._attempts, self._clock),
            budget=self.budget,
            backoff=self.backoff,
            clock=self._clock,
            mirrors=self._mirrors,
            alternatives=others,
        )

    async def close(self) -> None:
        """End what runs beside requests."""
        await self.checks.close()
        await self._mirrors.close()


def _names(config: Config) -> list[str]:
    """Deployments and accounts that the configuration names."""
    deployments = [made.model for alias in config.models.values() for made in alias.deployments]
    targets = [name for alias in config.models.values() for name in alias.fallback if name not in config.models]
    return [*config.providers, *deployments, *targets]


def _rules(said: CircuitBreaker) -> circuit.Rules:
    return circuit.Rules(
        enabled=said.enabled,
        failures=said.failures,
        rate=said.rate,
        window=float(said.window),
        minimum=said.minimum,
        slow_after=None if said.slow_after is None else float(said.slow_after),
        slow_rate=said.slow_rate,
        cooldown=float(said.cooldown),
        longest_cooldown=float(said.longest_cooldown),
        probes=said.probes,
        successes=said.successes,
        probe_time=float(said.probe_time),
        forget=float(said.forget),
    )


def _pauses(said: Retry) -> backoff.Policy:
    return backoff.Policy(said.growth, said.jitter, float(said.initial), float(said.cap))


def _checks(said: HealthCheck) -> probes.Policy:
    return probes.Policy(
        enabled=said.enabled,
        interval=float(said.interval),
        timeout=float(said.timeout),
        unhealthy_after=said.unhealthy_after,
        healthy_after=said.healthy_after,
        slowest=float(said.slowest),
    )
