"""What a worker measures of itself, and tells control once a second. Requests are counted in telemetry/folding.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from llm_gateway.cache.stage import Answers, Far, Result
from llm_gateway.channel.messages import plain
from llm_gateway.config.schema import Config
from llm_gateway.http.client import Client
from llm_gateway.http.server import Server
from llm_gateway.resilience.shedding import Shedding
from llm_gateway.snapshot import Snapshot
from llm_gateway.snapshot.routes import keeps
from llm_gateway.telemetry.folding import NANO, Folding
from llm_gateway.telemetry.journal import Journal
from llm_gateway.telemetry.measures import AT_ONCE, TOPIC, Labels, Measures
from llm_gateway.telemetry.naming import Naming
from llm_gateway.telemetry.observe import Observe
from llm_gateway.telemetry.series import Counts
from llm_gateway.worker.accounts import Accounts
from llm_gateway.worker.defences import Defences
from llm_gateway.worker.facts import known_models, provider_types

Told = Callable[[str, Any], bool]
"""channel.link.Link.tell: whether it was sent."""
Gauges = dict[str, list[tuple[Labels, float]]]
_RESULTS: tuple[Result, ...] = get_args(Result)


class Measured:
    """One per worker; outlives reloads."""

    def __init__(
        self,
        config: Config,
        slot: int,
        observe: Observe,
        accounts: Accounts,
        defences: Defences,
        shedding: Shedding,
        access: Journal | None,
        *,
        told: bool,
    ) -> None:
        """`told`: whether there is a control process to tell."""
        buckets = config.telemetry.metrics.buckets
        self.counts = Counts(buckets=None if buckets is None else tuple(map(float, buckets)))
        self._folding = Folding(self.counts, Naming())
        self._worker = (str(slot),)
        self._observe = observe
        self._accounts = accounts
        self._defences = defences
        self._shedding = shedding
        self._access = access
        self._told = told
        self._upstreams: Mapping[str, Any] = {}
        self._clients: Mapping[str, Client] = {}
        self._answers: Answers | None = None
        self._limit = 0
        self.server: Server | None = None
        shedding.heard = self._late

    def configure(self, snapshot: Snapshot, clients: Mapping[str, Client], answers: Answers) -> None:
        """A configuration holds from now on. `answers`: what is kept, if it keeps any."""
        config = snapshot.config
        self._upstreams, self._clients = snapshot.upstreams, clients
        self._answers, self._limit = answers if keeps(config) else None, int(config.cache.size)
        self._folding.naming.configure(known_models(config), config.models, provider_types(config))
        self._folding.configure(config.telemetry.metrics)
        self._observe.metrics = self._folding if config.telemetry.metrics.enabled and self._told else None

    def tell(self, tell: Told) -> None:
        """Once a second, while there is a connection. What cannot be sent is told the next time."""
        if self._observe.metrics is None:
            return
        self._observe.flush()
        self._folding.flush()
        self._totals()
        gauges: Gauges | None = self.gauges()
        for piece in self.counts.untold(AT_ONCE):
            if not tell(TOPIC, plain(Measures(piece, self.counts.buckets, gauges))):
                return
            gauges = None
        if gauges is not None:
            tell(TOPIC, plain(Measures({}, self.counts.buckets, gauges)))

    def gauges(self) -> Gauges:
        """How everything stands now."""
        worker, ledger = self._worker, self._accounts.ledger
        standings = self._defences.standings
        found: Gauges = {
            "gateway_reservations_held": [(worker, self._accounts.holding)],
            "gateway_provider_active_requests": [],
            "gateway_connection_pool_active": [],
            "gateway_connection_pool_idle": [],
        }
        if self.server is not None:
            found["gateway_active_requests"] = [(worker, self.server.active)]
            found["gateway_active_connections"] = [(worker, self.server.connections)]
        places = waiting = 0
        for name in self._upstreams:
            account = standings.account(name)
            places += account.waiting
            found["gateway_provider_active_requests"].append(((name,), account.running))
        for name, pool in self._pools():
            waiting += pool["waiting"]
            found["gateway_connection_pool_active"].append(((name,), pool["active"]))
            found["gateway_connection_pool_idle"].append(((name,), pool["idle"]))
        found["gateway_queue_depth"] = [(("place",), places), (("connection",), waiting)]
        wal, redis = self._accounts.wal, self._accounts.redis
        if wal is not None:
            full = wal.problem is not None or wal.tight(ledger.running)
            found["gateway_ledger_full"] = [(worker, int(full))]
        if redis is not None:
            found["gateway_redis_degraded"] = [(worker, int(redis.degraded))]
            found["gateway_redis_untold"] = [(worker, redis.untold)]
            found["gateway_redis_workers"] = [(worker, redis.workers)]
        if self._answers is not None:
            memory = self._answers.memory
            found["gateway_cache_size_bytes"] = [(worker, memory.bytes)]
            found["gateway_cache_limit_bytes"] = [(worker, self._limit)]
            found["gateway_cache_entries"] = [(worker, len(memory))]
        return found

    def _pools(self) -> Iterator[tuple[str, dict[str, int]]]:
        """Of each provider's connections. Providers at the same address that share them: the first one's."""
        seen: set[tuple[str, Any]] = set()
        told: dict[str, dict[Any, dict[str, int]]] = {}
        for name, upstream in self._upstreams.items():
            client = self._clients.get(upstream.client_name)
            place = upstream.client_name, upstream.origin
            if client is None or place in seen:
                continue
            seen.add(place)
            if upstream.client_name not in told:
                told[upstream.client_name] = client.stats()
            pool = told[upstream.client_name].get(upstream.origin)
            if pool is not None:
                yield name, pool

    def _totals(self) -> None:
        """Counters that others keep."""
        put, worker = self.counts.set, self._worker
        ledger, wal, redis = self._accounts.ledger, self._accounts.wal, self._accounts.redis
        put("gateway_shed_total", worker, sum(self._shedding.refused))
        put("gateway_ledger_estimated_total", worker, ledger.estimated)
        put("gateway_ledger_unpriced_total", worker, ledger.unpriced)
        if self._access is not None:
            put("gateway_log_lines_lost_total", worker, self._access.dropped)
        if wal is not None:
            put("gateway_ledger_refused_total", worker, ledger.refused)
            put("gateway_ledger_records_written_total", worker, wal.written)
            put("gateway_ledger_records_lost_total", worker, wal.lost)
        if redis is not None:
            put("gateway_redis_dropped_total", worker, redis.dropped)
        if self._answers is not None:
            self._kept(self._answers)

    def _kept(self, answers: Answers) -> None:
        """Of answers that are kept, and of requests that they were looked up for."""
        put, worker, results, evicted = self.counts.set, self._worker, answers.results, answers.memory.evicted
        put("gateway_cache_hits_total", worker, results["hit"])
        put("gateway_cache_misses_total", worker, results["miss"])
        put("gateway_cache_bypasses_total", worker, results["bypass"])
        put("gateway_cache_stored_total", worker, answers.stored)
        put("gateway_cache_evictions_total", worker, evicted)
        put("gateway_cache_saved_bytes_total", worker, answers.saved_bytes)
        put("gateway_cache_saved_dollars_total", worker, answers.saved_cost * NANO)
        operations = "gateway_cache_operations_total"
        for result in _RESULTS:
            put(operations, (*worker, "get", result), results[result])
        put(operations, (*worker, "set", "stored"), answers.stored)
        put(operations, (*worker, "evict", "evicted"), evicted)
        if answers.far is not None:
            self._shared(answers.far)

    def _shared(self, far: Far) -> None:
        """Of answers that workers and nodes share."""
        put, worker, lookups = self.counts.set, self._worker, "gateway_cache_redis_lookups_total"
        put(lookups, (*worker, "hit"), far.hits)
        put(lookups, (*worker, "miss"), far.misses)
        put(lookups, (*worker, "failed"), far.failures)
        put(lookups, (*worker, "damaged"), far.damaged)
        put(lookups, (*worker, "skipped"), far.skipped)
        put("gateway_cache_redis_dropped_total", worker, far.dropped)

    def _late(self, seconds: float) -> None:
        """How late the event loop was, twenty times a second."""
        self.counts.observe("gateway_event_loop_lag_seconds", self._worker, seconds)
