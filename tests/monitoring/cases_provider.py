"""Cases of provider-alerts.yml."""

from __future__ import annotations

from monitoring.cases import BEFORE, PROD, Case, both, histogram, not_yet, rate, steady

HERE = {"namespace": "prod"}
AT_A = {**HERE, "provider": "a"}
A = f'{PROD},provider="a"'
B = f'{PROD},provider="b"'


def up(first: int, second: int) -> dict[str, str]:
    return {f"gateway_provider_up{{{A}}}": steady(first), f"gateway_provider_up{{{B}}}": steady(second)}


def attempts(counter: str, labels: str, some: float, all_: float = 10) -> dict[str, str]:
    """`some` of `all_` attempts a second are counted elsewhere, too."""
    return {f"{counter}{{{A}{labels}}}": rate(some), f'gateway_provider_requests_total{{{A},status="200"}}': rate(all_)}


def failed(reason: str, values: str) -> dict[str, str]:
    return {f'gateway_provider_errors_total{{{A},model="m",error_type="{reason}"}}': values}


def requests(counter: str, some: float) -> dict[str, str]:
    return {f'{counter}{{{A},reason="overloaded"}}': rate(some), f'gateway_requests_total{{{PROD},status="200"}}': rate(10)}


def told(alert: str, reason: str) -> tuple[Case, ...]:
    """One that knows a failure from its first time on, and forgets it."""
    return (
        Case(alert, failed(reason, f"{BEFORE} 1x30"), "33m", (AT_A,)),
        Case(alert, failed(reason, "0x30 1x30"), "33m", (AT_A,)),
        Case(alert, failed(reason, "1x60"), "50m"),
        Case(alert, failed("overloaded", rate(1)), "33m"),
    )


ERRORS = "gateway_provider_errors_total"
CASES = (
    *both("ProviderUnhealthy", up(0, 1), up(1, 1), "10m", **AT_A),
    not_yet("ProviderUnhealthy", up(0, 1), "2m"),
    *both("AllProvidersDown", up(0, 0), up(0, 1), "3m", **HERE),
    *both(
        "ProviderDegraded",
        {f"gateway_provider_health{{{A}}}": steady(0.4)},
        {f"gateway_provider_health{{{A}}}": steady(0.6)},
        "15m",
        **AT_A,
    ),
    *both(
        "CircuitBreakerOpen",
        {f'gateway_circuit_breaker_state{{{A},model="m"}}': steady(2)},
        {f'gateway_circuit_breaker_state{{{A},model="m"}}': steady(1)},
        "10m",
        model="m",
        **AT_A,
    ),
    *both(
        "ProviderHighErrorRate",
        attempts(ERRORS, ',error_type="server_error"', 3),
        attempts(ERRORS, ',error_type="server_error"', 1),
        "15m",
        **AT_A,
    ),
    Case("ProviderHighErrorRate", attempts(ERRORS, ',error_type="rejected"', 9), "15m"),
    *both(
        "ProviderHighLatency",
        histogram("gateway_provider_latency_seconds", A, {"10.0": 90, "30.0": 100, "+Inf": 100}),
        histogram("gateway_provider_latency_seconds", A, {"10.0": 96, "30.0": 100, "+Inf": 100}),
        "20m",
        **AT_A,
    ),
    *both(
        "ProviderRateLimited",
        attempts("gateway_provider_rate_limit_exceeded_total", "", 2),
        attempts("gateway_provider_rate_limit_exceeded_total", "", 0.5),
        "20m",
        **AT_A,
    ),
    *told("ProviderCredentialsRefused", "credentials"),
    *told("ProviderQuotaExhausted", "quota"),
    *told("ProviderTlsFailed", "tls"),
    *both(
        "ProviderTimeouts",
        attempts("gateway_timeouts_total", ',kind="head_timeout"', 1),
        attempts("gateway_timeouts_total", ',kind="head_timeout"', 0.2),
        "20m",
        **AT_A,
    ),
    *both("HighRetryRate", requests("gateway_retries_total", 2), requests("gateway_retries_total", 0.5), "20m", **HERE),
    *both("HighFailoverRate", requests("gateway_failovers_total", 2), requests("gateway_failovers_total", 0.5), "20m", **AT_A),
    *both(
        "SlowFailover",
        histogram("gateway_failover_duration_seconds", B, {"0.25": 0.9, "0.5": 1, "+Inf": 1}),
        histogram("gateway_failover_duration_seconds", B, {"0.25": 0.96, "0.5": 1, "+Inf": 1}),
        "15m",
        quantile="0.95",
        **HERE,
    ),
    not_yet("SlowFailover", histogram("gateway_failover_duration_seconds", B, {"0.25": 0, "0.5": 1, "+Inf": 1}), "5m"),
    *both(
        "ProviderQueues",
        {f"gateway_provider_load_waiting{{{A}}}": steady(30)},
        {f"gateway_provider_load_waiting{{{A}}}": steady(10)},
        "15m",
        **AT_A,
    ),
)
