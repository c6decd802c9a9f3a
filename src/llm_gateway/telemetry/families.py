"""Every metric family of GET /metrics, once: name, type, labels, meaning. Control renders this table, the documents and the
dashboards' tests read it.

Names are as queries have them. `gateway_*` are ours (requirements 7.1); the other names are for queries that were written
for them and have the same values, and `gen_ai_*` are OpenTelemetry's GenAI metrics as Prometheus spells them
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/). Seconds, bytes and US dollars everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.telemetry.cache_families import CACHE
from llm_gateway.telemetry.content_families import CONTENT
from llm_gateway.telemetry.family import FIRST, LAG, OPERATION, OWN, PER_TOKEN, SECONDS, TOKENS, Family, counter, gauge, histogram
from llm_gateway.telemetry.provider_families import PROVIDERS
from llm_gateway.telemetry.trace_families import TRACES

_AI = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
_MORE = ("project", "key", "alias")
_REDIS = "redis"
_LEDGER = "ledger.enabled"

REQUESTS = (
    counter(
        "gateway_requests_total",
        "Requests for models that ended, by the status that the caller got; 499: the caller left first.",
        "endpoint",
        "provider",
        "model",
        "tenant",
        "status",
        look="5xx: gateway_errors_total by error_type, then gateway_provider_errors_total.",
        optional=_MORE,
    ),
    counter(
        "gateway_request_outcomes_total",
        "The same requests by how they ended: completed, failed, cut, client_gone, drained.",
        "endpoint",
        "outcome",
        look="cut: a provider's stream broke; client_gone: callers' timeouts may be too short.",
    ),
    histogram(
        "gateway_request_duration_seconds",
        "From a request's head to the last byte of its answer.",
        SECONDS,
        "endpoint",
        "provider",
        "model",
        "stream",
        look="Compare with gateway_provider_latency_seconds: what is left is gateway_overhead_seconds.",
    ),
    histogram(
        "gateway_time_to_first_token_seconds",
        "From a request's head to the first content of its answer; streams only.",
        FIRST,
        "provider",
        "model",
        look="The provider is slow to begin, or requests wait for a place: gateway_queue_depth.",
    ),
    histogram(
        "gateway_time_per_output_token_seconds",
        "Mean gap between tokens of a stream: (end - first content) / (tokens - 1).",
        PER_TOKEN,
        "provider",
        "model",
        look="The provider generates slowly, or the caller reads slowly.",
    ),
    gauge("gateway_tokens_per_second", "Output tokens per second, over the last minute.", "provider"),
    histogram(
        "gateway_overhead_seconds",
        "What the gateway itself added to requests with one attempt: before it, and after an answer that was not a stream."
        " A wait for Redis or for a place is in it.",
        OWN,
        "endpoint",
        look="gateway_stage_duration_seconds says where; gateway_event_loop_lag_seconds whether the process is busy.",
    ),
    histogram(
        "gateway_stage_duration_seconds",
        "One stage of a request, of one in eight that went well: identify (who), permit (what is asked, and may they), hold"
        " (limits), route (whom to ask, and a wait for a place there).",
        OWN,
        "stage",
        look="hold: Redis is slow; identify: an issuer of tokens is asked.",
    ),
    counter(
        "gateway_tokens_total",
        "Tokens, each in exactly one type: input, cache_read, cache_write, output, reasoning, audio_input, audio_output.",
        "provider",
        "model",
        "tenant",
        "type",
        optional=_MORE,
    ),
    counter(
        "gateway_cost_dollars_total",
        "What requests cost, by the price list or as the provider said.",
        "provider",
        "model",
        "tenant",
        look="GET /admin/v1/costs has it by key and day.",
        optional=_MORE,
    ),
    counter(
        "gateway_errors_total",
        "Errors that callers were told, by their code.",
        "endpoint",
        "provider",
        "error_type",
        look="docs/API.md explains each code.",
    ),
    counter("gateway_request_bytes_total", "Bytes of request bodies.", "endpoint"),
    counter("gateway_response_bytes_total", "Bytes of answers' bodies.", "endpoint"),
    counter(
        "gateway_rate_limit_exceeded_total",
        "Requests refused by the gateway's own limits, by what was used up.",
        "tenant",
        "kind",
        look="GET /admin/v1/limits of the tenant; the X-RateLimit headers of the answers.",
    ),
    counter(
        "gateway_budget_refused_total",
        "Requests refused because a budget is spent.",
        "tenant",
        look="gateway_cost_dollars_total of the tenant; budgets in the admin API.",
    ),
    gauge("gateway_active_requests", "Requests that are being served.", "worker"),
    gauge("gateway_active_connections", "Connections of callers that are open.", "worker"),
    counter(
        "gateway_shed_total",
        "Requests refused because the process could not keep up.",
        "worker",
        look="gateway_event_loop_lag_seconds and gateway_memory_usage_bytes.",
    ),
)

ACCOUNTS = (
    gauge(
        "gateway_reservations_held",
        "Requests that hold a reservation of money, tokens or places.",
        "worker",
        look="More than gateway_active_requests for long: something is never settled.",
    ),
    gauge(
        "gateway_ledger_backlog_bytes",
        "Of the ledger's log on disk that control has not yet stored in the database.",
        when=_LEDGER,
        look="The database is away or slow; nothing is lost while the disk has room.",
    ),
    gauge("gateway_ledger_backlog_seconds", "Since everything in the ledger's log was stored; 0: it is.", when=_LEDGER),
    gauge(
        "gateway_ledger_full",
        "1: the ledger's log cannot be written.",
        "worker",
        when=_LEDGER,
        look="Disk space of state.dir; ledger.when_full says what happens to requests.",
    ),
    counter("gateway_ledger_records_written_total", "Records appended to the ledger's log.", "worker", when=_LEDGER),
    counter(
        "gateway_ledger_records_lost_total",
        "Records that could not be written.",
        "worker",
        when=_LEDGER,
        look="Each is usage that is billed to nobody.",
    ),
    counter("gateway_ledger_refused_total", "Requests refused because the ledger could not be written.", "worker", when=_LEDGER),
    counter("gateway_ledger_estimated_total", "Requests whose usage had to be estimated.", "worker"),
    counter(
        "gateway_ledger_unpriced_total",
        "Requests that used what has no price.",
        "worker",
        look="llm-gateway models prices; catalogue.prices.",
    ),
    gauge(
        "gateway_redis_degraded",
        "1: limits are not counted together with other workers.",
        "worker",
        when=_REDIS,
        look="Redis is away or slow; limits.when_store_fails says what happens meanwhile.",
    ),
    counter("gateway_redis_dropped_total", "Notes for Redis that were given up.", "worker", when=_REDIS),
    gauge("gateway_redis_untold", "Notes that Redis has not been told yet.", "worker", when=_REDIS),
    gauge("gateway_redis_workers", "Workers of all nodes that count together, as a worker knows.", "worker", when=_REDIS),
    counter("gateway_budget_alerts_total", "Thresholds of budgets that were passed.", "scope"),
)

PROCESSES = (
    gauge("gateway_build_info", "Always 1.", "version", "python"),
    gauge("gateway_start_time_seconds", "When a process began, in Unix seconds.", "process"),
    gauge("gateway_memory_usage_bytes", "Resident memory.", "process"),
    gauge("gateway_cpu_usage_percent", "Of one core, since the report before.", "process"),
    counter("gateway_cpu_seconds_total", "User and system time.", "process"),
    gauge("gateway_open_fds", "Open file descriptors.", "process"),
    gauge("gateway_max_fds", "How many it may have.", "process"),
    histogram(
        "gateway_event_loop_lag_seconds",
        "How late the event loop is, looked at ten times a second.",
        LAG,
        "worker",
        look="Over 50 ms: the process is busy; more workers or fewer requests.",
    ),
    gauge("gateway_workers", "Workers that report to control."),
    counter("gateway_worker_restarts_total", "Workers that took the place of one that ended."),
    gauge(
        "gateway_worker_report_age_seconds",
        "Since a worker last reported. What is shown of it is so old.",
        "worker",
        look="Over 5 s: the worker hangs.",
    ),
    gauge(
        "gateway_snapshot_number",
        "Of the configuration that a worker acts on.",
        "worker",
        look="Workers that differ for long: one refused it; see reload_refused in its log.",
    ),
    gauge("gateway_snapshot_age_seconds", "Since the configuration that holds now was built."),
    counter(
        "gateway_snapshots_refused_total", "Configurations that a worker refused.", look="reload_refused in the log says why."
    ),
    gauge(
        "gateway_config_refused",
        "1: the configuration's files, as they are now, were refused; what held before holds.",
        look="reload_refused in the log says why; llm-gateway validate.",
    ),
    gauge("gateway_audit_diverged", "1: the audit log on disk and in the database differ.", look="llm-gateway audit verify"),
    counter("gateway_log_lines_lost_total", "Access log lines that nobody took.", "worker", look="A slow disk or a full pipe."),
    counter(
        "gateway_metrics_folded_total", "Requests beyond max_series, counted as `other`.", look="telemetry.metrics.max_series."
    ),
    gauge("gateway_metrics_series", "Combinations of labels that are kept."),
)

OPENTELEMETRY = (
    histogram("gen_ai_client_operation_duration_seconds", "gen_ai.client.operation.duration.", OPERATION, *_AI, "error_type"),
    histogram("gen_ai_client_token_usage", "gen_ai.client.token.usage.", TOKENS, *_AI, "gen_ai_token_type"),
    histogram("gen_ai_server_time_to_first_token_seconds", "gen_ai.server.time_to_first_token.", FIRST, *_AI),
    histogram("gen_ai_server_time_per_output_token_seconds", "gen_ai.server.time_per_output_token.", PER_TOKEN, *_AI),
)


def _alias(name: str, of: str, *labels: str) -> Family:
    family = _CANONICAL[of]
    return Family(name, family.kind, f"The same as {of}.", labels, family.buckets, of, family.when)


_CANONICAL: Mapping[str, Family] = MappingProxyType(
    {family.name: family for family in (*REQUESTS, *PROVIDERS, *CACHE, *ACCOUNTS, *PROCESSES, *TRACES, *CONTENT, *OPENTELEMETRY)}
)

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
    _alias("llm_cache_hits_total", "gateway_cache_hits_total"),
    _alias("llm_cache_misses_total", "gateway_cache_misses_total"),
    _alias("cache_operations_total", "gateway_cache_operations_total", "operation", "result"),
)

GROUPS: Mapping[str, tuple[Family, ...]] = MappingProxyType(
    {
        "Requests": REQUESTS,
        "Providers": PROVIDERS,
        "Kept answers": CACHE,
        "Accounts": ACCOUNTS,
        "Processes": PROCESSES,
        "Traces and the content log": (*TRACES, *CONTENT),
        "OpenTelemetry": OPENTELEMETRY,
        "Other names": ALIASES,
    }
)
FAMILIES: tuple[Family, ...] = (*_CANONICAL.values(), *ALIASES)
"""All of them, in the order of GET /metrics."""
NAMES: Mapping[str, Family] = MappingProxyType({family.name: family for family in FAMILIES})
