"""The metric families of providers: attempts at them, what the gateway did about failures, and how they are."""

from __future__ import annotations

from llm_gateway.telemetry.family import FAILOVER, SECONDS, counter, gauge, histogram

PROVIDERS = (
    counter(
        "gateway_provider_requests_total",
        "Attempts at providers, by their status; none: no answer came.",
        "provider",
        "model",
        "status",
    ),
    counter(
        "gateway_provider_errors_total",
        "Attempts that failed, by the reason word of logs and headers; rejected: the request was at fault.",
        "provider",
        "model",
        "error_type",
        look="docs/OPERATIONS.md, provider errors.",
    ),
    histogram(
        "gateway_provider_latency_seconds",
        "One attempt, from sending to its whole answer; of a stream to its first content.",
        SECONDS,
        "provider",
        "model",
    ),
    counter(
        "gateway_provider_rate_limit_exceeded_total",
        "Attempts that a provider refused for its own limits (429).",
        "provider",
        look="Raise the account's limit, or add a deployment to the route.",
    ),
    counter("gateway_timeouts_total", "Attempts that ran out of time, by which time it was.", "provider", "kind"),
    counter(
        "gateway_retries_total",
        "Attempts made because the one before failed, at the same provider; by why it failed.",
        "provider",
        "reason",
    ),
    counter(
        "gateway_failovers_total",
        "Attempts made because the one before failed, at another provider or model; by whom it was taken from and why.",
        "provider",
        "reason",
    ),
    histogram(
        "gateway_failover_duration_seconds",
        "From the end of an attempt that failed to the beginning of the next one, where that is at a provider or model which the"
        " request has not asked yet; by who was asked next. A wait for a place or for a limit there is in it, the failed attempt"
        " itself and pauses before repeats are not.",
        FAILOVER,
        "provider",
        look="gateway_queue_depth: the next one has no place; else gateway_event_loop_lag_seconds, or many requests move there"
        " at once (resilience.retry).",
    ),
    counter("gateway_hedges_total", "Attempts that lost a race against another one and were given up.", "provider"),
    gauge(
        "gateway_provider_up",
        "1: it answers; 0: its last requests failed.",
        "provider",
        look="GET /health/providers says what failed.",
    ),
    gauge("gateway_provider_health", "Health score from 0 to 1; the worst that a worker has.", "provider"),
    gauge(
        "gateway_circuit_breaker_state",
        "0 closed, 1 half-open, 2 open; the worst that a worker has. Without a model: the whole account.",
        "provider",
        "model",
        look="llm-gateway providers; it opens after failures and closes by itself.",
    ),
    gauge("gateway_provider_active_requests", "Attempts that are running.", "provider"),
    gauge(
        "gateway_queue_depth",
        "Requests that wait: place (for a deployment's concurrency), connection (for one to a provider).",
        "queue",
        look="gateway_provider_active_requests against the limits of bulkheads and connection pools.",
    ),
    gauge("gateway_connection_pool_active", "Connections to a provider that carry a request.", "provider"),
    gauge("gateway_connection_pool_idle", "Connections to a provider that are kept for the next.", "provider"),
    gauge(
        "gateway_provider_load_running",
        "Requests that the provider says it works on.",
        "provider",
        when="providers.NAME.load_every",
    ),
    gauge("gateway_provider_load_waiting", "Requests that the provider says wait.", "provider", when="providers.NAME.load_every"),
)
