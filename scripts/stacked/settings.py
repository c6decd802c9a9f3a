"""What the gateway and Prometheus of the stack are told, and what is asked of them. No secret stands in a file: the gateway's
configuration names variables.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import yaml

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deployment" / "monitoring"
FAULTS: Mapping[str, str] = {
    "healthy": "",
    "flaky": "503:every=3",
    "broken": "503",
    "busy": "429:every=3,retry_after=1",
    "slow": "slow_headers:secs=3,every=4",
    "cutting": "mid_error:every=4",
    "silent": "no_usage",
}
"""Provider -> what goes wrong there (llm-gateway simulate --faults)."""


class Secrets(NamedTuple):
    """New ones for each stack. The names are those of the variables."""

    APP_KEY: str
    LIMITED_KEY: str
    POOR_KEY: str
    ADMIN_KEY: str
    PROVIDER_KEY: str
    COLLECTOR_KEY: str
    REDIS_PASSWORD: str
    POSTGRES_PASSWORD: str
    MASTER_KEY: str
    PROMPT: str
    """Not a secret of ours, but of whoever asks: it stands in every prompt, and must be nowhere else."""

    @classmethod
    def new(cls) -> Secrets:
        made = {name: f"{name.lower()}-{secrets.token_hex(16)}" for name in cls._fields}
        return cls(**made | {"MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode()})


class Load(NamedTuple):
    """One `llm-gateway bench`: whose key, how many requests a second, and what of them."""

    name: str
    key: str
    rate: float
    models: Mapping[str, float]


def loads(rate: float) -> tuple[Load, ...]:
    """`rate`: of the largest one, which is nine in ten requests."""
    mixed = {
        "chat": 6,
        "retried": 1,
        "failing-over": 1,
        "limited": 1,
        "slow": 0.5,
        "hedged": 0.5,
        "cut": 0.5,
        "estimated": 0.3,
        "unpriced": 0.3,
        "nobody": 0.1,
    }
    return (
        Load("mixed", "APP_KEY", rate, mixed),
        Load("limited", "LIMITED_KEY", max(rate / 15, 0.5), {"chat": 1}),
        Load("poor", "POOR_KEY", max(rate / 30, 0.5), {"chat": 1}),
    )


def gateway(simulator: str, standins: str, redis: int, postgres: int, workers: int) -> dict[str, Any]:
    """The configuration: everything that dashboards look at is on."""
    providers: dict[str, Any] = {
        name: {
            "type": "openai",
            "base_url": f"{simulator}/f/{quote(fault)}/v1" if fault else f"{simulator}/v1",
            "api_key": "${PROVIDER_KEY}",
        }
        for name, fault in FAULTS.items()
    }
    providers["own-gpus"] = {"type": "vllm", "base_url": f"{standins}/v1", "load_every": "2s", "models": ["tiny"]}
    quick = {"head": "600ms"}
    models = {
        "chat": {"deployments": ["healthy/large", "healthy/small"], "strategy": "weighted"},
        "retried": {"deployments": ["flaky/large"], "retries": 2},
        "failing-over": {"deployments": ["broken/large", "healthy/large"], "strategy": "priority"},
        "limited": {"deployments": ["busy/large", "healthy/large"], "strategy": "priority"},
        "slow": {"deployments": ["slow/large", "healthy/large"], "strategy": "priority", "timeouts": quick},
        "hedged": {
            "deployments": ["slow/small", "healthy/small"],
            "strategy": "priority",
            "hedge": {"after": "300ms", "extra": 1},
        },
        "cut": {"deployments": ["cutting/large"], "retries": 0},
        "estimated": {"deployments": ["silent/large"]},
        "kept": {"deployments": ["healthy/small"], "cache": {"enabled": True, "ttl": "20s", "stale": "1m"}},
        "unpriced": {"deployments": ["healthy/nameless"]},
        "own": {"deployments": ["own-gpus/tiny"]},
        "gpt-3.5-turbo": {"deployments": ["healthy/small"]},  # what deployment/scripts/smoke-tests.sh asks for
    }
    prices = {"input": 1, "output": 4, "cache_read": 0.1}
    return {
        "server": {"port": 0, "workers": workers, "drain": "10s", "admin": {"port": 0}},
        "providers": providers,
        "models": models,
        "catalogue": {
            "models": {f"{name}/{model}": {"prices": prices} for name in FAULTS for model in ("large", "small")}
            | {"own-gpus/*": {"prices": prices}}
        },
        "tenants": {"acme": {"budgets": [{"amount": 1000, "period": "day"}]}, "globex": {}, "initech": {}},
        "auth": {
            "keys": [
                {"name": "operator", "kind": "admin", "key": "${ADMIN_KEY}"},
                {"name": "app", "key": "${APP_KEY}", "tenant": "acme", "limits": {"requests": {"minute": 100_000}}},
                {
                    "name": "limited",
                    "key": "${LIMITED_KEY}",
                    "tenant": "globex",
                    "limits": {"requests": {"minute": 10, "burst": 2}},
                },
                {"name": "poor", "key": "${POOR_KEY}", "tenant": "initech", "budgets": [{"amount": 0.001, "period": "total"}]},
            ]
        },
        "cache": {"backend": "redis"},
        "redis": {"url": f"redis://:${{REDIS_PASSWORD}}@127.0.0.1:{redis}/0"},
        "database": {
            "url": f"postgresql://gateway:${{POSTGRES_PASSWORD}}@127.0.0.1:{postgres}/postgres",
            "migrate": "auto",
        },
        "secrets": {"master_key": "${MASTER_KEY}"},
        "resilience": {"health_check": {"interval": "5s"}},
        "logging": {"access": "access.log", "level": "debug"},
        "telemetry": {
            "tracing": {
                "endpoint": standins,
                "headers": {"x-collector-key": "${COLLECTOR_KEY}"},
                "sample": 0.05,
                "slow": "2s",
                "interval": "1s",
            },
            "content": {"tenants": ["initech"]},
        },
        "state": {"dir": "state"},
    }


def write_prometheus(folder: Path, every: str, targets: Mapping[str, str]) -> Path:
    """As beside Docker Compose, with targets as they are here (job -> host:port), and rules that are looked at as often as is
    scraped: theirs are minutes.
    """
    document = yaml.safe_load((MONITORING / "prometheus.compose.yml").read_text())
    document["global"] |= {
        "scrape_interval": every,
        "evaluation_interval": every,
        "scrape_timeout": every,
        "external_labels": {"cluster": "stack", "environment": "development"},
    }
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    for file in (MONITORING / "rules").glob("*.yml"):
        (rules / file.name).write_text(re.sub(r"(?m)^( +interval:) .*$", rf"\1 {every}", file.read_text()))
    document["rule_files"] = [f"{rules}/*.yml"]
    document["scrape_configs"] = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()]
    del document["alerting"]  # nobody is to be called from here
    made = folder / "prometheus.yml"
    made.write_text(yaml.safe_dump(document, sort_keys=False))
    return made
