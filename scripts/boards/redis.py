"""Redis, as the gateway sees it and as it sees itself."""

from __future__ import annotations

from boards.panel import CACHE_REDIS, EXPORTER, GREEN, ORANGE, RED, REDIS, Board, Panel, Row, number

HERE = 'namespace=~"$namespace"'
JOB = 'job="redis"'
GOOD = {"0": ("together", GREEN), "1": ("alone", RED)}

GATEWAY = Row(
    "As the gateway sees it",
    (
        number(
            "Workers that count alone",
            f"sum(gateway_redis_degraded{{{HERE}}})",
            "They cannot reach Redis, and do as limits.when_store_fails says.",
            thresholds=((None, GREEN), (1, RED)),
            needs=REDIS,
        ),
        number(
            "Workers that count together",
            f"max(gateway_redis_workers{{{HERE}}})",
            "Of all nodes, as Redis knows them.",
            needs=REDIS,
        ),
        number(
            "Notes given up",
            f"sum(increase(gateway_redis_dropped_total{{{HERE}}}[$__range]))",
            "In the time that is chosen: shared counters are lower than what was used.",
            thresholds=((None, GREEN), (1, ORANGE)),
            needs=REDIS,
        ),
        Panel(
            "Counting",
            {"{{instance}} worker {{worker}}": f"gateway_redis_degraded{{{HERE}}}"},
            "Together with other workers, or alone.",
            kind="state-timeline",
            width=12,
            values=GOOD,
            needs=REDIS,
        ),
        Panel(
            "Not yet told",
            {"{{instance}} worker {{worker}}": f"gateway_redis_untold{{{HERE}}}"},
            "Notes that wait for Redis. They grow while it is away.",
            width=12,
            needs=REDIS,
        ),
        Panel(
            "Time for limits, 95 %",
            {
                "{{instance}}": (
                    "histogram_quantile(0.95, sum by (le, instance)"
                    f' (rate(gateway_stage_duration_seconds_bucket{{{HERE},stage="hold"}}[$__rate_interval])))'
                )
            },
            "The stage that waits for Redis.",
            "s",
            width=12,
        ),
        Panel(
            "Lookups of kept answers",
            {"{{result}}": f"sum by (result) (rate(gateway_cache_redis_lookups_total{{{HERE}}}[$__rate_interval]))"},
            "failed: no answer in time. skipped: it is away, or left alone for a while. damaged: nodes have different peppers.",
            "ops",
            width=12,
            stack=True,
            needs=CACHE_REDIS,
        ),
        Panel(
            "Answers not written",
            {"{{instance}}": f"sum by (instance) (rate(gateway_cache_redis_dropped_total{{{HERE}}}[$__rate_interval]))"},
            "Because it is away, slow or full. Other workers have to ask a provider for them.",
            "ops",
            width=12,
            needs=CACHE_REDIS,
        ),
    ),
)
ITSELF = Row(
    "As it sees itself",
    (
        number(
            "Up",
            f"min(redis_up{{{JOB}}})",
            "Whether redis_exporter reaches it.",
            thresholds=((None, RED), (1, GREEN)),
            needs=EXPORTER,
        ),
        number("Clients", f"sum(redis_connected_clients{{{JOB}}})", "Connections that are open.", needs=EXPORTER),
        number(
            "Evicted keys",
            f"sum(increase(redis_evicted_keys_total{{{JOB}}}[$__range]))",
            "Must be 0: they are counters of limits and budgets.",
            thresholds=((None, GREEN), (1, RED)),
            needs=EXPORTER,
        ),
        number("Uptime", f"min(redis_uptime_in_seconds{{{JOB}}})", "Since its last start.", "s", needs=EXPORTER),
        Panel(
            "Memory",
            {
                "{{instance}} used": f"redis_memory_used_bytes{{{JOB}}}",
                "{{instance}} at most": f"redis_memory_max_bytes{{{JOB}}}",
            },
            "At the maximum it refuses to write (noeviction) or throws counters away.",
            "bytes",
            needs=EXPORTER,
        ),
        Panel(
            "Commands",
            {"{{instance}}": f"rate(redis_commands_processed_total{{{JOB}}}[$__rate_interval])"},
            "Per second.",
            "ops",
            needs=EXPORTER,
        ),
        Panel(
            "Mean time of a command",
            {
                "{{cmd}}": (
                    f"topk(5, sum by (cmd) (rate(redis_commands_duration_seconds_total{{{JOB}}}[$__rate_interval]))"
                    f" / (sum by (cmd) (rate(redis_commands_total{{{JOB}}}[$__rate_interval])) > 0))"
                )
            },
            "Inside of Redis, the five slowest; the way there is not counted.",
            "s",
            needs=EXPORTER,
        ),
        Panel(
            "Keys",
            {"{{db}}": f"sum by (db) (redis_db_keys{{{JOB}}})"},
            "All of them expire; a slope that does not end is a bug.",
            needs=EXPORTER,
        ),
        Panel(
            "Replicas",
            {"{{instance}}": f"redis_connected_slaves{{{JOB}}}"},
            "That are connected to a primary.",
            needs=EXPORTER,
        ),
        Panel(
            "Refused connections",
            {"{{instance}}": f"rate(redis_rejected_connections_total{{{JOB}}}[$__rate_interval])"},
            "Because of maxclients.",
            needs=EXPORTER,
        ),
    ),
)
BOARD = Board(
    "llm-gateway-redis",
    "LLM gateway: Redis",
    "Redis, as the gateway sees it and as it sees itself.",
    (GATEWAY, ITSELF),
    {"namespace": "gateway_build_info"},
)
