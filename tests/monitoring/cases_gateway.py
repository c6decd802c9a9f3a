"""Cases of gateway-alerts.yml."""

from __future__ import annotations

from monitoring.cases import BEFORE, PROD, Case, both, histogram, not_yet, rate, steady

NODE = f'{PROD},instance="a:9090"'
WORKER = f'{NODE},worker="0"'
HERE = {"namespace": "prod"}
AT_A = {**HERE, "instance": "a:9090"}
AT_WORKER = {**AT_A, "worker": "0"}


def answered(bad: float, good: float, status: str = "502") -> dict[str, str]:
    return {
        f'gateway_requests_total{{{PROD},status="{status}"}}': rate(bad),
        f'gateway_requests_total{{{PROD},status="200"}}': rate(good),
    }


def ended(outcome: str, some: float, completed: float) -> dict[str, str]:
    return {
        f'gateway_request_outcomes_total{{{PROD},outcome="{outcome}"}}': rate(some),
        f'gateway_request_outcomes_total{{{PROD},outcome="completed"}}': rate(completed),
    }


def whole(slow: float, bound: str, larger: str, stream: str = "false") -> dict[str, str]:
    """Of 100 answers a second `slow` take between two bounds, the others up to the lower one."""
    counts = {bound: 100 - slow, larger: 100, "+Inf": 100}
    return histogram("gateway_request_duration_seconds", f'{PROD},stream="{stream}"', counts)


def own(counts: dict[str, float]) -> dict[str, str]:
    return histogram("gateway_overhead_seconds", PROD, counts)


ANSWERS = (
    *both("HighErrorRate", answered(6, 94), answered(4, 96), "20m", **HERE),
    Case("HighErrorRate", {**answered(3, 97), **ended("cut", 3, 97)}, "20m", (HERE,)),
    Case("HighErrorRate", answered(50, 50, "429"), "20m"),
    Case(
        "HighErrorRate", {**answered(0, 50), f'gateway_requests_total{{{PROD},status="504",provider="cache"}}': rate(50)}, "20m"
    ),
    not_yet("HighErrorRate", answered(6, 94), "4m"),
    *both("VeryHighErrorRate", answered(25, 75), answered(15, 85), "10m", **HERE),
    *both("StreamsBreak", ended("cut", 2, 98), ended("cut", 0.5, 99.5), "20m", **HERE),
    *both("CallersLeave", ended("client_gone", 12, 88), ended("client_gone", 8, 92), "30m", **HERE),
    *both("HighLatency", whole(2, "10.0", "30.0"), whole(0.5, "10.0", "30.0"), "20m", quantile="0.99", **HERE),
    Case("HighLatency", whole(50, "10.0", "30.0", stream="true"), "20m"),
    *both("SlowAnswers", whole(6, "10.0", "30.0"), whole(4, "10.0", "30.0"), "15m", quantile="0.95", **HERE),
    Case(
        "SlowAnswers",
        histogram(
            "gateway_request_duration_seconds", f'{PROD},stream="false"', {"10.0": 96, "30.0": 98, "60.0": 100, "+Inf": 100}
        ),
        "15m",
        ({**HERE, "quantile": "0.99"},),
    ),
    *both("VeryHighLatency", whole(2, "60.0", "120.0"), whole(0.5, "60.0", "120.0"), "15m", quantile="0.99", **HERE),
    *both(
        "SlowFirstToken",
        histogram("gateway_time_to_first_token_seconds", PROD, {"5.0": 94, "7.5": 100, "+Inf": 100}),
        histogram("gateway_time_to_first_token_seconds", PROD, {"5.0": 96, "7.5": 100, "+Inf": 100}),
        "15m",
        **HERE,
    ),
    *both(
        "TrafficStopped",
        {f'gateway_requests_total{{{PROD},status="200"}}': "0+60x60 3600+0x60"},
        {f'gateway_requests_total{{{PROD},status="200"}}': "0+60x120"},
        "80m",
        **HERE,
    ),
    Case("TrafficStopped", {f'gateway_requests_total{{{PROD},status="200"}}': steady(5, 120)}, "80m"),
)
OWN = (
    *both(
        "HighOverheadP50",
        own({"0.003": 40, "0.005": 100, "+Inf": 100}),
        own({"0.003": 60, "0.005": 100, "+Inf": 100}),
        "15m",
        quantile="0.5",
        **HERE,
    ),
    *both(
        "HighOverheadP95",
        own({"0.008": 94, "0.01": 100, "+Inf": 100}),
        own({"0.008": 96, "0.01": 100, "+Inf": 100}),
        "15m",
        quantile="0.95",
        **HERE,
    ),
    *both(
        "HighOverheadP99",
        own({"0.015": 98, "0.025": 100, "+Inf": 100}),
        own({"0.015": 99.5, "0.025": 100, "+Inf": 100}),
        "15m",
        quantile="0.99",
        **HERE,
    ),
    *both(
        "EventLoopLag",
        histogram("gateway_event_loop_lag_seconds", WORKER, {"0.1": 9, "0.25": 10, "+Inf": 10}),
        histogram("gateway_event_loop_lag_seconds", WORKER, {"0.1": 9.99, "0.25": 10, "+Inf": 10}),
        "15m",
        **AT_WORKER,
    ),
)


def kept(**results: float) -> dict[str, str]:
    """So many requests a second, by what became of their look at kept answers."""
    name = f'gateway_cache_operations_total{{{WORKER},operation="get",result='
    return {f'{name}"{result}"}}': rate(some, 120) for result, some in results.items()}


SPENT_BEFORE = {'gateway_cost_dollars_total{namespace="prod",tenant="t"}': "0+0.01x720 7.2+0.5x120"}
SPENT_EVENLY = {'gateway_cost_dollars_total{namespace="prod",tenant="t"}': "0+0.5x840"}
LOAD = (
    *both(
        "TooManyActiveRequests",
        {f"gateway_active_requests{{{WORKER}}}": steady(1200)},
        {f"gateway_active_requests{{{WORKER}}}": steady(900)},
        "20m",
        **AT_WORKER,
    ),
    *both(
        "RequestsQueue",
        {f'gateway_queue_depth{{{NODE},queue="place"}}': steady(150)},
        {f'gateway_queue_depth{{{NODE},queue="place"}}': steady(90)},
        "15m",
        queue="place",
        **AT_A,
    ),
    *both(
        "RequestsShed",
        {f"gateway_shed_total{{{WORKER}}}": rate(0.5)},
        {f"gateway_shed_total{{{WORKER}}}": steady(3)},
        "15m",
        **AT_A,
    ),
    *both(
        "RateLimitExceeded",
        {f'gateway_rate_limit_exceeded_total{{{PROD},tenant="t",kind="requests"}}': rate(12)},
        {f'gateway_rate_limit_exceeded_total{{{PROD},tenant="t",kind="requests"}}': rate(8)},
        "15m",
        tenant="t",
        **HERE,
    ),
    *both(
        "BudgetRefusals",
        {f'gateway_budget_refused_total{{{PROD},tenant="t"}}': rate(0.1)},
        {f'gateway_budget_refused_total{{{PROD},tenant="t"}}': steady(7)},
        "45m",
        tenant="t",
        **HERE,
    ),
    *both(
        "BudgetThreshold",
        {f'gateway_budget_alerts_total{{{PROD},scope="tenant"}}': "0x30 1x30"},
        {f'gateway_budget_alerts_total{{{PROD},scope="tenant"}}': "1x60"},
        "35m",
        scope="tenant",
        **HERE,
    ),
    Case(
        "BudgetThreshold",
        {f'gateway_budget_alerts_total{{{PROD},scope="key"}}': f"{BEFORE} 1x30"},
        "35m",
        ({**HERE, "scope": "key"},),
    ),
    *both(
        "CacheHitRatioLow",
        kept(hit=2, stale=0.5, coalesced=0.4, miss=7.1),
        kept(hit=2, stale=0.5, coalesced=0.6, miss=6.9),
        "100m",
        **HERE,
    ),
    Case("CacheHitRatioLow", kept(hit=5, miss=5, bypass=90), "100m"),
    Case("CacheHitRatioLow", kept(hit=0, miss=0.09), "100m"),
    not_yet("CacheHitRatioLow", kept(hit=0, miss=10), "25m"),
    *both("CostSpike", SPENT_BEFORE, SPENT_EVENLY, "810m", tenant="t", **HERE),
)
RUNS = f"gateway_active_requests{{{WORKER}}}"
ACCOUNTS = (
    *both(
        "LedgerCannotBeWritten",
        {f"gateway_ledger_full{{{WORKER}}}": steady(1)},
        {f"gateway_ledger_full{{{WORKER}}}": steady(0)},
        "5m",
        **AT_WORKER,
    ),
    *both(
        "LedgerRecordsLost",
        {f"gateway_ledger_records_lost_total{{{WORKER}}}": "0x30 3x30"},
        {f"gateway_ledger_records_lost_total{{{WORKER}}}": "3x60"},
        "35m",
        **AT_WORKER,
    ),
    Case("LedgerRecordsLost", {f"gateway_ledger_records_lost_total{{{WORKER}}}": f"{BEFORE} 3x30"}, "35m", (AT_WORKER,)),
    *both(
        "LedgerBehind",
        {f"gateway_ledger_backlog_seconds{{{NODE}}}": steady(400)},
        {f"gateway_ledger_backlog_seconds{{{NODE}}}": steady(200)},
        "10m",
        **AT_A,
    ),
    *both(
        "UsageEstimated",
        {
            f"gateway_ledger_estimated_total{{{WORKER}}}": rate(8, 120),
            f'gateway_requests_total{{{NODE},status="200"}}': rate(100, 120),
        },
        {
            f"gateway_ledger_estimated_total{{{WORKER}}}": rate(3, 120),
            f'gateway_requests_total{{{NODE},status="200"}}': rate(100, 120),
        },
        "90m",
        **HERE,
    ),
    *both(
        "UsageUnpriced",
        {f"gateway_ledger_unpriced_total{{{WORKER}}}": rate(0.1, 120)},
        {f"gateway_ledger_unpriced_total{{{WORKER}}}": steady(9, 120)},
        "90m",
        **HERE,
    ),
    *both(
        "ReservationsHeld",
        {f"gateway_reservations_held{{{WORKER}}}": steady(40), RUNS: steady(20)},
        {f"gateway_reservations_held{{{WORKER}}}": steady(25), RUNS: steady(20)},
        "20m",
        **AT_A,
    ),
    *both(
        "AuditDiverged",
        {f"gateway_audit_diverged{{{NODE}}}": steady(1)},
        {f"gateway_audit_diverged{{{NODE}}}": steady(0)},
        "5m",
        **AT_A,
    ),
)
CONFIGURATION = (
    *both(
        "ConfigurationRefused",
        {f"gateway_snapshots_refused_total{{{NODE}}}": "0x30 1x30"},
        {f"gateway_snapshots_refused_total{{{NODE}}}": "1x60"},
        "35m",
        **AT_A,
    ),
    *both(
        "ConfigurationBad",
        {f"gateway_config_refused{{{NODE}}}": steady(1)},
        {f"gateway_config_refused{{{NODE}}}": steady(0)},
        "10m",
        **AT_A,
    ),
    *both(
        "TracesLost",
        {f"gateway_traces_dropped_total{{{NODE}}}": steady(5), f"gateway_traces_failed_total{{{NODE}}}": rate(1)},
        {f"gateway_traces_dropped_total{{{NODE}}}": steady(5), f"gateway_traces_failed_total{{{NODE}}}": steady(9)},
        "20m",
        **AT_A,
    ),
    *both(
        "ConfigurationsDiffer",
        {f'gateway_snapshot_number{{{NODE},worker="0"}}': steady(4), f'gateway_snapshot_number{{{NODE},worker="1"}}': steady(5)},
        {f'gateway_snapshot_number{{{NODE},worker="0"}}': steady(5), f'gateway_snapshot_number{{{NODE},worker="1"}}': steady(5)},
        "10m",
        **AT_A,
    ),
    *both(
        "LogLinesLost",
        {f"gateway_log_lines_lost_total{{{WORKER}}}": rate(1)},
        {f"gateway_log_lines_lost_total{{{WORKER}}}": steady(5)},
        "15m",
        **AT_A,
    ),
    *both(
        "MetricsFolded",
        {f"gateway_metrics_folded_total{{{NODE}}}": rate(1, 120)},
        {f"gateway_metrics_folded_total{{{NODE}}}": steady(5, 120)},
        "90m",
        **AT_A,
    ),
)
CASES = (*ANSWERS, *OWN, *LOAD, *ACCOUNTS, *CONFIGURATION)
