"""Each provider: does it answer, how fast, and what the gateway does about it."""

from __future__ import annotations

from boards.overview import UP
from boards.panel import GREEN, HEDGE, LOAD, ORANGE, RED, Board, Panel, Row, number, quantiles

HERE = 'namespace=~"$namespace",provider=~"$provider"'
CIRCUIT = {"0": ("closed", GREEN), "1": ("half-open", ORANGE), "2": ("open", RED)}

STATE = Row(
    "State",
    (
        number(
            "Providers that answer",
            f"count(min by (provider) (gateway_provider_up{{{HERE}}}) == 1) or vector(0)",
            "Of those that are configured.",
        ),
        number(
            "Providers that do not",
            f"count(min by (provider) (gateway_provider_up{{{HERE}}}) == 0) or vector(0)",
            "Their last requests failed.",
            thresholds=((None, GREEN), (1, RED)),
        ),
        Panel(
            "Up",
            {"{{provider}}": f"min by (provider) (gateway_provider_up{{{HERE}}})"},
            "Whether it answers, as the worst worker sees it.",
            kind="state-timeline",
            values=UP,
        ),
        Panel(
            "Circuits",
            {"{{provider}} {{model}}": f"max by (provider, model) (gateway_circuit_breaker_state{{{HERE}}})"},
            "Open: it is not asked, except for a probe now and then. Without a model: the whole account.",
            kind="state-timeline",
            values=CIRCUIT,
        ),
        Panel(
            "Health score",
            {"{{provider}}": f"min by (provider) (gateway_provider_health{{{HERE}}})"},
            "From successes, latency and availability; routing avoids what is below the threshold.",
            "percentunit",
            thresholds=((None, GREEN), (0.5, RED)),
        ),
    ),
)
ATTEMPTS = Row(
    "Attempts",
    (
        Panel(
            "By provider",
            {"{{provider}}": f"sum by (provider) (rate(gateway_provider_requests_total{{{HERE}}}[$__rate_interval]))"},
            "Requests that were sent; one request of a caller may be several attempts.",
            "reqps",
            stack=True,
        ),
        Panel(
            "By status",
            {
                "{{provider}} {{status}}": (
                    f"sum by (provider, status) (rate(gateway_provider_requests_total{{{HERE}}}[$__rate_interval]))"
                )
            },
            "none: no answer came.",
            "reqps",
            stack=True,
        ),
        Panel(
            "That fail",
            {"{{provider}}": f"max by (provider) (provider:gateway_provider_errors:ratio5m{{{HERE}}})"},
            "Without requests that it rightly refused. Alert ProviderHighErrorRate from 20 % on.",
            "percentunit",
            thresholds=((None, GREEN), (0.2, RED)),
        ),
        Panel(
            "Why",
            {
                "{{provider}} {{error_type}}": (
                    f"sum by (provider, error_type) (rate(gateway_provider_errors_total{{{HERE}}}[$__rate_interval]))"
                )
            },
            "The reason word of logs and headers. docs/FAILOVER.md says what each leads to.",
            "reqps",
            stack=True,
        ),
        Panel(
            "Out of time",
            {"{{provider}} {{kind}}": f"sum by (provider, kind) (rate(gateway_timeouts_total{{{HERE}}}[$__rate_interval]))"},
            "Which of the times of resilience.timeouts ran out.",
            "reqps",
            stack=True,
        ),
        Panel(
            "Refused for its limits",
            {"{{provider}}": f"sum by (provider) (rate(gateway_provider_rate_limit_exceeded_total{{{HERE}}}[$__rate_interval]))"},
            "Answered with 429 by the provider.",
            "reqps",
        ),
    ),
)
TIME = Row(
    "Time",
    (
        Panel(
            "An attempt, 95 %",
            quantiles("gateway_provider_latency_seconds", HERE, "provider", of=(0.95,)),
            "From sending to the whole answer; of a stream to its first content.",
            "s",
        ),
        Panel(
            "First token, 95 %",
            quantiles("gateway_time_to_first_token_seconds", HERE, "provider", of=(0.95,)),
            "Of streams, as callers see it.",
            "s",
        ),
        Panel(
            "Between tokens, 95 %",
            quantiles("gateway_time_per_output_token_seconds", HERE, "provider", of=(0.95,)),
            "How fast it generates.",
            "s",
        ),
        Panel(
            "An attempt by model, 95 %",
            quantiles("gateway_provider_latency_seconds", HERE, "provider", "model", of=(0.95,)),
            "Models of one provider differ.",
            "s",
        ),
        Panel(
            "Tokens per second",
            {"{{provider}}": f"sum by (provider) (gateway_tokens_per_second{{{HERE}}})"},
            "Output of all streams and answers together, over the last minute.",
        ),
    ),
)
ANSWERED = Row(
    "What the gateway does about it",
    (
        Panel(
            "Tried again there",
            {"{{provider}} {{reason}}": f"sum by (provider, reason) (rate(gateway_retries_total{{{HERE}}}[$__rate_interval]))"},
            "Another attempt at the same provider, by why the one before failed.",
            "reqps",
            stack=True,
        ),
        Panel(
            "Taken elsewhere",
            {"{{provider}} {{reason}}": f"sum by (provider, reason) (rate(gateway_failovers_total{{{HERE}}}[$__rate_interval]))"},
            "From whom requests were taken, and why.",
            "reqps",
            stack=True,
        ),
        Panel(
            "From one to the next",
            quantiles("gateway_failover_duration_seconds", HERE, "provider", of=(0.5, 0.95)),
            "From an attempt that failed to the next one elsewhere, by who was asked next. Alert SlowFailover from 250 ms on.",
            "s",
            thresholds=((None, GREEN), (0.25, RED)),
        ),
        Panel(
            "Races lost",
            {"{{provider}}": f"sum by (provider) (rate(gateway_hedges_total{{{HERE}}}[$__rate_interval]))"},
            "Attempts that were given up for a faster one. They are paid for.",
            "reqps",
            needs=HEDGE,
        ),
    ),
)
PLACES = Row(
    "Connections and places",
    (
        Panel(
            "Attempts that run",
            {"{{provider}}": f"sum by (provider) (gateway_provider_active_requests{{{HERE}}})"},
            "At this moment.",
        ),
        Panel(
            "Connections",
            {
                "{{provider}} in use": f"sum by (provider) (gateway_connection_pool_active{{{HERE}}})",
                "{{provider}} kept": f"sum by (provider) (gateway_connection_pool_idle{{{HERE}}})",
            },
            "Those that carry a request, and those kept for the next.",
        ),
        Panel(
            "What servers say of themselves",
            {
                "{{provider}} running": f"max by (provider) (gateway_provider_load_running{{{HERE}}})",
                "{{provider}} waiting": f"max by (provider) (gateway_provider_load_waiting{{{HERE}}})",
            },
            "Requests inside of an inference server.",
            needs=LOAD,
        ),
    ),
)
BOARD = Board(
    "llm-gateway-providers",
    "LLM gateway: providers",
    "Does each provider answer, how fast, and what the gateway does about it.",
    (STATE, ATTEMPTS, TIME, ANSWERED, PLACES),
    {"namespace": "gateway_requests_total", "provider": "gateway_provider_up"},
)
