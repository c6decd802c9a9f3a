"""What checkers say of the chart and of what it makes: Helm's own lint, Kubernetes' schemas, checkov."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from deployment.charts import MADE, things
from kubernetes_support import (
    FOREIGN,
    K8S,
)

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(180)]


def test_helm_lint_is_content(installed) -> None:
    """`helm lint` has nothing but a remark (severity 1: there is no icon)."""
    report = installed["lint"]["lint"]
    assert not report["Errors"]
    assert all(message["Severity"] <= 1 for message in report["Messages"])


def test_helm_lint_catches_a_broken_template(installed) -> None:
    """A template that is none is an error (severity 3)."""
    report = installed["broken lint"]["lint"]
    assert report["Errors"]
    assert any(message["Severity"] == 3 and message["Path"] == "templates/" for message in report["Messages"])


@pytest.mark.parametrize("version", ["1.25.0", "1.37.0"])
def test_every_object_is_one_of_kubernetes(tool, installed, tmp_path, version) -> None:
    """Strictly, in the oldest version that the chart admits and in the newest."""
    file = tmp_path / "all.yaml"
    everything = [thing for name in MADE for thing in things(installed, name) if thing["apiVersion"] not in FOREIGN]
    everything += [yaml.safe_load(hook) for hook in installed["small"]["hooks"]]
    file.write_text(yaml.safe_dump_all(everything))
    command = [tool("kubernetes-validate"), "-k", version, "--strict", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_policies_of_checkov_hold(tool, installed, tmp_path) -> None:
    """The same policy as for kustomize's objects, with the same exceptions."""
    files = []
    for name in ("small", "production", "own secret", "persistent"):
        files += ["-f", str(tmp_path / f"{name}.yaml")]
        (tmp_path / f"{name}.yaml").write_text(
            yaml.safe_dump_all([thing for thing in things(installed, name) if thing["apiVersion"] not in FOREIGN])
        )
    done = subprocess.run(
        [tool("checkov"), "--config-file", str(K8S / ".checkov.yaml"), "--skip-download", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
