"""Every metric family of GET /metrics, once: name, type, labels, meaning. Control renders this table, the documents and the
dashboards' tests read it.

Names are as Prometheus shows them. `gateway_*` are ours (requirements 7.1); the other names are for queries that were written
for them and have the same values, and `gen_ai_*` are OpenTelemetry's GenAI metrics as Prometheus spells them
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/). Seconds, bytes and US dollars everywhere.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Whole requests, and attempts at providers."""
FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0)
"""Times to the first token."""
PER_TOKEN = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
"""Times from one token of a stream to the next."""
OWN = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.003, 0.005, 0.008, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0)
"""What the gateway itself takes: 3, 8 and 15 ms are limits of the founding alerts."""
LAG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""How late the event loop is."""
OPERATION = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Of gen_ai.client.operation.duration, as OpenTelemetry advises."""
TOKENS = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0, 67108864.0)
"""Of gen_ai.client.token.usage, as OpenTelemetry advises."""


class Family(NamedTuple):
    """One metric family."""

    name: str
    """As it is queried; of a histogram without _bucket, _sum and _count."""
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Of a histogram: upper bounds, without +Inf."""
    alias_of: str = ""
    """The family whose values these are, summed over the labels that this one does not have; "": it is its own."""
    when: str = ""
    """What must be configured for it to have samples; "": nothing. It may still be empty until what it counts has happened."""
    look: str = ""
    """What to look at when its value is unusual."""


def _counter(name: str, text: str, *labels: str, when: str = "", look: str = "") -> Family:
    return Family(name, "counter", text, labels, when=when, look=look)


def _gauge(name: str, text: str, *labels: str, when: str = "", look: str = "") -> Family:
    return Family(name, "gauge", text, labels, when=when, look=look)


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str, when: str = "", look: str = "") -> Family:
    return Family(name, "histogram", text, labels, buckets, when=when, look=look)


_AI = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
_REDIS = "redis"
_LEDGER = "ledger.enabled"

REQUESTS = (
    _counter(
        "gateway_requests_total",
        "Requests for models that ended, by the status that the caller got; 499: the caller left first.",
        "endpoint",
        "provider",
        "model",
        "tenant",
        "status",
        look="5xx: gateway_errors_total by error_type, then gateway_provider_errors_total.",
    ),
    _counter(
        "gateway_request_outcomes_total",
        "The same requests by how they ended: completed, failed, cut, client_gone, drained.",
        "endpoint",
        "outcome",
        look="cut: a provider's stream broke; client_gone: callers' timeouts may be too short.",
    ),
    _histogram(
        "gateway_request_duration_seconds",
        "From a request's head to the last byte of its answer.",
        SECONDS,
        "endpoint",
        "provider",
        "model",
        "stream",
        look="Compare with gateway_provider_latency_seconds: what is left is gateway_overhead_seconds.",
    ),
    _histogram(
        "gateway_time_to_first_token_seconds",
        "From a request's head to the first content of its answer; streams only.",
        FIRST,
        "provider",
        "model",
        look="The provider is slow to begin, or requests wait for a place: gateway_queue_depth.",
    ),
    _histogram(
        "gateway_time_per_output_token_seconds",
        "Mean gap between tokens of a stream: (end - first content) / (tokens - 1).",
        PER_TOKEN,
        "provider",
        "model",
        look="The provider generates slowly, or the caller reads slowly.",
    ),
    _gauge("gateway_tokens_per_second", "Output tokens per second, over the last minute.", "provider"),
    _histogram(
        "gateway_overhead_seconds",
        "What the gateway itself added: the request's time before its first attempt and between"
        " attempts, without waiting for callers, pauses and queues.",
        OWN,
        "endpoint",
        look="gateway_stage_duration_seconds says where; gateway_event_loop_lag_seconds whether the process is busy.",
    ),
    _histogram(
        "gateway_stage_duration_seconds",
        "One stage of a request: identify (who), hold (limits), route (whom to ask).",
        OWN,
        "stage",
        look="hold: Redis is slow; identify: an issuer of tokens is asked.",
    ),
    _counter(
        "gateway_tokens_total",
        "Tokens, each in exactly one type: input, cache_read, cache_write, output, reasoning, audio_input, audio_output.",
        "provider",
        "model",
        "tenant",
        "type",
    ),
    _counter(
        "gateway_cost_dollars_total",
        "What requests cost, by the price list or as the provider said.",
        "provider",
        "model",
        "tenant",
        look="GET /admin/v1/costs has it by key and day.",
    ),
    _counter(
        "gateway_errors_total",
        "Errors that callers were told, by their code.",
        "endpoint",
        "provider",
        "error_type",
        look="docs/API.md explains each code.",
    ),
    _counter("gateway_request_bytes_total", "Bytes of request bodies.", "endpoint"),
    _counter("gateway_response_bytes_total", "Bytes of answers' bodies.", "endpoint"),
    _counter(
        "gateway_rate_limit_exceeded_total",
        "Requests refused by the gateway's own limits, by what was used up.",
        "tenant",
        "kind",
        look="GET /admin/v1/limits of the tenant; the X-RateLimit headers of the answers.",
    ),
    _counter(
        "gateway_budget_refused_total",
        "Requests refused because a budget is spent.",
        "tenant",
        look="gateway_cost_dollars_total of the tenant; budgets in the admin API.",
    ),
    _gauge("gateway_active_requests", "Requests that are being served.", "worker"),
    _gauge("gateway_active_connections", "Connections of callers that are open.", "worker"),
    _counter(
        "gateway_shed_total",
        "Requests refused because the process could not keep up.",
        "worker",
        look="gateway_event_loop_lag_seconds and gateway_memory_usage_bytes.",
    ),
)

PROVIDERS = (
    _counter(
        "gateway_provider_requests_total",
        "Attempts at providers, by their status; none: no answer came.",
        "provider",
        "model",
        "status",
    ),
    _counter(
        "gateway_provider_errors_total",
        "Attempts that failed, by the reason word of logs and headers.",
        "provider",
        "model",
        "error_type",
        look="docs/OPERATIONS.md, provider errors.",
    ),
    _histogram(
        "gateway_provider_latency_seconds",
        "One attempt, from sending to its whole answer; of a stream to its first content.",
        SECONDS,
        "provider",
        "model",
    ),
    _counter(
        "gateway_provider_rate_limit_exceeded_total",
        "Attempts that a provider refused for its own limits (429).",
        "provider",
        look="Raise the account's limit, or add a deployment to the route.",
    ),
    _counter("gateway_timeouts_total", "Attempts that ran out of time, by which time it was.", "provider", "kind"),
    _counter(
        "gateway_retries_total",
        "Attempts made because the one before failed, at the same provider; by why it failed.",
        "provider",
        "reason",
    ),
    _counter(
        "gateway_failovers_total",
        "Attempts made because the one before failed, at another provider or model; by whom it was taken from and why.",
        "provider",
        "reason",
    ),
    _counter("gateway_hedges_total", "Attempts that lost a race against another one and were given up.", "provider"),
    _gauge(
        "gateway_provider_up",
        "1: it answers; 0: its last requests failed.",
        "provider",
        look="GET /health/providers says what failed.",
    ),
    _gauge("gateway_provider_health", "Health score from 0 to 1; the worst that a worker has.", "provider"),
    _gauge(
        "gateway_circuit_breaker_state",
        "0 closed, 1 half-open, 2 open; the worst that a worker has. Without a model: the whole account.",
        "provider",
        "model",
        look="llm-gateway providers; it opens after failures and closes by itself.",
    ),
    _gauge("gateway_provider_active_requests", "Attempts that are running.", "provider"),
    _gauge(
        "gateway_queue_depth",
        "Requests that wait: place (for a deployment's concurrency), connection (for one to a provider).",
        "queue",
        look="gateway_provider_active_requests against the limits of bulkheads and connection pools.",
    ),
    _gauge("gateway_connection_pool_active", "Connections to a provider that carry a request.", "provider"),
    _gauge("gateway_connection_pool_idle", "Connections to a provider that are kept for the next.", "provider"),
    _gauge(
        "gateway_provider_load_running",
        "Requests that the provider says it works on.",
        "provider",
        when="providers.NAME.load_every",
    ),
    _gauge(
        "gateway_provider_load_waiting", "Requests that the provider says wait.", "provider", when="providers.NAME.load_every"
    ),
)

ACCOUNTS = (
    _gauge(
        "gateway_reservations_held",
        "Requests that hold a reservation of money, tokens or places.",
        "worker",
        look="More than gateway_active_requests for long: something is never settled.",
    ),
    _gauge(
        "gateway_ledger_backlog_bytes",
        "Of the ledger's log on disk that control has not yet stored in the database.",
        when=_LEDGER,
        look="The database is away or slow; nothing is lost while the disk has room.",
    ),
    _gauge("gateway_ledger_backlog_seconds", "Since everything in the ledger's log was stored; 0: it is.", when=_LEDGER),
    _gauge(
        "gateway_ledger_full",
        "1: the ledger's log cannot be written.",
        "worker",
        when=_LEDGER,
        look="Disk space of state.dir; ledger.when_full says what happens to requests.",
    ),
    _counter("gateway_ledger_records_written_total", "Records appended to the ledger's log.", "worker", when=_LEDGER),
    _counter(
        "gateway_ledger_records_lost_total",
        "Records that could not be written.",
        "worker",
        when=_LEDGER,
        look="Each is usage that is billed to nobody.",
    ),
    _counter("gateway_ledger_refused_total", "Requests refused because the ledger could not be written.", "worker", when=_LEDGER),
    _counter("gateway_ledger_estimated_total", "Requests whose usage had to be estimated.", "worker"),
    _counter(
        "gateway_ledger_unpriced_total",
        "Requests that used what has no price.",
        "worker",
        look="llm-gateway models prices; catalogue.prices.",
    ),
    _gauge(
        "gateway_redis_degraded",
        "1: limits are not counted together with other workers.",
        "worker",
        when=_REDIS,
        look="Redis is away or slow; limits.when_store_fails says what happens meanwhile.",
    ),
    _counter("gateway_redis_dropped_total", "Notes for Redis that were given up.", "worker", when=_REDIS),
    _gauge("gateway_redis_untold", "Notes that Redis has not been told yet.", "worker", when=_REDIS),
    _gauge("gateway_redis_workers", "Workers of all nodes that count together, as Redis knows them.", when=_REDIS),
    _counter("gateway_budget_alerts_total", "Thresholds of budgets that were passed.", "scope"),
)

PROCESSES = (
    _gauge("gateway_build_info", "Always 1.", "version", "python"),
    _gauge("gateway_start_time_seconds", "When a process began, in Unix seconds.", "process"),
    _gauge("gateway_memory_usage_bytes", "Resident memory.", "process"),
    _gauge("gateway_cpu_usage_percent", "Of one core, since the report before.", "process"),
    _counter("gateway_cpu_seconds_total", "User and system time.", "process"),
    _gauge("gateway_open_fds", "Open file descriptors.", "process"),
    _gauge("gateway_max_fds", "How many it may have.", "process"),
    _histogram(
        "gateway_event_loop_lag_seconds",
        "How late the event loop is, looked at ten times a second.",
        LAG,
        "worker",
        look="Over 50 ms: the process is busy; more workers or fewer requests.",
    ),
    _gauge("gateway_workers", "Workers that report to control."),
    _counter("gateway_worker_restarts_total", "Workers that took the place of one that ended."),
    _gauge(
        "gateway_worker_report_age_seconds",
        "Since a worker last reported. What is shown of it is so old.",
        "worker",
        look="Over 5 s: the worker hangs.",
    ),
    _gauge(
        "gateway_snapshot_number",
        "Of the configuration that a worker acts on.",
        "worker",
        look="Workers that differ for long: one refused it; see reload_refused in its log.",
    ),
    _gauge("gateway_snapshot_age_seconds", "Since the configuration that holds now was built."),
    _counter(
        "gateway_snapshots_refused_total", "Configurations that a worker refused.", look="reload_refused in the log says why."
    ),
    _gauge("gateway_audit_diverged", "1: the audit log on disk and in the database differ.", look="llm-gateway audit verify"),
    _counter("gateway_log_lines_lost_total", "Access log lines that nobody took.", "worker", look="A slow disk or a full pipe."),
    _counter(
        "gateway_metrics_folded_total",
        "Requests counted as `other` because there were too many combinations of labels.",
        look="telemetry.metrics.max_series, or fewer labels.",
    ),
    _gauge("gateway_metrics_series", "Combinations of labels that are kept."),
)

OPENTELEMETRY = (
    _histogram("gen_ai_client_operation_duration_seconds", "gen_ai.client.operation.duration.", OPERATION, *_AI, "error_type"),
    _histogram("gen_ai_client_token_usage", "gen_ai.client.token.usage.", TOKENS, *_AI, "gen_ai_token_type"),
    _histogram("gen_ai_server_time_to_first_token_seconds", "gen_ai.server.time_to_first_token.", FIRST, *_AI),
    _histogram("gen_ai_server_time_per_output_token_seconds", "gen_ai.server.time_per_output_token.", PER_TOKEN, *_AI),
)


def _alias(name: str, of: str, *labels: str) -> Family:
    family = _OWN[of]
    return Family(name, family.kind, f"The same as {of}.", labels, family.buckets, of, family.when)


_OWN = {family.name: family for family in (*REQUESTS, *PROVIDERS, *ACCOUNTS, *PROCESSES, *OPENTELEMETRY)}

ALIASES = (
    _alias("http_requests_total", "gateway_requests_total", "endpoint", "status"),
    _alias("http_request_duration_seconds", "gateway_request_duration_seconds", "endpoint"),
    _alias("llm_provider_requests_total", "gateway_provider_requests_total", "provider", "status"),
    _alias("llm_provider_errors_total", "gateway_provider_errors_total", "provider", "error_type"),
    _alias("llm_provider_latency_seconds", "gateway_provider_latency_seconds", "provider"),
    _alias("llm_provider_health_status", "gateway_provider_up", "provider"),
    _alias("llm_provider_rate_limit_exceeded_total", "gateway_provider_rate_limit_exceeded_total", "provider"),
    _alias("llm_rate_limit_exceeded_total", "gateway_rate_limit_exceeded_total", "tenant", "kind"),
    _alias("gateway_request_tokens_total", "gateway_tokens_total", "provider", "model", "type"),
    _alias("gateway_retry_attempts_total", "gateway_retries_total", "provider"),
)

FAMILIES: tuple[Family, ...] = (*_OWN.values(), *ALIASES)
"""All of them, in the order of GET /metrics."""
NAMES = {family.name: family for family in FAMILIES}
