"""The chart, installed by the real Helm into a Kubernetes API that keeps nothing (helm_install.py), beside what kustomize makes."""

from __future__ import annotations

import pytest
import yaml

from deployment.charts import ASKED, MADE, things
from kubernetes_support import (
    Peer,
    allowed,
    config_of,
    containers,
    gateway,
    of,
    one,
    overlay,
    pod_labels,
    workloads,
)

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(180)]


@pytest.mark.parametrize("name", ["small", "production"])
def test_containers_are_those_of_kustomize(installed, name) -> None:
    """Same image, command, ports, probes, environment, resources and mounts, of the gateway and of the migration."""
    ours, theirs = things(installed, name), overlay(name)
    same = (
        "image",
        "command",
        "args",
        "env",
        "ports",
        "startupProbe",
        "livenessProbe",
        "readinessProbe",
        "lifecycle",
        "resources",
        "securityContext",
        "volumeMounts",
    )
    mine, other = gateway(ours), gateway(theirs)
    assert {key: mine[key] for key in same} == {key: other[key] for key in same}
    (job,), (their_job,) = of(ours, "Job"), of(theirs, "Job")
    assert containers(job) == containers(their_job)
    assert containers(one(ours, "Deployment"))[0] == containers(one(theirs, "Deployment"))[0]


@pytest.mark.parametrize("name", ["small", "production"])
def test_pods_are_those_of_kustomize(installed, name) -> None:
    """Same user, spread, time to end, and no token, but for what selects pods: a release adds its own name."""
    mine, theirs = (one(all_, "Deployment")["spec"]["template"]["spec"] for all_ in (things(installed, name), overlay(name)))
    for key in (
        "securityContext",
        "terminationGracePeriodSeconds",
        "automountServiceAccountToken",
        "enableServiceLinks",
        "serviceAccountName",
    ):
        assert mine[key] == theirs[key], key
    assert one(things(installed, name), "Deployment")["spec"].get("replicas") == one(overlay(name), "Deployment")["spec"].get(
        "replicas"
    )
    kinds = [volume for volume in mine["volumes"] if "emptyDir" in volume]
    assert kinds == [volume for volume in theirs["volumes"] if "emptyDir" in volume]


@pytest.mark.parametrize("name", ["small", "production"])
def test_the_configuration_means_what_kustomizes_means(installed, name) -> None:
    """Both examples give the gateway the same configuration, and the pepper's program is the same."""
    mine, theirs = config_of(things(installed, name))["data"], config_of(overlay(name))["data"]
    assert yaml.safe_load(mine["config.yaml"]) == yaml.safe_load(theirs["config.yaml"])
    assert mine["pepper.py"].strip() == theirs["pepper.py"].strip()


def test_production_scales_and_lets_in_as_kustomize_does(installed) -> None:
    """HPA, PodDisruptionBudget, PodMonitor, Ingress and ExternalSecret have the same specs."""
    ours, theirs = things(installed, "production"), overlay("production")
    for kind in ("HorizontalPodAutoscaler", "ExternalSecret"):
        assert of(ours, kind)[0]["spec"] == of(theirs, kind)[0]["spec"], kind
    assert one(ours, "PodDisruptionBudget")["spec"]["minAvailable"] == one(theirs, "PodDisruptionBudget")["spec"]["minAvailable"]
    mine, other = one(ours, "PodMonitor")["spec"], one(theirs, "PodMonitor")["spec"]
    assert (mine["jobLabel"], mine["podMetricsEndpoints"]) == (other["jobLabel"], other["podMetricsEndpoints"])
    for name in ("llm-gateway", "llm-gateway-uploads"):
        mine, other = one(ours, "Ingress", name), one(theirs, "Ingress", name)
        assert mine["spec"] == other["spec"]
        assert mine["metadata"]["annotations"] == other["metadata"]["annotations"]


@pytest.mark.parametrize("name", MADE)
def test_names_fit_any_release(installed, name) -> None:
    """Objects, and what refers to them, are called after the release, in its namespace, within what Kubernetes allows (C19)."""
    made = things(installed, name)
    release, namespace = ASKED[name].get("release", "llm-gateway"), ASKED[name].get("namespace", "llm-gateway")
    start = release if "llm-gateway" in release else f"{release[:33]}-llm-gateway"
    for thing in made:
        assert thing["metadata"]["name"].startswith(start)
        assert len(thing["metadata"]["name"]) <= 63
        assert thing["metadata"]["namespace"] == namespace
    ids = [(thing["kind"], thing["metadata"]["name"]) for thing in made]
    assert len(ids) == len(set(ids))
    maps = {thing["metadata"]["name"] for thing in of(made, "ConfigMap")}
    accounts = {thing["metadata"]["name"] for thing in of(made, "ServiceAccount")}
    for thing in workloads(made):
        spec = thing["spec"]["template"]["spec"]
        assert {volume["configMap"]["name"] for volume in spec["volumes"] if "configMap" in volume} <= maps
        assert spec.get("serviceAccountName", start + "-sa") in accounts


@pytest.mark.parametrize("name", MADE)
def test_pods_have_the_label_that_everything_selects(installed, name) -> None:
    """`app: llm-gateway` on the gateway's pods and on no other; Services, budget and monitor select them and nothing else (C19)."""
    made = things(installed, name)
    (serving,) = [thing for thing in of(made, "Deployment", "StatefulSet") if thing["metadata"]["labels"]["app"] == "llm-gateway"]
    labels = pod_labels(serving)
    assert labels["app"] == labels["app.kubernetes.io/name"] == "llm-gateway"
    assert labels.items() >= serving["spec"]["selector"]["matchLabels"].items()
    for service in of(made, "Service"):
        found = [thing for thing in workloads(made) if pod_labels(thing).items() >= service["spec"]["selector"].items()]
        assert len(found) == 1, service["metadata"]["name"]
        names = {port["name"] for each in containers(found[0]) for port in each.get("ports", [])}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names
    for thing in of(made, "PodDisruptionBudget", "PodMonitor"):
        assert labels.items() >= thing["spec"]["selector"]["matchLabels"].items()


@pytest.mark.parametrize("name", MADE)
def test_the_secret_reaches_the_pods(installed, name) -> None:
    """Keys come from the Secret that was named, or that the chart or the operator makes, as files; metrics have a port (C19)."""
    made = things(installed, name)
    wanted = {thing["metadata"]["name"] for thing in of(made, "Secret", "ExternalSecret")} or {
        ASKED[name]["values"]["secrets"]["existingSecret"]
    }
    container = gateway(made)
    for thing in workloads(made):
        used = {volume["secret"]["secretName"] for volume in thing["spec"]["template"]["spec"]["volumes"] if "secret" in volume}
        assert used == wanted
    assert {"name": "secrets", "mountPath": "/run/secrets/llm-gateway", "readOnly": True} in container["volumeMounts"]
    assert {"name": "metrics", "containerPort": 9090, "protocol": "TCP"} in container["ports"]


def test_two_releases_in_a_namespace_are_apart(installed) -> None:
    """The Service of one release does not lead to pods of another."""
    mine, other = things(installed, "default"), things(installed, "own secret")
    service = one(mine, "Service", "prod-llm-gateway")
    assert not pod_labels(of(other, "Deployment")[0]).items() >= service["spec"]["selector"].items()


def test_durable_state_is_a_claim(installed) -> None:
    """state.persistent makes a StatefulSet with a volume for each pod, and the HPA scales that."""
    made = things(installed, "persistent")
    assert not of(made, "Deployment")
    (claim,) = one(made, "StatefulSet")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert one(made, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["kind"] == "StatefulSet"


def test_policies_let_through_what_kustomizes_do(installed) -> None:
    """Providers, DNS, stores, collector, Prometheus and the ingress; no private network, no metadata."""
    made = things(installed, "production")
    pod = Peer(pod_labels(one(made, "Deployment")))
    migrate = Peer(pod_labels(of(made, "Job")[0]))
    dns, prometheus = Peer({"k8s-app": "kube-dns"}, "kube-system"), Peer({"app.kubernetes.io/name": "prometheus"}, "monitoring")
    collector = Peer({"app.kubernetes.io/name": "opentelemetry-collector"}, "monitoring")
    for who in (pod, migrate):
        assert allowed(made, who, Peer(address="104.18.7.192"), 443)
        assert allowed(made, who, dns, 53)
        assert allowed(made, who, Peer(address="10.0.3.4"), 5432)
        for to in ("169.254.169.254", "10.0.0.5", "fd00:ec2::254"):
            assert not allowed(made, who, Peer(address=to), 443)
            assert not allowed(made, who, Peer(address=to), 80)
    assert allowed(made, pod, collector, 4318)
    assert allowed(made, pod, prometheus, 9090, "Ingress")
    assert not allowed(made, pod, prometheus, 8080, "Ingress")
    assert allowed(made, pod, Peer({}, "ingress-nginx"), 8080, "Ingress")
    assert not allowed(made, pod, Peer({}, "default"), 8080, "Ingress")
    assert not allowed(made, migrate, Peer({}, "ingress-nginx"), 8080, "Ingress")
    small = things(installed, "small")
    redis, database = (Peer(pod_labels(one(small, "StatefulSet", f"llm-gateway-{name}"))) for name in ("redis", "postgresql"))
    pod, migrate = Peer(pod_labels(one(small, "Deployment"))), Peer(pod_labels(of(small, "Job")[0]))
    for who, to, port in ((pod, redis, 6379), (pod, database, 5432), (migrate, database, 5432)):
        assert allowed(small, who, to, port)
        assert allowed(small, to, who, port, "Ingress")
    balanced = things(installed, "load balancer")
    pod = Peer(pod_labels(one(balanced, "Deployment")))
    assert allowed(balanced, pod, Peer(address="104.18.7.192"), 8080, "Ingress")
    assert not allowed(balanced, pod, Peer(address="104.18.7.192"), 9090, "Ingress")
    assert allowed(balanced, pod, Peer(address="169.254.170.23"), 80)
    assert not allowed(balanced, pod, Peer(address="169.254.169.254"), 80)


def test_the_api_gets_what_was_rendered(installed) -> None:
    """Helm sent every object of the manifest to the API, and nothing else; the test's pod waits for `helm test`."""
    for name in MADE:
        rendered = {(thing["kind"], thing["metadata"]["name"]) for thing in things(installed, name)}
        sent = {(thing["kind"], thing["metadata"]["name"]) for thing in installed[name]["made"]}
        assert sent == rendered
        (test,) = [yaml.safe_load(hook) for hook in installed[name]["hooks"]]
        assert test["metadata"]["annotations"]["helm.sh/hook"] == "test"
        assert "app.kubernetes.io/name: llm-gateway-test" in installed[name]["hooks"][0]
        pod, made = Peer(test["metadata"]["labels"]), things(installed, name)
        serving = next(
            thing for thing in of(made, "Deployment", "StatefulSet") if "gateway" in {each["name"] for each in containers(thing)}
        )
        assert allowed(made, Peer(pod_labels(serving)), Peer(pod.labels), 8080, "Ingress")


def test_notes_say_what_is_missing(installed) -> None:
    """Who runs several pods without a database or Redis is told what that means."""
    assert "no config.database" in installed["default"]["notes"]
    assert "no config.redis" in installed["default"]["notes"]
    assert "no config" not in installed["production"]["notes"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no secret", "Where are the keys?"),
        ("typo", "replica"),
        ("workers auto", "workers"),
        ("hosts missing", "hosts"),
        ("budget", "no node could be drained"),
        ("grace", "terminationGracePeriodSeconds"),
        ("bounds", "maxReplicas"),
    ],
)
def test_mistakes_are_refused(installed, name, says) -> None:
    """Values that would not work are refused with a text that names them, before anything is made."""
    assert says in installed[name].get("error", "installed")
