"""Requests become numbers: each in the right series, at little cost."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from llm_gateway.config.schema import Metrics as Settings
from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import BudgetExceeded, GatewayError, RateLimited, UpstreamTimeout
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.core.ledger import Bill
from llm_gateway.core.usage import Usage
from llm_gateway.telemetry.ended import Ended, ended_of
from llm_gateway.telemetry.families import NAMES
from llm_gateway.telemetry.folding import STAGES_OF, Folding
from llm_gateway.telemetry.naming import Naming
from llm_gateway.telemetry.series import Counts

CHAT = "/v1/chat/completions"
USAGE = Usage(input=30, cache_read=5, output=50, reasoning=7)


class Counted:
    """What a worker counts, and a look at it by names of labels."""

    def __init__(self, **settings: Any) -> None:
        self.folding = Folding(Counts(), Naming())
        self.folding.naming.configure([("p", "m")], ["fast"], {"p": "openai"})
        self.folding.configure(Settings(**settings))

    def __call__(self, *exchanges: Exchange, now: float = 100.5) -> Counted:
        self.folding.fold([ended_of(ex, 1.7e9, now) for ex in exchanges])
        self.folding.flush()
        return self

    def value(self, family: str, **labels: str) -> list[float] | None:
        """One series' values; None: there is none."""
        wanted = tuple(labels.get(name, "") for name in NAMES[family].every)
        assert set(labels) <= set(NAMES[family].every)
        return dict(self.folding.counts.copied().get(family, ())).get(wanted)

    def sum(self, family: str) -> float:
        return sum(values[0] for _, values in self.folding.counts.copied().get(family, ()))


def served(model: str = "m", *, caller: Caller | None = None, stream: bool = False, usage: Usage = USAGE) -> Exchange:
    """A request that began at 100 s, was sent at 100.1 s and answered at 100.3 s."""
    http = SimpleNamespace(
        path=CHAT.encode(), headers={}, notes=None, body=b"x" * 10, peer="10.0.0.1", reply=SimpleNamespace(gone=False)
    )
    ex = Exchange("req_1", http, None, 100.0)
    ex.caller = caller or Caller("k", tenant="acme", project="web")
    ex.model, ex.served_provider, ex.served_model, ex.stream = "fast", "p", model, stream
    ex.attempts.append(Attempt("p", model, 100.1, 100.3, 200))
    ex.status, ex.outcome, ex.committed, ex.bytes_out, ex.usage = 200, "completed", 100.3, 70, usage
    ex.bill = Bill(usage, 2_000_000, "prices", False, (), "", "")
    ex.stages = 100.02, 100.03, 100.06
    return ex


def refused(error: GatewayError, model: str = "fast") -> Exchange:
    """A request that nobody was asked for."""
    ex = served()
    ex.attempts, ex.served_provider, ex.served_model, ex.bill, ex.usage, ex.stages = [], "", "", None, None, None
    ex.model, ex.error, ex.status, ex.outcome, ex.committed = model, error, error.status, "failed", 0.0
    return ex


def test_a_request_is_counted_everywhere_it_belongs():
    """Once each: request, attempt, time, tokens by type, cost, bytes."""
    counted = Counted()(served())
    who = {"endpoint": CHAT, "provider": "p", "model": "m"}
    assert counted.value("gateway_requests_total", **who, tenant="acme", status="200") == [1]
    assert counted.value("gateway_request_outcomes_total", endpoint=CHAT, outcome="completed") == [1]
    assert counted.value("gateway_provider_requests_total", provider="p", model="m", status="200") == [1]
    tokens = {"provider": "p", "model": "m", "tenant": "acme"}
    for kind, number in {"input": 30, "cache_read": 5, "output": 50, "reasoning": 7}.items():
        assert counted.value("gateway_tokens_total", **tokens, type=kind) == [number]
    assert counted.value("gateway_cost_dollars_total", **tokens) == [pytest.approx(0.002)]
    assert counted.value("gateway_request_bytes_total", endpoint=CHAT) == [10]
    assert counted.value("gateway_response_bytes_total", endpoint=CHAT) == [70]
    duration = counted.value("gateway_request_duration_seconds", **who, stream="false")
    assert (sum(duration[:-1]), duration[-1]) == (1, pytest.approx(0.5))
    assert counted.value("gateway_provider_latency_seconds", provider="p", model="m")[-1] == pytest.approx(0.2)
    assert counted.value("gateway_overhead_seconds", endpoint=CHAT)[-1] == pytest.approx(0.3)
    ai = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "openai", "gen_ai_request_model": "m"}
    assert counted.value("gen_ai_client_operation_duration_seconds", **ai)[-1] == pytest.approx(0.5)
    assert counted.value("gen_ai_client_token_usage", **ai, gen_ai_token_type="input")[-1] == 35
    assert counted.value("gen_ai_client_token_usage", **ai, gen_ai_token_type="output")[-1] == 57
    assert counted.value("gateway_time_to_first_token_seconds", provider="p", model="m") is None


def test_a_value_on_a_bound_is_in_that_bucket():
    """Prometheus' buckets hold their upper bound."""
    counted = Counted()(served(), now=100.25)
    values = counted.value("gateway_request_duration_seconds", endpoint=CHAT, provider="p", model="m", stream="false")
    assert values.index(1) == NAMES["gateway_request_duration_seconds"].buckets.index(0.25)


def test_a_stream_has_a_first_token_and_gaps():
    """The time to its first content, and the mean time per token behind it."""
    counted = Counted()(served(stream=True))
    assert counted.value("gateway_time_to_first_token_seconds", provider="p", model="m")[-1] == pytest.approx(0.3)
    assert counted.value("gateway_time_per_output_token_seconds", provider="p", model="m")[-1] == pytest.approx(0.2 / 56)
    ai = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "openai", "gen_ai_request_model": "m"}
    assert counted.value("gen_ai_server_time_to_first_token_seconds", **ai)[-1] == pytest.approx(0.3)
    assert counted.value("gen_ai_server_time_per_output_token_seconds", **ai)[-1] == pytest.approx(0.2 / 56)


def test_a_failover_is_one_request_and_three_attempts():
    """The repeat at the same place is a retry, the step to another a failover; each by why the one before failed."""
    ex = served()
    ex.attempts[:0] = [
        Attempt("q", "x", 100.0, 100.02, 0, "head_timeout"),
        Attempt("q", "x", 100.02, 100.05, 429, "rate_limited"),
    ]
    counted = Counted()(ex)
    assert counted.sum("gateway_requests_total") == 1
    assert counted.sum("gateway_provider_requests_total") == 3
    assert counted.value("gateway_provider_requests_total", provider="q", model="unknown", status="none") == [1]
    assert counted.value("gateway_provider_errors_total", provider="q", model="unknown", error_type="head_timeout") == [1]
    assert counted.value("gateway_timeouts_total", provider="q", kind="head_timeout") == [1]
    assert counted.value("gateway_provider_rate_limit_exceeded_total", provider="q") == [1]
    assert counted.value("gateway_retries_total", provider="q", reason="head_timeout") == [1]
    assert counted.value("gateway_failovers_total", provider="q", reason="rate_limited") == [1]
    assert counted.value("gateway_tokens_total", provider="p", model="m", tenant="acme", type="output") == [50]


def moved(*attempts: Attempt) -> Counted:
    """What is counted of a request with these attempts, which was answered by the last one."""
    ex = served()
    ex.attempts[:] = attempts
    return Counted()(ex)


def test_a_failover_takes_as_long_as_nobody_is_asked():
    """From the end of the attempt that failed to the next beginning, of who was not asked yet; a repeat after a pause is none."""
    repeats = Attempt("q", "x", 100.1, 100.2, 500, "server_error"), Attempt("p", "m", 100.9, 101.0, 200)
    counted = moved(Attempt("q", "x", 100.0, 100.02, 500, "server_error"), *repeats)
    assert counted.value("gateway_failover_duration_seconds", provider="q") is None
    took = counted.value("gateway_failover_duration_seconds", provider="p")
    assert (sum(took[:-1]), took[-1]) == (1, pytest.approx(0.7))
    assert took.index(1) == NAMES["gateway_failover_duration_seconds"].buckets.index(1.0)
    around = Attempt("q", "x", 100.0, 100.02, 500, "server_error"), Attempt("p", "m", 100.02, 100.1, 500, "server_error")
    counted = moved(*around, Attempt("q", "x", 103.0, 103.1, 200))
    assert counted.value("gateway_failover_duration_seconds", provider="q") is None
    assert counted.value("gateway_failover_duration_seconds", provider="p")[-1] == pytest.approx(0.0)


def test_who_comes_after_a_stream_that_broke_is_timed_from_its_end():
    """When it broke, and not when it had begun."""
    broke = Attempt("q", "x", 100.0, 100.1, 200, "cut", over=105.0)
    counted = moved(broke, Attempt("p", "m", 105.004, 105.1, 200))
    assert counted.value("gateway_failover_duration_seconds", provider="p")[-1] == pytest.approx(0.004)


def test_a_race_is_no_failover_until_both_have_failed():
    """One that began beside another was not waited for; one that comes after both is timed from the later end."""
    slow, quick = Attempt("q", "x", 100.0, 100.3, 500, "reset"), Attempt("r", "y", 100.1, 100.2, 500, "reset")
    counted = moved(slow, quick, Attempt("p", "m", 100.31, 100.4, 200))
    assert counted.value("gateway_failover_duration_seconds", provider="r") is None
    assert counted.value("gateway_failover_duration_seconds", provider="p")[-1] == pytest.approx(0.01)
    assert counted.sum("gateway_failovers_total") == 1


def test_a_lost_race_is_a_hedge():
    """Of the provider that was given up; the winner is no retry of it."""
    ex = served()
    ex.hedges = [Attempt("slow", "m", 100.0, 100.3)]
    counted = Counted()(ex)
    assert counted.value("gateway_hedges_total", provider="slow") == [1]
    assert counted.sum("gateway_retries_total") == counted.sum("gateway_failovers_total") == 0


@pytest.mark.parametrize(
    ("error", "family", "labels"),
    [
        (
            RateLimited("x", details={"limit_name": "requests_per_minute"}),
            "gateway_rate_limit_exceeded_total",
            {"kind": "requests_per_minute"},
        ),
        (BudgetExceeded("x", details={"limit_name": "budget_per_day"}), "gateway_budget_refused_total", {}),
    ],
)
def test_a_refusal_for_a_limit_is_its_tenants(error, family, labels):
    """By the limit that was used up; money apart from the others."""
    counted = Counted()(refused(error))
    assert counted.value(family, tenant="acme", **labels) == [1]
    assert counted.value("gateway_errors_total", endpoint=CHAT, provider="none", error_type=error.code) == [1]
    who = {"endpoint": CHAT, "provider": "none", "model": "fast", "tenant": "acme"}
    assert counted.value("gateway_requests_total", **who, status=str(error.status)) == [1]


def test_failures_of_two_providers_are_told_apart():
    """Though path, status and error are the same."""
    counted = Counted()
    for provider in ("p", "q"):
        ex = refused(UpstreamTimeout("x"))
        ex.attempts = [Attempt(provider, "m", 100.1, 100.4, 0, "timeout")]
        counted(ex)
    assert counted.value("gateway_errors_total", endpoint=CHAT, provider="p", error_type="request_timeout") == [1]
    assert counted.value("gateway_errors_total", endpoint=CHAT, provider="q", error_type="request_timeout") == [1]


def test_a_mirror_is_no_request_but_costs():
    """Nobody asked for it; its provider was asked all the same."""
    ex = served()
    ex.outcome, ex.caller = "mirrored", None
    counted = Counted()(ex)
    assert counted.sum("gateway_requests_total") == counted.sum("gateway_request_outcomes_total") == 0
    assert counted.sum("gateway_provider_requests_total") == 1
    assert counted.value("gateway_cost_dollars_total", provider="p", model="m", tenant="none") == [pytest.approx(0.002)]


def test_labels_are_those_of_the_configuration():
    """Each that is named, and none that is not."""
    ex = served(caller=Caller("k", key_id="key_1", tenant="acme", project="web"))
    who = {"endpoint": CHAT, "provider": "p", "model": "m", "status": "200"}
    every = Counted(labels=("tenant", "project", "key", "alias"))(ex)
    assert every.value("gateway_requests_total", **who, tenant="acme", project="web", key="key_1", alias="fast") == [1]
    none = Counted(labels=())(ex)
    assert none.value("gateway_requests_total", **who) == [1]


def test_a_flood_of_names_stays_bounded():
    """Names that nobody answered for are one; names that somebody did are as many as may be, then `other` (faults C33)."""
    counted = Counted(max_series=100, labels=("tenant",))
    for number in range(3000):
        counted(refused(GatewayError("x"), model=f"random-{number}"), served(f"random-{number}"))
    copied = counted.folding.counts.copied()
    assert max(map(len, copied.values())) <= 110
    assert counted.sum("gateway_requests_total") == 6000
    assert counted.value(
        "gateway_requests_total", endpoint=CHAT, provider="none", model="unknown", tenant="acme", status="500"
    ) == [3000]
    assert counted.value("gateway_metrics_folded_total")[0] > 2000
    assert len(counted.folding._cells) <= 4096


def test_stages_are_looked_at_now_and_then():
    """Of one request in so many; their times add up to what it took until it was sent."""
    counted = Counted()(*[served() for _ in range(2 * STAGES_OF)])
    sums = {
        stage: counted.value("gateway_stage_duration_seconds", stage=stage) for stage in ("identify", "permit", "hold", "route")
    }
    assert [sum(values[:-1]) for values in sums.values()] == [2] * 4
    assert sum(values[-1] for values in sums.values()) == pytest.approx(0.2)


def test_counting_is_cheap():
    """A request's counting takes no longer than 130 additions to a list: below two microseconds on a machine of 2024."""
    counted = Counted()
    records: list[Ended] = [ended_of(served(usage=Usage(input=3, output=5)), 1.7e9, 100.5) for _ in range(256)]
    values = [0]

    def measured(work: Any) -> float:
        begin = time.process_time()
        work()
        return time.process_time() - begin

    def additions() -> None:
        for _ in range(130 * len(records)):
            values[0] += 1

    counted.folding.fold(records)
    ours = min(measured(lambda: counted.folding.fold(records)) for _ in range(30))
    yardstick = min(measured(additions) for _ in range(30))
    assert ours < yardstick, (ours / len(records) * 1e6, yardstick)
