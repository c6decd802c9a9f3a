"""Where the time of a request goes: the provider, the queue, the gateway."""

from __future__ import annotations

from boards.panel import GREEN, ORANGE, RED, Board, Panel, Row, number, quantiles

HERE = 'namespace=~"$namespace"'
MODELS = 'namespace=~"$namespace",model=~"$model"'
P95 = (0.95,)


def _mean(metric: str, filters: str) -> str:
    return (
        f"sum(rate({metric}_sum{{{filters}}}[$__rate_interval])) / (sum(rate({metric}_count{{{filters}}}[$__rate_interval])) > 0)"
    )


WHOLE = Row(
    "From outside",
    (
        Panel(
            "Whole answers",
            quantiles("gateway_request_duration_seconds", f'{MODELS},stream="false"'),
            "From a request's head to the last byte; not streamed.",
            "s",
        ),
        Panel(
            "First token",
            quantiles("gateway_time_to_first_token_seconds", MODELS),
            "From a request's head to the first content of a stream.",
            "s",
        ),
        Panel(
            "Between tokens",
            quantiles("gateway_time_per_output_token_seconds", MODELS),
            "Mean gap within a stream.",
            "s",
        ),
        Panel(
            "All whole answers",
            {"": f'sum by (le) (increase(gateway_request_duration_seconds_bucket{{{MODELS},stream="false"}}[$__rate_interval]))'},
            "How many took how long. Two bands are two kinds of requests.",
            kind="heatmap",
            width=12,
        ),
        Panel(
            "All first tokens",
            {"": f"sum by (le) (increase(gateway_time_to_first_token_seconds_bucket{{{MODELS}}}[$__rate_interval]))"},
            "How many streams began after how long.",
            kind="heatmap",
            width=12,
        ),
    ),
)
SHARES = Row(
    "Whose time it is",
    (
        Panel(
            "Mean of a request and of its parts",
            {
                "request, whole or streamed": _mean("gateway_request_duration_seconds", HERE),
                "an attempt at a provider": _mean("gateway_provider_latency_seconds", HERE),
                "the gateway": _mean("gateway_overhead_seconds", HERE),
            },
            "An attempt ends for a stream with its first content. What is left is the stream, retries, queues and pauses.",
            "s",
        ),
        Panel(
            "Providers, 95 %",
            quantiles("gateway_provider_latency_seconds", MODELS, "provider", of=P95),
            "From sending to the whole answer, or to the first content of a stream.",
            "s",
        ),
        Panel(
            "Who waits",
            {"{{instance}} for a {{queue}}": f"gateway_queue_depth{{{HERE}}}"},
            "place: a deployment's concurrency is used up. connection: the pool of a provider is.",
        ),
    ),
)
OWN = Row(
    "The gateway's own",
    (
        number(
            "p50",
            f'max(namespace:gateway_overhead_seconds:quantile5m{{{HERE},quantile="0.5"}})',
            "Alert HighOverheadP50 from 3 ms on.",
            "s",
            thresholds=((None, GREEN), (0.002, ORANGE), (0.003, RED)),
        ),
        number(
            "p95",
            f'max(namespace:gateway_overhead_seconds:quantile5m{{{HERE},quantile="0.95"}})',
            "Alert HighOverheadP95 from 8 ms on.",
            "s",
            thresholds=((None, GREEN), (0.005, ORANGE), (0.008, RED)),
        ),
        number(
            "p99",
            f'max(namespace:gateway_overhead_seconds:quantile5m{{{HERE},quantile="0.99"}})',
            "Alert HighOverheadP99 from 15 ms on.",
            "s",
            thresholds=((None, GREEN), (0.01, ORANGE), (0.015, RED)),
        ),
        Panel(
            "Within the service level",
            {"{{slo}}": f"1 - max by (slo) (namespace:gateway_slo_errors:ratio1h{{{HERE}}})"},
            "Of the requests of the last hour. docs/OPERATIONS.md says what is promised.",
            "percentunit",
            width=12,
        ),
        Panel(
            "By endpoint, 95 %",
            quantiles("gateway_overhead_seconds", HERE, "endpoint", of=P95),
            "Translation from one dialect to another costs more than passing on.",
            "s",
        ),
        Panel(
            "By stage, 95 %",
            quantiles("gateway_stage_duration_seconds", HERE, "stage", of=P95),
            "identify: who asks. permit: may they. hold: limits, with Redis if there is one. route: whom to ask, and waiting for a place.",
            "s",
        ),
        Panel(
            "Event loop late, 99 %",
            quantiles("gateway_event_loop_lag_seconds", HERE, "instance", "worker", of=(0.99,)),
            "The process was busy with something else. Everything waits that long.",
            "s",
            thresholds=((None, GREEN), (0.1, RED)),
        ),
    ),
)
BOARD = Board(
    "llm-gateway-latency",
    "LLM gateway: where the time goes",
    "The provider, the queue, or the gateway.",
    (WHOLE, SHARES, OWN),
    {"namespace": "gateway_requests_total", "model": "gateway_requests_total"},
)
