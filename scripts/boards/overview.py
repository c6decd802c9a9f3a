"""The first look: is it well, and if not, where to go on."""

from __future__ import annotations

from boards.panel import CACHE, GREEN, ORANGE, RED, Board, Panel, Row, number, quantiles

HERE = 'namespace=~"$namespace"'
UP = {"0": ("down", RED), "1": ("up", GREEN)}

NOW = Row(
    "Now",
    (
        number(
            "Requests per second", f"sum(namespace:gateway_requests:rate5m{{{HERE}}})", "Mean of the last 5 minutes.", "reqps"
        ),
        number(
            "Failed requests",
            f"sum(namespace:gateway_failures:rate5m{{{HERE}}}) / (sum(namespace:gateway_requests:rate5m{{{HERE}}}) > 0)",
            "Answered with 5xx, or a stream that broke. Alert HighErrorRate from 5 % on.",
            "percentunit",
            thresholds=((None, GREEN), (0.001, ORANGE), (0.05, RED)),
        ),
        number(
            "Slowest 1 % of whole answers",
            f'max(namespace:gateway_request_duration_seconds:quantile5m{{{HERE},quantile="0.99"}})',
            "99th percentile of answers that are not streamed.",
            "s",
            thresholds=((None, GREEN), (10, ORANGE), (60, RED)),
        ),
        number(
            "Slowest 1 % of our own time",
            f'max(namespace:gateway_overhead_seconds:quantile5m{{{HERE},quantile="0.99"}})',
            "What the gateway itself adds. Alert HighOverheadP99 from 15 ms on.",
            "s",
            thresholds=((None, GREEN), (0.01, ORANGE), (0.015, RED)),
        ),
        number("Requests being served", f"sum(gateway_active_requests{{{HERE}}})", "At this moment, all workers together."),
        number(
            "Alerts that fire",
            'count(ALERTS{alertstate="firing",severity=~"critical|warning"}) or vector(0)',
            "Critical ones and warnings. docs/OPERATIONS.md has a runbook for each.",
            thresholds=((None, GREEN), (1, ORANGE)),
        ),
    ),
)
TRAFFIC = Row(
    "Requests",
    (
        Panel(
            "By status",
            {"{{status}}": f"sum by (status) (rate(gateway_requests_total{{{HERE}}}[$__rate_interval]))"},
            "The status that callers got. 499: the caller left first. 429 is a limit, of ours or of the provider.",
            "reqps",
            stack=True,
        ),
        Panel(
            "By endpoint",
            {"{{endpoint}}": f"sum by (endpoint) (rate(gateway_requests_total{{{HERE}}}[$__rate_interval]))"},
            "Which API callers speak.",
            "reqps",
            stack=True,
        ),
        Panel(
            "By model",
            {"{{model}}": f"topk(10, sum by (model) (rate(gateway_requests_total{{{HERE}}}[$__rate_interval])))"},
            "The ten that are asked for most.",
            "reqps",
        ),
    ),
)
ERRORS = Row(
    "Errors",
    (
        Panel(
            "Not served",
            {"{{namespace}}": f"namespace:gateway_failures:ratio5m{{{HERE}}}"},
            "Answered with 5xx, or a stream that broke, of all requests.",
            "percentunit",
            thresholds=((None, GREEN), (0.05, RED)),
        ),
        Panel(
            "What callers were told",
            {"{{error_type}}": f"topk(10, sum by (error_type) (rate(gateway_errors_total{{{HERE}}}[$__rate_interval])))"},
            "Codes of the error envelope. docs/API.md explains each.",
            "reqps",
        ),
        Panel(
            "What providers did",
            {
                "{{provider}} {{error_type}}": (
                    f"topk(10, sum by (provider, error_type) (rate(gateway_provider_errors_total{{{HERE}}}[$__rate_interval])))"
                )
            },
            "Attempts that failed. Callers see an error only if no other provider could answer.",
            "reqps",
        ),
        Panel(
            "How answers end",
            {"{{outcome}}": f"sum by (outcome) (rate(gateway_request_outcomes_total{{{HERE}}}[$__rate_interval]))"},
            "cut: the provider's stream broke. client_gone: the caller left. drained: the gateway was being stopped.",
            "reqps",
            stack=True,
        ),
        Panel(
            "Error budget burns",
            {
                "{{slo}}": f"max by (slo) (namespace:gateway_slo_errors:ratio1h{{{HERE}}} / on (slo) group_left slo:gateway_budget:ratio)"
            },
            "How many times faster than it may, over the last hour. 1: exactly used up in 30 days. Alert from 14.4 on.",
            thresholds=((None, GREEN), (14.4, RED)),
        ),
        Panel(
            "Refused for limits",
            {
                "{{kind}}": f"sum by (kind) (rate(gateway_rate_limit_exceeded_total{{{HERE}}}[$__rate_interval]))",
                "budget": f"sum(rate(gateway_budget_refused_total{{{HERE}}}[$__rate_interval])) or vector(0)",
            },
            "By what was used up.",
            "reqps",
            stack=True,
        ),
    ),
)
LATENCY = Row(
    "Time",
    (
        Panel(
            "Whole answers",
            quantiles("gateway_request_duration_seconds", f'{HERE},stream="false"'),
            "From a request's head to the last byte of its answer; not streamed.",
            "s",
        ),
        Panel(
            "First token of streams",
            quantiles("gateway_time_to_first_token_seconds", HERE),
            "From a request's head to the first content.",
            "s",
        ),
        Panel("Our own", quantiles("gateway_overhead_seconds", HERE), "What the gateway adds to a request.", "s"),
    ),
)
PARTS = Row(
    "Providers and processes",
    (
        Panel(
            "Providers",
            {"{{provider}}": f"min by (provider) (gateway_provider_up{{{HERE}}})"},
            "Whether they answer.",
            kind="state-timeline",
            values=UP,
        ),
        Panel(
            "Tokens",
            {"{{type}}": f"sum by (type) (rate(gateway_tokens_total{{{HERE}}}[$__rate_interval]))"},
            "Per second; each token is of one type.",
            stack=True,
        ),
        Panel(
            "Cost per hour",
            {"{{provider}}": f"sum by (provider) (rate(gateway_cost_dollars_total{{{HERE}}}[$__rate_interval])) * 3600"},
            "Dollars, at the rate of this moment.",
            "currencyUSD",
            stack=True,
        ),
        Panel(
            "CPU",
            {"{{instance}} {{process}}": f"gateway_cpu_usage_percent{{{HERE}}}"},
            "Of one core. A worker that is at 100 can do no more.",
            "percent",
            thresholds=((None, GREEN), (90, RED)),
        ),
        Panel(
            "Memory",
            {"{{instance}} {{process}}": f"gateway_memory_usage_bytes{{{HERE}}}"},
            "Resident memory of each process.",
            "bytes",
        ),
        Panel(
            "Gateways", {"{{instance}}": f'up{{job="llm-gateway",{HERE}}}'}, "Which are there.", kind="state-timeline", values=UP
        ),
    ),
)
KEPT = Row(
    "Kept answers",
    (
        Panel(
            "Answered by what was kept",
            {"{{namespace}}": f"namespace:gateway_cache_hits:ratio30m{{{HERE}}}"},
            "Of the requests that a kept answer would do for, in the last 30 minutes. Alert CacheHitRatioLow below 30 %.",
            "percentunit",
            thresholds=((None, RED), (0.3, GREEN)),
            needs=CACHE,
        ),
        Panel(
            "What became of requests",
            {
                "{{result}}": (
                    f'sum by (result) (rate(gateway_cache_operations_total{{{HERE},operation="get"}}[$__rate_interval]))'
                )
            },
            "hit: within its time. stale: its time was over, and nobody could answer. coalesced: waited for an equal one."
            " miss: a provider was asked. bypass: the caller wanted that.",
            "reqps",
            stack=True,
            needs=CACHE,
        ),
        Panel(
            "By model",
            {
                "{{model}}": (
                    f'topk(10, sum by (model) (rate(gateway_requests_total{{{HERE},provider="cache"}}[$__rate_interval])))'
                )
            },
            "Requests that kept answers were given to; the ten models with most. As they were asked for.",
            "reqps",
            needs=CACHE,
        ),
        Panel(
            "Size",
            {
                "{{instance}} {{worker}}": f"gateway_cache_size_bytes{{{HERE}}} / (gateway_cache_limit_bytes{{{HERE}}} > 0)",
            },
            "Of what each worker may keep in memory (cache.size). Full is usual: what was not used for longest goes.",
            "percentunit",
            needs=CACHE,
        ),
        Panel(
            "Kept and thrown out",
            {
                "kept": f"sum(rate(gateway_cache_stored_total{{{HERE}}}[$__rate_interval]))",
                "thrown out": f"sum(rate(gateway_cache_evictions_total{{{HERE}}}[$__rate_interval]))",
                "not kept": (
                    f"sum(rate(gateway_cache_misses_total{{{HERE}}}[$__rate_interval])"
                    f" + rate(gateway_cache_bypasses_total{{{HERE}}}[$__rate_interval])"
                    f" - rate(gateway_cache_stored_total{{{HERE}}}[$__rate_interval]))"
                ),
            },
            "Answers per second. Thrown out: before their time, to make room. Not kept: too large, failed, or did not end well.",
            "ops",
            needs=CACHE,
        ),
        Panel(
            "Saved per hour",
            {"{{namespace}}": f"sum by (namespace) (rate(gateway_cache_saved_dollars_total{{{HERE}}}[$__rate_interval])) * 3600"},
            "Dollars that the answers cost when they were made, at the rate of this moment. Stale ones are not counted.",
            "currencyUSD",
            needs=CACHE,
        ),
        Panel(
            "Answers in memory",
            {"{{instance}} {{worker}}": f"gateway_cache_entries{{{HERE}}}"},
            "Each worker has a memory of its own.",
            needs=CACHE,
        ),
        Panel(
            "Given again",
            {"{{namespace}}": f"sum by (namespace) (rate(gateway_cache_saved_bytes_total{{{HERE}}}[$__rate_interval]))"},
            "Of answers that no provider had to be asked for.",
            "Bps",
            needs=CACHE,
        ),
    ),
)
BOARD = Board(
    "llm-gateway-overview",
    "LLM gateway: overview",
    "Is it well, and if not, where to go on.",
    (NOW, TRAFFIC, ERRORS, LATENCY, KEPT, PARTS),
    {"namespace": "gateway_requests_total"},
)
