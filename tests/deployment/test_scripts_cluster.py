"""deploy.sh, rollback.sh, build-and-tag.sh and the health of pods, in a cluster that writes down what it is told."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment.cluster import HISTORY, NEW, OLD, WELL, Cluster, running_cluster

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(120)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path) as made:
        yield made


def overlay(folder: Path, *, job: bool = True) -> str:
    """A small one, so that this does not depend on those that are delivered."""
    made = folder / "overlay"
    made.mkdir()
    kinds = [("apps/v1", "Deployment", "llm-gateway", "gateway", {"replicas": 1})]
    if job:
        kinds.append(("batch/v1", "Job", "llm-gateway-migrate", "migration", {}))
    names = []
    for version, kind, name, component, spec in kinds:
        document = {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": name, "labels": {"app.kubernetes.io/component": component}},
            "spec": {
                **spec,
                "template": {"spec": {"containers": [{"name": "gateway", "image": "ghcr.io/example/llm-gateway:v0.1.0"}]}},
            },
        }
        (made / f"{kind}.yaml").write_text(json.dumps(document))
        names.append(f"{kind}.yaml")
    (made / "kustomization.yaml").write_text(json.dumps({"namespace": "llm-gateway", "resources": names}))
    return str(made)


@pytest.fixture
def rendering(cluster: Cluster) -> Cluster:
    if not cluster.real:
        pytest.skip("kubectl is not installed")
    return cluster


def test_deploy(rendering: Cluster, tmp_path: Path) -> None:
    """Checked by the server, then all but the gateway, then the migration, then the pods, then health and smoke tests."""
    done = rendering.run("deploy.sh", "production", "--image", NEW, "--overlay", overlay(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"deployed: {NEW}\n")
    rendering.order(
        "delete job llm-gateway-migrate --ignore-not-found",
        "apply --dry-run=server",
        "apply .*--selector app.kubernetes.io/component!=gateway",
        "wait --for=condition=complete job/llm-gateway-migrate",
        "apply .*--selector app.kubernetes.io/component=gateway",
        "rollout status deployment/llm-gateway --timeout=600s",
        "get deployment/llm-gateway .*readyReplicas",
    )
    assert rendering.applied()[-1].count(f"image: {NEW}") == 2
    assert "GET /health" in rendering.server.asked
    assert "OPTIONS /v1/chat/completions" in rendering.server.asked
    rendering.never("rollout undo")


def test_deploy_stops_at_a_migration_that_fails(rendering: Cluster, tmp_path: Path) -> None:
    """No pod is replaced, and the version before is not touched."""
    rendering.answers.insert(0, ["wait --for=condition=complete", 1, ""])
    done = rendering.run("deploy.sh", "production", "--image", NEW, "--overlay", overlay(tmp_path))
    assert (done.returncode, "no pod was replaced" in done.stderr) == (1, True)
    rendering.order("logs job/llm-gateway-migrate")
    rendering.never("component=gateway|rollout")


def test_deploy_changes_nothing_that_the_server_refuses(rendering: Cluster, tmp_path: Path) -> None:
    """What the API server would not take is told before anything is applied."""
    rendering.answers.insert(0, ["apply --dry-run=server", 1, ""])
    done = rendering.run("deploy.sh", "production", "--image", NEW, "--overlay", overlay(tmp_path))
    assert (done.returncode, "nothing was changed" in done.stderr) == (1, True)
    rendering.never("apply .*--selector")


@pytest.mark.parametrize("what", ["rollout", "health", "smoke"])
def test_deploy_goes_back(rendering: Cluster, tmp_path: Path, what: str) -> None:
    """A rollout that does not end, a failed health check, a failed smoke test: the version before is put back."""
    if what == "rollout":
        rendering.answers.insert(0, ["rollout status", 1, "", 1])
    elif what == "health":
        rendering.server.answers["/health"] = (503, WELL.replace(b"true", b"false"))
    else:
        rendering.server.answers["/v1/chat/completions"] = (200, b"who asks?")
    done = rendering.run("deploy.sh", "production", "--image", NEW, "--overlay", overlay(tmp_path, job=False))
    assert done.returncode == 1
    assert f"going back to {OLD}" in done.stdout
    rendering.order("component=gateway", "rollout status", "rollout undo deployment/llm-gateway", "rollout status")
    rendering.never("wait --for")
    assert ("going back failed, too" in done.stderr) == (what == "health")


def test_deploy_leaves_it_where_that_is_wished(rendering: Cluster, tmp_path: Path) -> None:
    """--no-rollback keeps the version that is not well, for looking at it; the end is 1 all the same."""
    rendering.answers.insert(0, ["rollout status", 1, ""])
    done = rendering.run("deploy.sh", "staging", "--image", NEW, "--overlay", overlay(tmp_path), "--no-rollback")
    assert done.returncode == 1
    rendering.never("rollout undo")
    assert "namespace: llm-gateway-staging" in rendering.applied()[-1]


def test_nothing_is_deployed_beside_colours(rendering: Cluster, tmp_path: Path) -> None:
    """Where blue-green.sh has sent callers to a colour, deploy.sh and rollback.sh would change pods that nobody asks, and say so."""
    rendering.answers.insert(0, [r"get service/llm-gateway .*slot", 0, "blue"])
    done = rendering.run("deploy.sh", "production", "--image", NEW, "--overlay", overlay(tmp_path))
    assert (done.returncode, "blue-green.sh switch production" in done.stderr) == (1, True)
    done = rendering.run("rollback.sh", "production")
    assert (done.returncode, "blue-green.sh back production" in done.stderr) == (1, True)
    rendering.never("apply|undo|delete")
    done = rendering.run("rollback.sh", "production", WORKLOAD="deployment/llm-gateway-blue")
    assert done.returncode == 0, done.stderr
    rendering.order("rollout undo deployment/llm-gateway-blue")


def test_deploy_wants_a_tag(cluster: Cluster) -> None:
    """An image without a tag or a digest is refused: nobody could say what was deployed."""
    done = cluster.run("deploy.sh", "production", "--image", "localhost:5000/llm-gateway")
    assert (done.returncode, cluster.calls) == (2, [])


def test_pods_and_their_metrics(cluster: Cluster) -> None:
    """The health check counts ready pods, and reads one's metrics without entering it; a pod that is not ready is status 1."""
    cluster.answers[:0] = [
        ["get pods --selector app=llm-gateway ", 0, "pod-1"],
        ["port-forward .*pod/pod-1 ", 0, 'http_requests_total{status="200"} 7\n'],
    ]
    done = cluster.run("health-check.sh", "production")
    assert done.returncode == 0, done.stderr
    assert "1 pods: 4 of 4 are ready" in done.stdout
    assert '7 metrics of pod-1:\n    http_requests_total{status="200"} 7' in done.stdout
    cluster.order("port-forward --address 127.0.0.1 pod/pod-1 :9090", "the port-forward was ended")
    cluster.never("exec")
    cluster.answers.insert(0, ["readyReplicas", 0, "4 "])
    done = cluster.run("health-check.sh", "staging")
    assert (done.returncode, "0 of 4" in done.stderr, "describe deployment/llm-gateway" in done.stderr) == (1, True, True)
    cluster.answers.insert(0, ["readyReplicas", 0, "0 "])
    done = cluster.run("health-check.sh", "production")
    assert (done.returncode, "has none" in done.stderr) == (1, True)
    cluster.answers.insert(0, ["readyReplicas", 1, ""])
    done = cluster.run("health-check.sh", "production")
    assert (done.returncode, "cannot be looked at in llm-gateway" in done.stderr) == (1, True)


def test_rollback(cluster: Cluster) -> None:
    """Undo, wait, health check; a certain revision only if there is one."""
    done = cluster.run("rollback.sh", "production", "--to-revision", "1")
    assert done.returncode == 0, done.stderr
    cluster.order("rollout history", "rollout undo deployment/llm-gateway --to-revision=1", "rollout status", "readyReplicas")
    refused = cluster.run("rollback.sh", "production", "--to-revision", "9")
    assert (refused.returncode, "there is no revision 9" in refused.stderr) == (1, True)


def test_nothing_to_go_back_to(cluster: Cluster) -> None:
    """With one revision it says so, and does nothing."""
    cluster.answers.insert(0, ["rollout history", 0, HISTORY.replace("2         <none>\n", "")])
    done = cluster.run("rollback.sh", "production")
    assert (done.returncode, "no version to go back to" in done.stderr) == (1, True)
    cluster.never("undo")


@pytest.mark.parametrize(
    ("version", "tags"),
    [
        ("1.2.3", ["v1.2.3", "v1.2.3-COMMIT", "latest", "stable"]),
        ("v1.2.3-rc.1", ["v1.2.3-rc.1", "v1.2.3-rc.1-COMMIT"]),
        ("", ["dev", "dev-COMMIT"]),
    ],
)
def test_tags(cluster: Cluster, version: str, tags: list[str]) -> None:
    """A release gets its own tag, one with the commit, latest and stable; a candidate never latest; anything else dev."""
    if shutil.which("git") is None or subprocess.run(["git", "rev-parse"], capture_output=True, check=False).returncode:
        pytest.skip("not in a git repository")
    done = cluster.run("build-and-tag.sh", *([version] if version else []), "--distroless")
    assert done.returncode == 0, done.stderr
    commit = re.search(r"GIT_COMMIT=(\S+)", cluster.calls[0])
    assert commit is not None
    wanted = [f"ghcr.io/example/llm-gateway:{tag.replace('COMMIT', commit[1])}-distroless" for tag in tags]
    assert re.findall(r"--tag (\S+)", cluster.calls[0]) == wanted
    assert done.stdout.splitlines() == wanted
    assert "deployment/docker/Dockerfile.distroless" in cluster.calls[0]
    assert re.search(r"BUILD_DATE=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", cluster.calls[0])
    cluster.never("push")


def test_a_release_is_pushed_from_its_own_commit_only(cluster: Cluster) -> None:
    """Without the tag in git, or with changes that are not committed, nothing is built."""
    done = cluster.run("build-and-tag.sh", "99.99.99", "--push")
    assert done.returncode == 1
    assert re.search("this commit is not v99.99.99|is not committed", done.stderr)
    assert cluster.calls == []


def test_a_failed_build_pushes_nothing(cluster: Cluster) -> None:
    """docker build's failure ends it."""
    cluster.answers.insert(0, ["docker build", 1, ""])
    done = cluster.run("build-and-tag.sh", "--push")
    assert (done.returncode, "docker build failed" in done.stderr) == (1, True)
    cluster.never("push")
