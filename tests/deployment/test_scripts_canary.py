"""blue-green.sh and canary.sh, in a cluster that writes down what it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment.cluster import NEW, OLD, Cluster, running_cluster

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(120)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path) as made:
        yield made


class Ports:
    """blue-green.sh tests the idle colour through a port of this machine; here a gateway listens there already."""

    def __init__(self, cluster: Cluster) -> None:
        port = cluster.url.rpartition(":")[2]
        self.arguments = ("--preview-port", port, "--preview-metrics-port", port)


def test_switch(cluster: Cluster) -> None:
    """The idle colour gets the image, becomes ready, is tested; only then the Service is switched, and looked at."""
    cluster.answers.insert(0, [r"get service/llm-gateway .*slot", 0, "blue"])
    done = cluster.run("blue-green.sh", "switch", "production", "--image", NEW, *Ports(cluster).arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    cluster.order(
        "apply --filename",
        "rollout status deployment/llm-gateway-green",
        "port-forward deployment/llm-gateway-green",
        "the port-forward was ended",
        r'patch service/llm-gateway .*"slot": "green"',
        "get deployment/llm-gateway-green .*readyReplicas",
    )
    made = json.loads(cluster.applied()[0])
    assert made["metadata"]["name"] == "llm-gateway-green"
    assert made["spec"]["selector"]["matchLabels"] == {"app": "llm-gateway", "slot": "green"}
    assert made["spec"]["template"]["metadata"]["labels"] == {"app": "llm-gateway", "slot": "green"}
    assert json.dumps(made).count(NEW) == 2
    assert "resourceVersion" not in made["metadata"]
    cluster.never("scale")


def test_switch_waits_for_the_pods(cluster: Cluster) -> None:
    """Pods that do not become ready never get a caller."""
    cluster.answers[:0] = [[r"get service/llm-gateway .*slot", 0, "green"], ["rollout status", 1, ""]]
    done = cluster.run("blue-green.sh", "switch", "production", "--image", NEW, *Ports(cluster).arguments)
    assert (done.returncode, "callers are where they were" in done.stderr) == (1, True)
    cluster.never("patch service")


def test_switch_tests_first(cluster: Cluster) -> None:
    """A version that fails its smoke tests never gets a caller."""
    cluster.answers.insert(0, [r"get service/llm-gateway .*slot", 0, "blue"])
    cluster.server.answers["/v1/chat/completions"] = (200, b"who asks?")
    done = cluster.run("blue-green.sh", "switch", "production", "--image", NEW, *Ports(cluster).arguments)
    assert (done.returncode, "green is not well; callers are where they were" in done.stderr) == (1, True)
    cluster.never("patch service")


def test_switch_goes_back(cluster: Cluster) -> None:
    """A health check that fails behind the switch switches back."""
    cluster.answers[:0] = [[r"get service/llm-gateway .*slot", 0, "blue"], ["readyReplicas", 0, "4 3"]]
    done = cluster.run("blue-green.sh", "switch", "production", "--image", NEW, *Ports(cluster).arguments)
    assert (done.returncode, "switched back to blue" in done.stderr) == (1, True)
    cluster.order('"slot": "green"', '"slot": "blue"')


def test_the_old_colour_is_kept(cluster: Cluster) -> None:
    """finish refuses while the switch is young, ends the idle colour when it is old or when told so; back switches back."""
    cluster.answers[:0] = [[r"get service/llm-gateway .*slot", 0, "green"], ["switched-at", 0, "99999999999"]]
    done = cluster.run("blue-green.sh", "finish", "production")
    assert (done.returncode, "it is too early" in done.stderr) == (1, True)
    cluster.never("scale")
    assert cluster.run("blue-green.sh", "finish", "production", "--now").returncode == 0
    cluster.order("scale deployment/llm-gateway-blue --replicas=0")
    cluster.answers[1] = ["switched-at", 0, "1000000000"]
    assert cluster.run("blue-green.sh", "finish", "production").returncode == 0
    assert cluster.run("blue-green.sh", "back", "production").returncode == 0
    cluster.order("rollout status deployment/llm-gateway-blue", '"slot": "blue"')


def test_colours_are_made_once(cluster: Cluster) -> None:
    """init copies the Deployment, waits, points the Service to blue, and only then ends the pods without a colour."""
    done = cluster.run("blue-green.sh", "switch", "production", "--image", NEW)
    assert (done.returncode, "there are no colours yet" in done.stderr) == (1, True)
    assert cluster.run("blue-green.sh", "init", "production").returncode == 0
    cluster.order(
        "apply --filename",
        "rollout status deployment/llm-gateway-blue",
        '"slot": "blue"',
        "scale deployment/llm-gateway --replicas=0",
    )
    assert OLD in cluster.applied()[0]


def metrics(requests: int, errors: int) -> str:
    """As a pod says them."""
    labels = 'endpoint="chat",provider="a",model="m",tenant=""'
    return f'gateway_requests_total{{{labels},status="200"}} {requests - errors}\ngateway_requests_total{{{labels},status="503"}} {errors}\n'


CANARY = ("production", "--image", NEW, "--pause", "0", "--every", "0")


def canary_pods(cluster: Cluster, *said: tuple[int, int]) -> None:
    """What its pod says, each time that it is asked."""
    cluster.answers[:0] = [
        [r"get pods --selector app=llm-gateway,track=canary", 0, "canary-1"],
        *([r"port-forward .*pod/canary-1 ", 0, metrics(*one), 1] for one in said),
    ]


def test_canary(cluster: Cluster) -> None:
    """10, 50, then all: pods by share, each step watched, at last the Deployment itself; then the canary goes."""
    canary_pods(cluster, (0, 0), (100, 1), (100, 1), (300, 4))
    done = cluster.run("canary.sh", *CANARY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [json.loads(one)["spec"]["replicas"] for one in cluster.applied()] == [1, 4]
    assert "10 %: 1 of 100 requests failed (1.00 %)" in done.stdout
    assert "50 %: 3 of 200 requests failed (1.50 %)" in done.stdout
    cluster.order(
        "apply",
        "rollout status deployment/llm-gateway-canary",
        "port-forward .*pod/canary-1 :9090",
        "the port-forward was ended",
        "apply",
        f"set image deployment/llm-gateway gateway={NEW} pepper={NEW}",
        "rollout status deployment/llm-gateway ",
        "delete deployment/llm-gateway-canary",
    )
    assert len([call for call in cluster.calls if "delete" in call]) == 1
    cluster.never("exec")  # the account that does this may enter no pod
    begun, ended = ([call for call in cluster.calls if word in call] for word in ("port-forward --", "port-forward was ended"))
    assert len(begun) == len(ended) == 4, "none is left behind"


def test_canary_is_aborted_by_errors(cluster: Cluster) -> None:
    """More errors than allowed: the canary is deleted at once, the Deployment never touched."""
    canary_pods(cluster, (0, 0), (100, 6))
    done = cluster.run("canary.sh", *CANARY)
    assert done.returncode == 1
    assert "aborted: too many errors" in done.stderr
    assert "6 of 100 requests failed (6.00 %); at most 5 % are allowed" in done.stderr
    cluster.order("apply", "delete deployment/llm-gateway-canary")
    cluster.never("set image|rollout undo")
    assert len(cluster.applied()) == 1


def test_a_few_errors_say_nothing(cluster: Cluster) -> None:
    """Below --least requests nothing is concluded, and that is said."""
    canary_pods(cluster, (0, 0), (4, 4), (4, 4), (8, 8))
    done = cluster.run("canary.sh", *CANARY)
    assert done.returncode == 0
    assert "only a few requests came (4 of 4 requests failed" in done.stderr


@pytest.mark.parametrize("what", ["not ready", "restarted", "no metrics", "last step"])
def test_canary_is_aborted(cluster: Cluster, what: str) -> None:
    """Pods that are not ready, that were started again, that say nothing; and a last step that is not well, which is undone."""
    canary_pods(cluster, (50, 0), (10, 0) if what == "restarted" else (100, 0), (100, 0), (200, 0))
    if what == "not ready":
        cluster.answers.insert(0, ["get deployment/llm-gateway-canary .*readyReplicas", 0, "1 "])
    elif what == "no metrics":
        cluster.answers.insert(0, ["port-forward .*pod/canary-1", 1, ""])
    elif what == "last step":
        cluster.answers.insert(0, ["rollout status deployment/llm-gateway ", 1, "", 1])
    done = cluster.run("canary.sh", *CANARY)
    assert (done.returncode, "aborted" in done.stderr) == (1, True)
    cluster.order("apply", "delete deployment/llm-gateway-canary")
    if what == "last step":
        cluster.order("set image", "rollout undo deployment/llm-gateway", "delete deployment/llm-gateway-canary")
    else:
        cluster.never("set image")


def test_somebody_else_shares_callers_out(cluster: Cluster, tmp_path: Path) -> None:
    """--weight-command is run with each step's share, and with 0 to abort."""
    weigh, said = tmp_path / "weigh", tmp_path / "said"
    weigh.write_text(f'#!/bin/sh\necho "$1" >> {said}\n')
    weigh.chmod(0o755)
    canary_pods(cluster, (0, 0), (100, 0), (100, 0), (200, 90))
    done = cluster.run("canary.sh", *CANARY, "--weight-command", str(weigh))
    assert done.returncode == 1
    assert said.read_text().split() == ["10", "50", "0"]
    assert [json.loads(one)["spec"]["replicas"] for one in cluster.applied()] == [1, 2]


def test_one_canary_at_a_time(cluster: Cluster) -> None:
    """Another one that is there is neither replaced nor deleted."""
    cluster.answers.insert(0, [r"get deployment/llm-gateway-canary$", 0, ""])
    done = cluster.run("canary.sh", *CANARY)
    assert (done.returncode, "there is a canary already" in done.stderr) == (1, True)
    cluster.never("delete|apply")
