"""Processes, their configuration, and the cluster around them."""

from __future__ import annotations

from boards.overview import UP
from boards.panel import CONTENT, GREEN, KUBERNETES, LEDGER, ORANGE, RED, TRACING, Board, Panel, Row, number

HERE = 'namespace=~"$namespace"'
PODS = 'namespace=~"$namespace",pod=~".*llm-gateway-.+"'
OURS = f'{PODS},container!="",container!="POD"'

NOW = Row(
    "Now",
    (
        number(
            "Gateways",
            f'count(up{{job="llm-gateway",{HERE}}} == 1) or vector(0)',
            "That can be scraped.",
            thresholds=((None, RED), (1, GREEN)),
        ),
        number("Workers", f"sum(gateway_workers{{{HERE}}})", "That report to control."),
        number(
            "Workers that restarted",
            f"sum(increase(gateway_worker_restarts_total{{{HERE}}}[$__range]))",
            "In the time that is chosen.",
            thresholds=((None, GREEN), (1, ORANGE)),
        ),
        number(
            "Oldest report",
            f"max(gateway_worker_report_age_seconds{{{HERE}}})",
            "Workers report each second. Alert WorkerHangs from 10 s on.",
            "s",
            thresholds=((None, GREEN), (5, ORANGE), (10, RED)),
        ),
        number("Age of the configuration", f"max(gateway_snapshot_age_seconds{{{HERE}}})", "Since it was built.", "s"),
        number(
            "Versions",
            f"count(count by (version) (gateway_build_info{{{HERE}}}))",
            "That run at once. More than one is right only during a rollout.",
            thresholds=((None, GREEN), (2, ORANGE)),
        ),
    ),
)
PROCESSES = Row(
    "Processes",
    (
        Panel(
            "Scraped",
            {"{{instance}}": f'up{{job="llm-gateway",{HERE}}}'},
            "Which gateways are there.",
            kind="state-timeline",
            values=UP,
        ),
        Panel(
            "CPU",
            {"{{instance}} {{process}}": f"rate(gateway_cpu_seconds_total{{{HERE}}}[$__rate_interval])"},
            "Cores. A worker is one process on one core.",
            thresholds=((None, GREEN), (0.9, RED)),
        ),
        Panel(
            "Memory",
            {"{{instance}} {{process}}": f"gateway_memory_usage_bytes{{{HERE}}}"},
            "Resident. A slope that does not end is a bug: alert MemoryGrows.",
            "bytes",
        ),
        Panel(
            "File descriptors",
            {"{{instance}} {{process}}": f"gateway_open_fds{{{HERE}}} / gateway_max_fds{{{HERE}}}"},
            "Of those that it may open.",
            "percentunit",
            thresholds=((None, GREEN), (0.8, RED)),
        ),
        Panel(
            "Connections and requests",
            {
                "{{instance}} connections": f"sum by (instance) (gateway_active_connections{{{HERE}}})",
                "{{instance}} requests": f"sum by (instance) (gateway_active_requests{{{HERE}}})",
            },
            "Of callers, open and being served.",
        ),
        Panel(
            "Turned away",
            {"{{instance}}": f"sum by (instance) (rate(gateway_shed_total{{{HERE}}}[$__rate_interval]))"},
            "Because the process could not keep up. Anything but 0 is an alert: RequestsShed.",
            "reqps",
            thresholds=((None, GREEN), (0.01, RED)),
        ),
        Panel(
            "Bytes in and out",
            {
                "requests": f"sum(rate(gateway_request_bytes_total{{{HERE}}}[$__rate_interval]))",
                "answers": f"sum(rate(gateway_response_bytes_total{{{HERE}}}[$__rate_interval]))",
            },
            "Bodies.",
            "Bps",
        ),
        Panel(
            "Configuration of each worker",
            {"{{instance}} worker {{worker}}": f"gateway_snapshot_number{{{HERE}}}"},
            "The number of the snapshot that it acts on. Lines that stay apart: alert ConfigurationsDiffer.",
        ),
        Panel(
            "Refused configurations, lost log lines",
            {
                "configuration bad": f"sum(gateway_config_refused{{{HERE}}})",
                "refused": f"sum(increase(gateway_snapshots_refused_total{{{HERE}}}[$__rate_interval])) or vector(0)",
                "lines": f"sum(increase(gateway_log_lines_lost_total{{{HERE}}}[$__rate_interval])) or vector(0)",
            },
            "All should be 0.",
        ),
        Panel(
            "Ledger on disk, not in the database",
            {"{{instance}}": f"gateway_ledger_backlog_bytes{{{HERE}}}"},
            "It grows while the database is away, and is worked off afterwards.",
            "bytes",
            needs=LEDGER,
        ),
        Panel(
            "Metrics",
            {
                "{{instance}} series": f"gateway_metrics_series{{{HERE}}}",
                "{{instance}} folded per minute": f"60 * rate(gateway_metrics_folded_total{{{HERE}}}[$__rate_interval])",
            },
            "Combinations of labels that are kept, and requests counted as `other` because there were too many.",
        ),
    ),
)
TRACES = Row(
    "Traces and content",
    (
        Panel(
            "Sent and lost",
            {
                "sent": f"sum(rate(gateway_traces_exported_total{{{HERE}}}[$__rate_interval]))",
                "no room": f"sum(rate(gateway_traces_dropped_total{{{HERE}}}[$__rate_interval]))",
                "not taken": f"sum(rate(gateway_traces_failed_total{{{HERE}}}[$__rate_interval]))",
                "spans refused": f"sum(rate(gateway_traces_rejected_spans_total{{{HERE}}}[$__rate_interval]))",
            },
            "Traced requests, and what became of them.",
            "reqps",
            width=12,
            needs=TRACING,
        ),
        Panel(
            "Waiting",
            {"{{instance}}": f"gateway_traces_waiting{{{HERE}}}"},
            "Traced requests that the collector has not taken yet.",
            width=12,
            needs=TRACING,
        ),
        Panel(
            "Content that is kept",
            {
                "kept": f"sum(rate(gateway_content_records_total{{{HERE}}}[$__rate_interval]))",
                "no room": f"sum(rate(gateway_content_dropped_total{{{HERE}}}[$__rate_interval]))",
                "not written": f"sum(rate(gateway_content_failed_total{{{HERE}}}[$__rate_interval]))",
            },
            "Requests whose content a tenant wants kept, and what became of it.",
            "reqps",
            width=12,
            needs=CONTENT,
        ),
    ),
)
CLUSTER = Row(
    "Kubernetes",
    (
        Panel(
            "Replicas",
            {
                "wanted": f'sum(kube_deployment_spec_replicas{{{HERE},deployment=~".*llm-gateway"}})',
                "available": f'sum(kube_deployment_status_replicas_available{{{HERE},deployment=~".*llm-gateway"}})',
                "at most": f'sum(kube_horizontalpodautoscaler_spec_max_replicas{{{HERE},horizontalpodautoscaler=~".*llm-gateway"}})',
            },
            "At the maximum, more load is not answered with more replicas.",
            needs=KUBERNETES,
        ),
        Panel(
            "Memory of its limit",
            {"{{pod}}": f"container_memory_working_set_bytes{{{OURS}}} / (container_spec_memory_limit_bytes{{{OURS}}} > 0)"},
            "At 100 % the kernel ends the container.",
            "percentunit",
            thresholds=((None, GREEN), (0.9, RED)),
            needs=KUBERNETES,
        ),
        Panel(
            "Throttled",
            {
                "{{pod}}": (
                    f"sum by (pod) (rate(container_cpu_cfs_throttled_periods_total{{{PODS}}}[$__rate_interval]))"
                    f" / (sum by (pod) (rate(container_cpu_cfs_periods_total{{{PODS}}}[$__rate_interval])) > 0)"
                )
            },
            "Of the time. Its CPU limit is too low.",
            "percentunit",
            thresholds=((None, GREEN), (0.25, RED)),
            needs=KUBERNETES,
        ),
        Panel(
            "Restarts",
            {"{{pod}}": f"sum by (pod) (increase(kube_pod_container_status_restarts_total{{{PODS}}}[1h]))"},
            "Of containers, within an hour.",
            needs=KUBERNETES,
        ),
    ),
)
BOARD = Board(
    "llm-gateway-infrastructure",
    "LLM gateway: infrastructure",
    "Processes, their configuration, and the cluster around them.",
    (NOW, PROCESSES, TRACES, CLUSTER),
    {"namespace": "gateway_build_info"},
)
