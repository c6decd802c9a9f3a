from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from llm_gateway.core.clock import FakeClock
from llm_gateway.edge.health import FAILURES, OLD, PATHS, Health
from llm_gateway.resilience.probes import Wellness
from llm_gateway.telemetry.stats import Stats

PROVIDERS = {"openai": "openai", "gpu": "vllm"}
AT = "2023-11-14T22:13:20.000Z"


class World:
    """A started gateway with two providers under a fake clock."""

    def __init__(self, providers=PROVIDERS, **options) -> None:
        self.clock = FakeClock()
        self.stats = Stats()
        self.health = Health(version="1.2.3", clock=self.clock, stats=self.stats, providers=providers, **options)
        self.health.started = True

    def run(self, provider: str, outcomes: str) -> None:
        for outcome in outcomes:
            self.stats.record(provider, "m", 0.25, outcome == ".", None if outcome == "." else "timeout", self.clock.monotonic())

    def get(self, path: bytes, query: bytes = b""):
        answer = self.health.answer(path, query)
        return answer.status, msgspec.json.decode(answer.body)

    def report(self, provider: str):
        rows = msgspec.json.decode(self.health.report().body)["providers"]
        return next(row for row in rows if row["name"] == provider)


def test_health(monkeypatch, tmp_path):
    """E7, field for field, as scripts parse it."""
    monkeypatch.setattr("llm_gateway.edge.health.shutil.disk_usage", lambda _place: SimpleNamespace(free=12_345_678_901))
    world = World(state_dir=tmp_path)
    world.run("openai", "..")
    world.clock.advance(61.9)
    status, body = world.get(b"/health")
    assert status == 200
    assert body == {
        "status": "healthy",
        "version": "1.2.3",
        "timestamp": "2023-11-14T22:14:21.900Z",
        "uptime_seconds": 61,
        "providers": [
            {"name": "openai", "healthy": True, "latency_ms": 250.0},
            {"name": "gpu", "healthy": True, "latency_ms": None},
        ],
        "dependencies": {"redis": "disabled", "disk_space_gb": 12.35},
    }


@pytest.mark.parametrize(
    ("query", "detailed"),
    [(b"detailed=true", True), (b"detailed", True), (b"detailed=1", True), (b"detailed=false", False), (b"", False)],
)
def test_detailed(query, detailed):
    """?detailed=true adds the components, and the type and status of each provider."""
    body = World().get(b"/health", query)[1]
    assert ("components" in body) == detailed
    assert ("type" in body["providers"][0]) == detailed


def test_one_provider_down_is_degraded_with_200():
    """C7: a load balancer must not take out every gateway because one provider fails."""
    world = World()
    world.run("gpu", "x" * FAILURES)
    status, body = world.get(b"/health")
    assert (status, body["status"]) == (200, "degraded")
    assert [p["healthy"] for p in body["providers"]] == [True, False]
    assert world.get(b"/ready")[0] == 200


def test_redis_down_is_degraded_with_200():
    """C7: who looks sees that limits are not shared, and no load balancer takes out every gateway of that Redis."""
    world = World()
    state = "connected"
    world.health.redis = lambda: state
    assert world.get(b"/health")[1]["status"] == "healthy"
    state = "failed"
    status, body = world.get(b"/health")
    assert (status, body["status"], body["dependencies"]["redis"]) == (200, "degraded", "failed")
    (reason,) = body["reasons"]
    assert "Redis" in reason
    assert "limits.when_store_fails" in reason
    assert world.get(b"/health/ready")[0] == 200, "it takes requests all the same"


@pytest.mark.parametrize(("free", "status"), [(1_000_000_000, "healthy"), (990_000_000, "degraded"), (0, "degraded")])
def test_a_disk_that_is_nearly_full_is_degraded_with_200(monkeypatch, tmp_path, free, status):
    """Under 1 GB where the ledger is written: the body says so, with the figure, while requests are still served."""
    monkeypatch.setattr("llm_gateway.edge.health.shutil.disk_usage", lambda _place: SimpleNamespace(free=free))
    world = World(state_dir=tmp_path)
    code, body = world.get(b"/health")
    assert (code, body["status"], body["dependencies"]["disk_space_gb"]) == (200, status, free / 1e9)
    assert [f"only {free / 1e9:g} GB" in reason for reason in body.get("reasons", [])] == [True] * (status != "healthy")


def test_everything_that_is_wrong_is_named():
    """Providers by name, and what is lacking besides; a gateway without a provider that is well stays unhealthy and 503."""
    world = World()
    world.health.redis = lambda: "failed"
    world.run("openai", "......xx..")
    world.run("gpu", "x" * FAILURES)
    status, body = world.get(b"/health")
    assert (status, body["status"]) == (200, "degraded")
    assert body["reasons"][:2] == ["provider openai is degraded", "provider gpu is unhealthy"]
    assert len(body["reasons"]) == 3
    world.run("openai", "x" * FAILURES)
    assert world.get(b"/health")[0] == 503
    assert World({}).get(b"/health")[1]["reasons"] == ["no provider is configured"]


def test_all_down_is_503_with_a_readable_body():
    """Nothing to serve with: 503, and the body still says what is wrong."""
    world = World()
    world.run("openai", "x" * FAILURES)
    world.run("gpu", "x" * FAILURES)
    status, body = world.get(b"/health")
    assert (status, body["status"]) == (503, "unhealthy")
    status, body = world.get(b"/health/ready")
    assert (status, body["status"], body["reason"]) == (503, "not_ready", "no provider is healthy")
    assert body["checks"] == {"provider_registry": "ok", "routing_engine": "failed", "telemetry": "ok"}


def test_it_comes_back_by_itself():
    """A gateway taken out of service sees no traffic, so no success can clear it: the verdict grows old instead."""
    world = World({"openai": "openai"})
    world.run("openai", "x" * FAILURES)
    assert world.get(b"/ready")[0] == 503
    world.clock.advance(OLD + 0.1)
    assert world.get(b"/ready")[0] == 200
    world.run("openai", "x")
    assert world.get(b"/ready")[0] == 503, "still failing when asked again"


def test_a_success_clears_at_once():
    """Fewer failures in a row than the limit, and any success, leave a provider healthy."""
    world = World()
    world.run("openai", "x" * (FAILURES - 1))
    assert world.report("openai")["status"] == "healthy"
    world.run("openai", "x.")
    assert world.report("openai")["status"] == "healthy"


def test_live():
    """E8: alive, whatever else is wrong."""
    world = World({})
    world.health.started, world.health.draining = False, True
    assert world.get(b"/health/live") == (200, {"status": "alive", "timestamp": AT})


def test_ready():
    """E9, field for field."""
    checks = {"provider_registry": "ok", "routing_engine": "ok", "telemetry": "ok"}
    assert World().get(b"/health/ready") == (200, {"status": "ready", "timestamp": AT, "checks": checks})


def test_not_ready_while_starting_and_draining():
    """Readiness begins with the start and ends with the drain; /health goes on answering 200 for the drain's time."""
    world = World()
    world.health.started = False
    assert (world.get(b"/ready")[0], world.get(b"/ready")[1]["reason"]) == (503, "starting")
    world.health.started = True
    assert world.get(b"/ready")[0] == 200
    world.health.draining = True
    assert (world.get(b"/ready")[0], world.get(b"/ready")[1]["reason"]) == (503, "draining")
    assert world.get(b"/health")[0] == 200


def test_without_providers_there_is_nothing_to_serve():
    """No provider: not ready, and the reason says so."""
    world = World({})
    status, body = world.get(b"/ready")
    assert (status, body["reason"], body["checks"]["provider_registry"]) == (503, "no provider is configured", "failed")


def test_startup():
    """E11."""
    world = World()
    assert world.get(b"/health/startup") == (200, {"started": True})
    world.health.started = False
    assert world.get(b"/startup") == (503, {"started": False})


@pytest.mark.parametrize(
    ("alias", "path"),
    [
        (b"/healthz", b"/health"),
        (b"/live", b"/health/live"),
        (b"/livez", b"/health/live"),
        (b"/ready", b"/health/ready"),
        (b"/readyz", b"/health/ready"),
        (b"/startup", b"/health/startup"),
    ],
)
def test_aliases(alias, path):
    """E12: the names that other manifests use answer the same."""
    world = World()
    assert world.get(alias) == world.get(path)


def test_providers_are_not_for_everyone():
    """/health/providers tells how much traffic there is: it is not among the paths that anyone may ask."""
    assert b"/health/providers" not in PATHS


def test_report():
    """E10, field for field; no circuit breaker's state before there are any."""
    world = World()
    world.run("openai", "....")
    world.clock.advance(5)
    assert world.report("openai") == {
        "id": "openai",
        "name": "openai",
        "type": "openai",
        "status": "healthy",
        "metrics": {
            "success_rate": 1.0,
            "avg_latency_ms": 250.0,
            "latency_p50_ms": 250.0,
            "latency_p95_ms": 250.0,
            "requests_per_minute": 4,
            "error_rate": 0.0,
        },
        "last_check": AT,
    }


def test_report_of_one_that_was_never_asked():
    """Nothing is known, and nothing is made up."""
    row = World().report("gpu")
    assert (row["status"], row["last_check"], row["metrics"]["success_rate"]) == ("healthy", None, None)


def test_report_warns_and_tells_the_error():
    """A degraded provider has a warning, an unhealthy one its last error."""
    world = World()
    world.run("openai", "......xx..")
    row = world.report("openai")
    assert (row["status"], row["warning"]) == ("degraded", "20 % of the last 10 attempts failed.")
    assert "error" not in row
    world.run("gpu", "x" * 7)
    row = world.report("gpu")
    assert (row["status"], row["error"]) == ("unhealthy", "7 failures in a row, the last one: timeout.")


def test_the_wall_clock_may_jump():
    """Uptime and verdicts follow the monotonic clock."""
    world = World()
    world.run("openai", "x" * FAILURES)
    world.clock.jump(-3600)
    body = world.get(b"/health")[1]
    assert (body["uptime_seconds"], body["status"]) == (0, "degraded")


def test_the_state_directory_may_be_made_later(tmp_path):
    """Before it is there, the disk it will stand on is told."""
    assert World(state_dir=tmp_path / "not" / "yet").get(b"/health")[1]["dependencies"]["disk_space_gb"] > 0


def test_a_disk_that_cannot_be_read(tmp_path):
    """A state directory that cannot be one gives null, not a failure."""
    (tmp_path / "file").touch()
    assert World(state_dir=tmp_path / "file" / "state").get(b"/health")[1]["dependencies"]["disk_space_gb"] is None
    assert World().get(b"/health")[1]["dependencies"]["disk_space_gb"] is None


def test_the_report_tells_circuit_and_score():
    """B9, where the worker knows them: whether the account is left alone, why, and how well it does all in all."""
    world = World()
    world.run("openai", "...x")
    asked = []

    def wellness(provider, success, p95):
        asked.append((provider, success, p95))
        return Wellness(0.87, 1.0, "open", "circuit", 1.23456)

    world.health.wellness = wellness
    row = world.report("openai")
    assert asked[0] == ("openai", 0.75, 0.25)
    assert (row["metrics"]["health_score"], row["metrics"]["availability"]) == (0.87, 1.0)
    assert row["circuit"] == {"state": "open", "reason": "circuit", "seconds": 1.235}


def test_a_provider_that_its_checks_left_alone_is_unhealthy_without_a_failed_request():
    """Nobody is sent to it any more, so that no request can show that it is away: the checks' word counts."""
    world = World()
    away = Wellness(0.3, 0.0, "closed", "unhealthy", 20.0)
    world.health.wellness = lambda provider, _success, _p95: away if provider == "gpu" else Wellness(1.0, 1.0, "closed", "", 0.0)
    assert world.report("openai")["status"] == "healthy"
    row = world.report("gpu")
    assert row["status"] == "unhealthy"
    assert "health checks could not reach it" in row["error"]
    assert world.get(b"/health")[1]["status"] == "degraded"
    assert world.get(b"/health/ready")[0] == 200
