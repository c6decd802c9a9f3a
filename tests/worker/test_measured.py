"""What a worker measures of itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from llm_gateway.cache.entry import Entry
from llm_gateway.cache.stage import Answers
from llm_gateway.config.schema import AliasCache, Cache, Metrics
from llm_gateway.config.values import Size
from llm_gateway.core.clock import FakeClock
from llm_gateway.resilience.shedding import Shedding
from llm_gateway.resilience.standings import Standings
from llm_gateway.telemetry.families import NAMES
from llm_gateway.telemetry.observe import Observe
from llm_gateway.telemetry.stats import Stats
from llm_gateway.worker.measured import Measured


class Pools:
    """A client with these pools."""

    def __init__(self, **pools: dict[str, int]) -> None:
        self._pools = pools

    def stats(self) -> dict[str, dict[str, int]]:
        return self._pools


class World:
    """A worker's parts, as far as they are measured."""

    def __init__(
        self, *, told: bool = True, cache: Cache | None = None, alias: AliasCache | None = None, **settings: Any
    ) -> None:
        clock = FakeClock()
        ledger = SimpleNamespace(running=1, refused=2, estimated=3, unpriced=4)
        wal = SimpleNamespace(problem=None, written=9, lost=1, tight=lambda _running: True)
        redis = SimpleNamespace(degraded=True, untold=5, workers=3, dropped=6)
        accounts = SimpleNamespace(ledger=ledger, wal=wal, redis=redis, holding=7)
        self.standings = Standings(clock)
        self.shedding = Shedding(clock.monotonic)
        self.observe = Observe(clock, Stats(), None)
        models = {} if alias is None else {"m": SimpleNamespace(cache=alias, deployments=())}
        telemetry = SimpleNamespace(metrics=Metrics(**settings))
        config = SimpleNamespace(telemetry=telemetry, models=models, providers={}, cache=cache or Cache())
        self.answers = Answers(clock)
        self.answers.memory.configure(1000)
        defences = SimpleNamespace(standings=self.standings)
        access = SimpleNamespace(dropped=8)
        self.measured = Measured(config, 2, self.observe, accounts, defences, self.shedding, access, told=told)
        self.measured.server = SimpleNamespace(active=4, connections=5)
        upstreams = {
            "a": SimpleNamespace(client_name="", origin="one"),
            "b": SimpleNamespace(client_name="", origin="one"),
            "c": SimpleNamespace(client_name="c", origin="two"),
            "d": SimpleNamespace(client_name="gone", origin="two"),
        }
        clients = {"": Pools(one={"idle": 1, "active": 2, "waiting": 3}), "c": Pools(two={"idle": 4, "active": 5, "waiting": 6})}
        self.measured.configure(SimpleNamespace(config=config, upstreams=upstreams), clients, self.answers)

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        self.measured.tell(lambda topic, body: found.append(body) is None and topic == "metrics")
        return found


def test_gauges_say_how_everything_stands() -> None:
    """By the families' names and with their labels; connections that providers share are counted once."""
    world = World()
    world.standings.account("a").waiting = 2
    world.standings.account("c").running = 9
    gauges = {(family, labels): value for family, rows in world.measured.gauges().items() for labels, value in rows}
    assert all(len(labels) == len(NAMES[family].labels) for family, labels in gauges)
    assert gauges == {
        ("gateway_active_requests", ("2",)): 4,
        ("gateway_active_connections", ("2",)): 5,
        ("gateway_reservations_held", ("2",)): 7,
        ("gateway_provider_active_requests", ("a",)): 0,
        ("gateway_provider_active_requests", ("b",)): 0,
        ("gateway_provider_active_requests", ("c",)): 9,
        ("gateway_provider_active_requests", ("d",)): 0,
        ("gateway_connection_pool_active", ("a",)): 2,
        ("gateway_connection_pool_idle", ("a",)): 1,
        ("gateway_connection_pool_active", ("c",)): 5,
        ("gateway_connection_pool_idle", ("c",)): 4,
        ("gateway_queue_depth", ("place",)): 2,
        ("gateway_queue_depth", ("connection",)): 9,
        ("gateway_ledger_full", ("2",)): 1,
        ("gateway_redis_degraded", ("2",)): 1,
        ("gateway_redis_untold", ("2",)): 5,
        ("gateway_redis_workers", ("2",)): 3,
    }


def test_counters_of_others_are_told() -> None:
    """The ledger's, the log's, Redis' and the door's; and how late the event loop was."""
    world = World()
    world.shedding.refused[1] = 11
    assert world.shedding.heard is not None
    world.shedding.heard(0.004)
    (message,) = world.messages()
    counts = {family: rows[0][1] for family, rows in message["counts"].items()}
    lag = counts.pop("gateway_event_loop_lag_seconds")
    assert (sum(lag[:-1]), lag[-1]) == (1, 0.004)
    assert {family: values[0] for family, values in counts.items()} == {
        "gateway_shed_total": 11,
        "gateway_ledger_estimated_total": 3,
        "gateway_ledger_unpriced_total": 4,
        "gateway_ledger_refused_total": 2,
        "gateway_ledger_records_written_total": 9,
        "gateway_ledger_records_lost_total": 1,
        "gateway_log_lines_lost_total": 8,
        "gateway_redis_dropped_total": 6,
    }
    assert message["gauges"]
    (again,) = world.messages()
    assert (again["counts"], bool(again["gauges"])) == ({}, True)


def test_what_could_not_be_sent_is_sent_the_next_time() -> None:
    """Control is away, or does not keep up."""
    world = World()
    world.measured.tell(lambda _topic, _body: False)
    (message,) = world.messages()
    assert message["counts"]["gateway_ledger_records_written_total"] == [(("2",), [9])]


def test_nothing_is_counted_where_nobody_listens() -> None:
    """Metrics are off, or there is no control process."""
    for world in (World(enabled=False), World(told=False)):
        assert world.observe.metrics is None
        assert world.messages() == []


def kept(world: World) -> dict[tuple[str, ...], float]:
    """What is counted of kept answers, by family and the labels beside the worker's."""
    (message,) = world.messages()
    rows = {**message["counts"], **message["gauges"]}
    values = {(family, *labels): value for family, found in rows.items() for labels, value in found if "_cache_" in family}
    assert all(labels[0] == "2" for _, *labels in values)
    return {(family, *labels[1:]): value[0] if isinstance(value, list) else value for (family, *labels), value in values.items()}


def test_kept_answers_are_counted_by_what_became_of_requests() -> None:
    """Each result, what was kept and thrown out, and how much memory that takes of how much."""
    world = World(cache=Cache(enabled=True, size=Size(5000), entry=Size(1000)))
    answers = world.answers
    answers.results.update(hit=5, miss=4, stale=3, coalesced=2, bypass=1)
    answers.saved_bytes, answers.saved_cost = 70, 3_000_000_000
    for name in b"ab":
        answers.keep(bytes([name]), Entry(b"x" * 100, 0.0, 9e9, "p", "s", "m"))
    operations = "gateway_cache_operations_total"
    assert kept(world) == {
        ("gateway_cache_hits_total",): 5,
        ("gateway_cache_misses_total",): 4,
        ("gateway_cache_bypasses_total",): 1,
        ("gateway_cache_stored_total",): 2,
        ("gateway_cache_evictions_total",): 1,
        ("gateway_cache_saved_bytes_total",): 70,
        ("gateway_cache_saved_dollars_total",): 3.0,
        (operations, "get", "hit"): 5,
        (operations, "get", "miss"): 4,
        (operations, "get", "stale"): 3,
        (operations, "get", "coalesced"): 2,
        (operations, "get", "bypass"): 1,
        (operations, "set", "stored"): 2,
        (operations, "evict", "evicted"): 1,
        ("gateway_cache_size_bytes",): answers.memory.bytes,
        ("gateway_cache_limit_bytes",): 5000,
        ("gateway_cache_entries",): 1,
    }
    assert 0 < answers.memory.bytes <= 1000


def test_nothing_is_said_of_kept_answers_where_none_are() -> None:
    """Neither zeros nor a size; one alias that keeps some is enough."""
    assert kept(World()) == {}
    assert kept(World(alias=AliasCache(enabled=False))) == {}
    assert kept(World(alias=AliasCache(enabled=True)))["gateway_cache_hits_total",] == 0


def test_lookups_in_redis_are_counted_where_there_is_one() -> None:
    """By what became of them, and what could not be written there."""
    world = World(cache=Cache(enabled=True))
    assert not any("redis" in family for family, *_ in kept(world))
    far: Any = SimpleNamespace(hits=1, misses=2, failures=3, damaged=4, skipped=5, dropped=6)
    world.answers.far = far
    found = {labels: value for labels, value in kept(world).items() if "redis" in labels[0]}
    lookups = "gateway_cache_redis_lookups_total"
    assert found == {
        (lookups, "hit"): 1,
        (lookups, "miss"): 2,
        (lookups, "failed"): 3,
        (lookups, "damaged"): 4,
        (lookups, "skipped"): 5,
        ("gateway_cache_redis_dropped_total",): 6,
    }
