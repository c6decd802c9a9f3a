"""What the real Helm makes of the chart with many sets of values (helm_install.py)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from kubernetes_support import (
    CHART,
    ROOT,
    Thing,
)

HELM = ROOT / "build" / "helm" / "bin" / "python"
SECRET = {"secrets": {"existingSecret": "mine"}}
Helm = Callable[..., Any]


def values(name: str) -> Thing:
    return yaml.safe_load((CHART / f"values-{name}.yaml").read_text())


def merged(under: Thing, over: Thing) -> Thing:
    return under | {key: merged(under.get(key, {}), value) if isinstance(value, dict) else value for key, value in over.items()}


ASKED: dict[str, Thing] = {
    "small": {"values": values("small")},
    "production": {"values": values("production")},
    "default": {"values": SECRET, "release": "prod", "namespace": "on"},
    "own secret": {
        "values": {"secrets": {"values": {"ADMIN_KEY": "0123456789abcdef"}}},
        "release": "a" * 53,
        "namespace": "apps",
    },
    "persistent": {"values": merged(values("production"), {"state": {"persistent": True, "storageClass": "fast"}})},
    "load balancer": {
        "values": merged(values("production"), {"service": {"type": "LoadBalancer"}, "networkPolicy": {"cloudIdentity": "eks"}})
    },
    "no secret": {},
    "typo": {"values": SECRET | {"replica": 3}},
    "workers auto": {"values": SECRET | {"config": {"server": {"workers": "auto"}}}},
    "hosts missing": {"values": SECRET | {"ingress": {"enabled": True}}},
    "budget": {"values": SECRET | {"podDisruptionBudget": {"minAvailable": 3}}},
    "grace": {"values": SECRET | {"config": {"server": {"drain": "10m"}}}},
    "bounds": {"values": SECRET | {"autoscaling": {"minReplicas": 30}}},
    "lint": {"lint": True},
}


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> dict[str, Any]:
    """What Helm answered to each of ASKED."""
    if not HELM.exists():
        reason = "Helm's Python package is not there: it needs Python 3.12 or newer (`make setup-checkers`)"
        pytest.skip(reason)
    asked = [{"chart": str(CHART), "release": "llm-gateway", "namespace": "llm-gateway"} | one for one in ASKED.values()]
    broken = tmp_path_factory.mktemp("broken") / "llm-gateway"
    shutil.copytree(CHART, broken)
    (broken / "templates" / "hpa.yaml").write_text("{{- if }}")
    asked.append({"chart": str(broken), "release": "broken", "namespace": "broken", "lint": True})
    script = Path(__file__).parent / "helm_install.py"
    clean = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
    done = subprocess.run(
        [str(HELM), str(script)], input=msgspec.json.encode(asked), capture_output=True, check=False, timeout=150, env=clean
    )
    assert done.returncode == 0, done.stderr.decode()
    return dict(zip([*ASKED, "broken lint"], msgspec.json.decode(done.stdout), strict=True))


def things(installed: dict[str, Any], name: str) -> Sequence[Thing]:
    answer = installed[name]
    assert "error" not in answer, answer
    return [thing for thing in yaml.safe_load_all(answer["manifest"]) if thing]


MADE = [
    name
    for name, asked in ASKED.items()
    if name in ("small", "production", "default", "own secret", "persistent", "load balancer")
]
