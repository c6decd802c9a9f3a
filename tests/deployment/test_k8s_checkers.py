"""deployment/k8s before the checkers of others: Kubernetes' schemas, oldest and newest, and checkov. Each must catch a mistake."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from kubernetes_support import FOREIGN, K8S, OVERLAYS, Thing, of, one, overlay, with_components

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(180)]
VERSIONS = ("1.25.0", "1.37.0")
COMPONENTS = ("redis", "postgresql", "load-balancer", "durable-state", "eks-pod-identity")


@pytest.fixture(autouse=True)
def _kubectl(tool) -> None:
    tool("kubectl")


def written(things: Sequence[Thing], file: Path) -> Path:
    """Those that Kubernetes itself has a schema for."""
    file.write_text(yaml.safe_dump_all([thing for thing in things if thing["apiVersion"] not in FOREIGN]))
    return file


def validated(tool, file: Path, version: str) -> subprocess.CompletedProcess[str]:
    command = [tool("kubernetes-validate"), "-k", version, "--strict", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def checked(tool, *files: Path) -> subprocess.CompletedProcess[str]:
    which = [word for file in files for word in ("-f", str(file))]
    command = [tool("checkov"), "--config-file", str(K8S / ".checkov.yaml"), "--skip-download", *which]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_one_of_kubernetes(tool, tmp_path, version) -> None:
    """Strictly: no field that the schema does not have, in the oldest version that is served and in the newest."""
    everything = [thing for name in OVERLAYS for thing in overlay(name)] + list(with_components(*COMPONENTS))
    done = validated(tool, written(everything, tmp_path / "all.yaml"), version)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_field_in_the_wrong_place_is_caught(tool, tmp_path) -> None:
    """A misspelt field does not pass."""
    things = copy.deepcopy(list(overlay("small")))
    one(things, "Deployment")["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    done = validated(tool, written(things, tmp_path / "wrong.yaml"), VERSIONS[-1])
    assert done.returncode != 0
    assert "readynessProbe" in done.stdout + done.stderr


def test_policies_hold(tool, tmp_path) -> None:
    """checkov finds nothing but what .checkov.yaml gives a reason for."""
    files = [written(overlay(name), tmp_path / f"{name}.yaml") for name in ("small", "production", "ap-south-1")]
    files.append(written(with_components(*COMPONENTS), tmp_path / "components.yaml"))
    done = checked(tool, *files)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_skip_has_its_reason() -> None:
    """A check that is left out says why, on its line."""
    lines = [line for line in (K8S / ".checkov.yaml").read_text().splitlines() if "CKV" in line]
    assert lines
    assert all(len(line.partition("#")[2].split()) > 5 for line in lines)


def test_a_privileged_container_is_caught(tool, tmp_path) -> None:
    """A container that may become root, and a secret in an environment variable, do not pass."""
    things = copy.deepcopy(list(overlay("production")))
    (container,) = one(things, "Deployment")["spec"]["template"]["spec"]["containers"]
    container["securityContext"]["privileged"] = True
    container["env"].append({"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}})
    done = checked(tool, written(things, tmp_path / "wrong.yaml"))
    assert done.returncode != 0
    assert "CKV_K8S_16:" in done.stdout
    assert "CKV_K8S_35:" in done.stdout


def test_objects_of_operators_are_as_they_have_them() -> None:
    """Their schemas are not Kubernetes': the fields of ExternalSecret and PodMonitor that are used are those of their documents."""
    for name in OVERLAYS:
        for secret in of(overlay(name), "ExternalSecret"):
            assert set(secret["spec"]) == {"refreshInterval", "secretStoreRef", "target", "dataFrom"}
            assert set(secret["spec"]["target"]) == {"name", "creationPolicy", "deletionPolicy"}
        for monitor in of(overlay(name), "PodMonitor"):
            assert set(monitor["spec"]) == {"jobLabel", "selector", "podMetricsEndpoints"}
            assert set(monitor["spec"]["podMetricsEndpoints"][0]) == {"port", "path", "interval", "scrapeTimeout"}
