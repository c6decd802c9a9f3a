"""Cases of infrastructure-alerts.yml."""

from __future__ import annotations

from monitoring.cases import PROD, Case, both, not_yet, rate, steady

NODE = f'{PROD},instance="a:9090"'
JOB = f'job="llm-gateway",{NODE},node="n"'
WORKER = f'{NODE},process="worker-0"'
POD = f'{PROD},pod="llm-gateway-abc"'
OURS = f'{POD},container="gateway"'
REDIS = 'job="redis",instance="r:9121"'
HERE = {"namespace": "prod"}
AT_A = {**HERE, "instance": "a:9090"}
AT_WORKER = {**AT_A, "process": "worker-0"}
AT_POD = {**HERE, "pod": "llm-gateway-abc"}
AT_REDIS = {"job": "redis", "instance": "r:9121"}
DISK = 'instance="n:9100",mountpoint="/var/lib",fstype="ext4"'
SCALED = f'{PROD},horizontalpodautoscaler="llm-gateway"'
DEPLOYED = f'{PROD},deployment="llm-gateway"'


def container(used: float, limit: float) -> dict[str, str]:
    return {
        f"container_memory_working_set_bytes{{{OURS}}}": steady(used),
        f"container_spec_memory_limit_bytes{{{OURS}}}": steady(limit),
    }


def throttled(some: float) -> dict[str, str]:
    return {
        f"container_cpu_cfs_throttled_periods_total{{{OURS}}}": rate(some),
        f"container_cpu_cfs_periods_total{{{OURS}}}": rate(10),
    }


def ready(pod: int, phase: str = "Running") -> dict[str, str]:
    return {
        f'kube_pod_info{{{POD},node="n"}}': steady(1),
        f'kube_pod_status_ready{{{POD},condition="true"}}': steady(pod),
        f'kube_pod_status_phase{{{POD},phase="{phase}"}}': steady(1),
    }


PROCESSES = (
    *both("PodDown", {f"up{{{JOB}}}": steady(0)}, {f"up{{{JOB}}}": steady(1)}, "5m", job="llm-gateway", node="n", **AT_A),
    not_yet("PodDown", {f"up{{{JOB}}}": steady(0)}, "1m"),
    *both("GatewayAbsent", {'up{job="prometheus"}': steady(1)}, {f"up{{{JOB}}}": steady(0)}, "10m", job="llm-gateway"),
    *both("HighMemoryUsage", container(1.9e9, 2e9), container(1.7e9, 2e9), "10m", container="gateway", **AT_POD),
    Case("HighMemoryUsage", container(1.9e9, 0), "10m"),
    *both(
        "HighCPUUsage",
        {f"gateway_cpu_usage_percent{{{WORKER}}}": steady(97)},
        {f"gateway_cpu_usage_percent{{{WORKER}}}": steady(80)},
        "20m",
        **AT_WORKER,
    ),
    *both("CPUThrottled", throttled(4), throttled(1), "30m", **AT_POD),
    *both(
        "FileDescriptors",
        {f"gateway_open_fds{{{WORKER}}}": steady(900), f"gateway_max_fds{{{WORKER}}}": steady(1024)},
        {f"gateway_open_fds{{{WORKER}}}": steady(700), f"gateway_max_fds{{{WORKER}}}": steady(1024)},
        "10m",
        **AT_WORKER,
    ),
    *both(
        "MemoryGrows",
        {f"gateway_memory_usage_bytes{{{WORKER}}}": "4e8+1e6x480"},
        {f"gateway_memory_usage_bytes{{{WORKER}}}": steady(4e8, 480)},
        "8h",
        **AT_WORKER,
    ),
    *both(
        "WorkersRestart",
        {f"gateway_worker_restarts_total{{{NODE}}}": "0x30 4x30"},
        {f"gateway_worker_restarts_total{{{NODE}}}": "0x30 1x30"},
        "35m",
        **AT_A,
    ),
    *both(
        "WorkerHangs",
        {f'gateway_worker_report_age_seconds{{{NODE},worker="0"}}': steady(15)},
        {f'gateway_worker_report_age_seconds{{{NODE},worker="0"}}': steady(2)},
        "5m",
        worker="0",
        **AT_A,
    ),
)
SERVERS = (
    *both("RedisDown", {f"redis_up{{{REDIS}}}": steady(0)}, {f"redis_up{{{REDIS}}}": steady(1)}, "5m", **AT_REDIS),
    *both(
        "RedisDegraded",
        {f'gateway_redis_degraded{{{NODE},worker="0"}}': steady(1)},
        {f'gateway_redis_degraded{{{NODE},worker="0"}}': steady(0)},
        "5m",
        worker="0",
        **AT_A,
    ),
    *both(
        "RedisNotesDropped",
        {f'gateway_redis_dropped_total{{{NODE},worker="0"}}': "0x30 9x30"},
        {f'gateway_redis_dropped_total{{{NODE},worker="0"}}': "9x60"},
        "35m",
        **AT_A,
    ),
    *both(
        "RedisMemoryHigh",
        {f"redis_memory_used_bytes{{{REDIS}}}": steady(95), f"redis_memory_max_bytes{{{REDIS}}}": steady(100)},
        {f"redis_memory_used_bytes{{{REDIS}}}": steady(95), f"redis_memory_max_bytes{{{REDIS}}}": steady(0)},
        "10m",
        **AT_REDIS,
    ),
    *both(
        "RedisEvicts",
        {f"redis_evicted_keys_total{{{REDIS}}}": "0x30 9x30"},
        {f"redis_evicted_keys_total{{{REDIS}}}": "9x60"},
        "35m",
        **AT_REDIS,
    ),
)
SCRAPED = 'job="node-exporter",instance="n:9100",node="n"'
FREE = "node_memory_MemAvailable_bytes"
CLUSTER = (
    *both(
        "NodeDown",
        {f"up{{{SCRAPED}}}": steady(0)},
        {f"up{{{SCRAPED}}}": steady(1)},
        "5m",
        job="node-exporter",
        instance="n:9100",
        node="n",
    ),
    *both(
        "NodeMemoryHigh",
        {f'{FREE}{{instance="n:9100"}}': steady(3), 'node_memory_MemTotal_bytes{instance="n:9100"}': steady(100)},
        {f'{FREE}{{instance="n:9100"}}': steady(10), 'node_memory_MemTotal_bytes{instance="n:9100"}': steady(100)},
        "15m",
        instance="n:9100",
    ),
    *both(
        "DiskFillsUp",
        {f"node_filesystem_avail_bytes{{{DISK}}}": steady(5), f"node_filesystem_size_bytes{{{DISK}}}": steady(100)},
        {f"node_filesystem_avail_bytes{{{DISK}}}": steady(15), f"node_filesystem_size_bytes{{{DISK}}}": steady(100)},
        "15m",
        instance="n:9100",
        mountpoint="/var/lib",
        fstype="ext4",
    ),
    *both(
        "PodRestarts",
        {f"kube_pod_container_status_restarts_total{{{OURS}}}": "0x30 4x30"},
        {f"kube_pod_container_status_restarts_total{{{OURS}}}": "0x30 1x30"},
        "35m",
        **AT_POD,
    ),
    *both("PodNotReady", ready(0), ready(1), "15m", node="n", **AT_POD),
    Case("PodNotReady", ready(0, "Succeeded"), "15m"),
    *both(
        "ReplicasMissing",
        {
            f"kube_deployment_spec_replicas{{{DEPLOYED}}}": steady(4),
            f"kube_deployment_status_replicas_available{{{DEPLOYED}}}": steady(3),
        },
        {
            f"kube_deployment_spec_replicas{{{DEPLOYED}}}": steady(4),
            f"kube_deployment_status_replicas_available{{{DEPLOYED}}}": steady(4),
        },
        "15m",
        deployment="llm-gateway",
        **HERE,
    ),
    *both(
        "AutoscalerAtMaximum",
        {
            f"kube_horizontalpodautoscaler_status_current_replicas{{{SCALED}}}": steady(20),
            f"kube_horizontalpodautoscaler_spec_max_replicas{{{SCALED}}}": steady(20),
        },
        {
            f"kube_horizontalpodautoscaler_status_current_replicas{{{SCALED}}}": steady(5),
            f"kube_horizontalpodautoscaler_spec_max_replicas{{{SCALED}}}": steady(20),
        },
        "20m",
        horizontalpodautoscaler="llm-gateway",
        **HERE,
    ),
)
MONITOR = 'instance="p:9090"'
MONITORING = (
    *both(
        "RulesFail",
        {f'prometheus_rule_evaluation_failures_total{{{MONITOR},rule_group="g"}}': rate(0.1)},
        {f'prometheus_rule_evaluation_failures_total{{{MONITOR},rule_group="g"}}': steady(4)},
        "15m",
        instance="p:9090",
        rule_group="g",
    ),
    *both(
        "NotificationsFail",
        {f"prometheus_notifications_dropped_total{{{MONITOR}}}": rate(0.1)},
        {f"prometheus_notifications_dropped_total{{{MONITOR}}}": steady(4)},
        "15m",
        instance="p:9090",
    ),
    Case("Watchdog", {f"up{{{JOB}}}": steady(1)}, "5m", ({},)),
)
CASES = (*PROCESSES, *SERVERS, *CLUSTER, *MONITORING)
