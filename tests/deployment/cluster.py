"""A cluster for the operators' scripts: a kubectl and a docker that write down what they are told, and a gateway that is well."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployment import fake_kubectl
from deployment.scripts import Answering, answering, run

OLD, NEW = "ghcr.io/example/llm-gateway:v1.0.0", "ghcr.io/example/llm-gateway:v1.1.0"
WELL = b'{"status":"healthy","version":"1","providers":[{"name":"a","healthy":true}],"dependencies":{"redis":"disabled","disk_space_gb":9}}'
ERROR = (401, b'{"error":{"code":"missing_api_key"}}')
DEPLOYMENT = {
    "metadata": {
        "name": "llm-gateway",
        "namespace": "llm-gateway",
        "labels": {"app": "llm-gateway"},
        "uid": "1",
        "resourceVersion": "7",
    },
    "spec": {
        "replicas": 4,
        "selector": {"matchLabels": {"app": "llm-gateway"}},
        "template": {
            "metadata": {"labels": {"app": "llm-gateway"}},
            "spec": {"initContainers": [{"name": "pepper", "image": OLD}], "containers": [{"name": "gateway", "image": OLD}]},
        },
    },
    "status": {"readyReplicas": 4},
}
HISTORY = "deployment.apps/llm-gateway\nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n"
BASE: list[list[Any]] = [
    [r"get deployment/\S+ .*gateway.*\.image", 0, OLD],
    [r"get deployment/\S+ .*initContainers", 0, "pepper"],
    [r"get deployment/\S+ .*readyReplicas", 0, "4 4"],
    [r"get deployment/\S+ .*spec.replicas", 0, "4"],
    [r"get deployment/llm-gateway-canary$", 1, ""],
    [r"get deployment/\S+ --output json", 0, json.dumps(DEPLOYMENT)],
    [r"rollout history", 0, HISTORY],
]


class Cluster:
    """A folder for PATH, and a gateway that answers health checks."""

    def __init__(self, folder: Path, server: Answering, url: str) -> None:
        self.folder, self.server, self.url = folder, server, url
        self.answers = [list(one) for one in BASE]
        for name in ("kubectl", "docker"):
            file = folder / name
            file.write_text(f"#!{sys.executable} -IS\n" + Path(fake_kubectl.__file__).read_text())
            file.chmod(0o755)
        self.real = shutil.which("kubectl") or ""

    def run(self, script: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "answers.json").write_text(json.dumps(self.answers))
        known = {"FAKE_FOLDER": str(self.folder), "REAL_KUBECTL": self.real, "PRODUCTION_URL": self.url, "STAGING_URL": self.url}
        known["METRICS_URL"] = f"{self.url}/metrics"
        return run(script, *arguments, path=self.folder, **known | environ)

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def order(self, *patterns: str) -> None:
        """These calls were made, in this order; others between them do not matter."""
        calls = iter(self.calls)
        for pattern in patterns:
            assert any(re.search(pattern, call) for call in calls), (pattern, self.calls)

    def never(self, pattern: str) -> None:
        assert not [call for call in self.calls if re.search(pattern, call)], self.calls

    def applied(self) -> list[str]:
        return [file.read_text() for file in sorted(self.folder.glob("applied-*"), key=lambda file: int(file.name[8:]))]


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """`folder` is for its programs and what they write."""
    with answering({"/health": (200, WELL), "/health/live": (200, b"{}"), "/v1/chat/completions": ERROR}) as (server, url):
        server.headers = {"Access-Control-Allow-Origin": "*"}
        server.answers["/metrics"] = (200, b"# TYPE http_requests_total counter\n")
        yield Cluster(folder, server, url)
