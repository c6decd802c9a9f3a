"""Installs a chart with the real Helm into a Kubernetes API that keeps nothing, and prints what Helm would have made.

Helm's Python package can install, not render. Runs with the Python of build/helm; reads {"chart", "release", "namespace", "values",
"lint"} from standard input, writes {"manifest", "hooks", "notes", "made"} or {"error"}. `made` is what arrived at the API.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import helm_sdkpy  # type: ignore[import-not-found] - of build/helm

VERSION = "v1.31.0"
RELEASE = re.compile(rb"H4sI[A-Za-z0-9+/=]+")
KINDS = {
    "v1": {
        "configmaps": "ConfigMap",
        "namespaces": "Namespace",
        "pods": "Pod",
        "secrets": "Secret",
        "serviceaccounts": "ServiceAccount",
        "services": "Service",
    },
    "apps/v1": {"deployments": "Deployment", "statefulsets": "StatefulSet"},
    "autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "batch/v1": {"jobs": "Job"},
    "external-secrets.io/v1": {"externalsecrets": "ExternalSecret"},
    "monitoring.coreos.com/v1": {"podmonitors": "PodMonitor"},
    "networking.k8s.io/v1": {"ingresses": "Ingress", "networkpolicies": "NetworkPolicy"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
}
"""apiVersion -> resource -> kind: all that the chart may make."""


class Api(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.made: list[dict[str, Any]] = []
        self.release: dict[str, Any] | None = None


class Answers(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        if path == "version":
            return self.answer(200, {"major": "1", "minor": "31", "gitVersion": VERSION})
        if path == "api":
            return self.answer(200, {"kind": "APIVersions", "versions": ["v1"]})
        if path == "apis":
            return self.answer(
                200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(one) for one in KINDS if "/" in one]}
            )
        version = path.removeprefix("apis/").removeprefix("api/")
        if version in KINDS:
            return self.answer(200, resources(version))
        if path.endswith("/secrets"):
            return self.answer(200, {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": []})
        return self.answer(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "protobuf" in self.headers["Content-Type"]:  # the release itself: base64 of gzip of JSON, in a Secret
            packed = RELEASE.search(body)
            assert packed is not None, body[:200]
            self.server.release = json.loads(gzip.decompress(base64.b64decode(packed[0])))
            given = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "release"}}
        else:
            given = json.loads(body)
            self.server.made.append(given)
        self.answer(201, given)

    do_PUT = do_PATCH = do_POST  # noqa: N815 - names that http.server looks for

    def answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def group(version: str) -> dict[str, Any]:
    name, _, number = version.partition("/")
    this = {"groupVersion": version, "version": number}
    return {"name": name, "versions": [this], "preferredVersion": this}


def resources(version: str) -> dict[str, Any]:
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": [
            {"name": name, "singularName": kind.lower(), "namespaced": kind != "Namespace", "kind": kind, "verbs": verbs}
            for name, kind in KINDS[version].items()
        ],
    }


def kubeconfig(port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "anyone", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "anyone"}}],
        "current-context": "here",
    }


def install(asked: dict[str, Any], api: Api) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kubeconfig"
        file.write_text(json.dumps(kubeconfig(api.server_port)))
        helm = helm_sdkpy.Configuration(namespace=asked["namespace"], kubeconfig=str(file))
        if asked.get("lint"):
            return {"lint": asyncio.run(helm_sdkpy.Lint(helm).run(asked["chart"]))}
        asyncio.run(helm_sdkpy.Install(helm).run(asked["release"], asked["chart"], asked.get("values"), wait=False, timeout=30))
    release = api.release or {}
    return {
        "manifest": release["manifest"],
        "hooks": [hook["manifest"] for hook in release.get("hooks", [])],
        "notes": release["info"].get("notes", ""),
        "made": api.made,
    }


def main() -> None:
    api = Api()
    threading.Thread(target=api.serve_forever, daemon=True).start()
    try:
        answers = []
        for asked in json.load(sys.stdin):
            api.made, api.release = [], None
            try:
                answers.append(install(asked, api))
            except helm_sdkpy.HelmError as error:
                answers.append({"error": str(error)})
        json.dump(answers, sys.stdout)
    finally:
        api.shutdown()
        api.server_close()


if __name__ == "__main__":
    main()
