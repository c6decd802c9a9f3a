"""Metrics of other programs that our rules and dashboards ask for, with their labels. Changed by hand, with a look at the program."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TARGET = frozenset({"job", "instance", "namespace", "pod", "node"})
"""Labels that every series has from whoever was scraped; the last three inside of Kubernetes."""

METRICS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        name: frozenset(labels)
        for names, labels in (
            # Prometheus itself
            (("up", "prometheus_notifications_dropped_total"), ()),
            (("prometheus_rule_evaluation_failures_total",), ("rule_group",)),
            (("ALERTS",), ("alertname", "alertstate", "severity", "service")),
            # https://github.com/oliver006/redis_exporter
            (
                (
                    "redis_up",
                    "redis_connected_clients",
                    "redis_connected_slaves",
                    "redis_evicted_keys_total",
                    "redis_uptime_in_seconds",
                    "redis_memory_used_bytes",
                    "redis_memory_max_bytes",
                    "redis_commands_processed_total",
                    "redis_rejected_connections_total",
                ),
                (),
            ),
            (("redis_commands_duration_seconds_total", "redis_commands_total"), ("cmd",)),
            (("redis_db_keys",), ("db",)),
            # https://github.com/prometheus/node_exporter
            (("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"), ()),
            (("node_filesystem_avail_bytes", "node_filesystem_size_bytes"), ("device", "fstype", "mountpoint")),
            # cAdvisor, in each kubelet
            (
                (
                    "container_memory_working_set_bytes",
                    "container_spec_memory_limit_bytes",
                    "container_cpu_cfs_throttled_periods_total",
                    "container_cpu_cfs_periods_total",
                ),
                ("container", "name"),
            ),
            # https://github.com/kubernetes/kube-state-metrics
            (("kube_pod_info",), ("node",)),
            (("kube_pod_status_ready",), ("condition",)),
            (("kube_pod_status_phase",), ("phase",)),
            (("kube_pod_container_status_restarts_total",), ("container",)),
            (("kube_deployment_spec_replicas", "kube_deployment_status_replicas_available"), ("deployment",)),
            (
                (
                    "kube_horizontalpodautoscaler_status_current_replicas",
                    "kube_horizontalpodautoscaler_spec_max_replicas",
                ),
                ("horizontalpodautoscaler",),
            ),
        )
        for name in names
    }
)
