"""What kustomize makes of deployment/k8s: objects that fit each other, and the figures of requirements K4 to K9."""

from __future__ import annotations

import pytest
import yaml

from kubernetes_support import (
    K8S,
    OVERLAYS,
    config_of,
    containers,
    gateway,
    kustomized,
    of,
    one,
    overlay,
    pod_labels,
    with_components,
    workloads,
)
from llm_gateway.supervisor.supervisor import CONTROL_SECONDS, END_SECONDS

pytestmark = pytest.mark.deployment
OWN = {"app": "llm-gateway"}


@pytest.fixture(autouse=True)
def _kubectl(tool) -> None:
    tool("kubectl")


def test_the_base_renders_by_itself() -> None:
    """The base is whole but for the Secret, which every overlay brings its own way."""
    things = kustomized(K8S / "base")
    assert one(things, "Deployment")["spec"]["replicas"] == 4
    assert not of(things, "Secret", "ExternalSecret")


@pytest.mark.parametrize("name", OVERLAYS)
def test_nothing_is_made_twice(name) -> None:
    """No object is both listed and generated (C19)."""
    ids = [(thing["kind"], thing["metadata"].get("namespace"), thing["metadata"]["name"]) for thing in overlay(name)]
    assert len(ids) == len(set(ids))
    assert len([one for one in of(overlay(name), "ConfigMap") if one["metadata"]["name"].startswith("llm-gateway-config")]) == 1


@pytest.mark.parametrize("name", OVERLAYS)
def test_everything_is_in_the_namespace(name) -> None:
    """All but the namespace itself lies in llm-gateway, which lets in only pods of the restricted standard."""
    for thing in overlay(name):
        if thing["kind"] == "Namespace":
            assert thing["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        else:
            assert thing["metadata"]["namespace"] == "llm-gateway", thing["metadata"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_deployment_has_its_figures(name) -> None:
    """Name, label, rollout, resources, probes, user and spread are those of K4."""
    deployment = one(overlay(name), "Deployment")
    spec = deployment["spec"]
    assert deployment["metadata"]["labels"]["app"] == "llm-gateway"
    assert spec["selector"]["matchLabels"] == OWN
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    pod = spec["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == 1000
    assert (
        pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"]["topologyKey"]
        == "kubernetes.io/hostname"
    )
    assert [(one["topologyKey"], one["maxSkew"]) for one in pod["topologySpreadConstraints"]] == [
        ("topology.kubernetes.io/zone", 1)
    ]
    container = gateway(overlay(name))
    live, ready, start = container["livenessProbe"], container["readinessProbe"], container["startupProbe"]
    assert [live[key] for key in ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")] == [30, 10, 5, 3]
    assert [ready[key] for key in ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")] == [10, 5, 3, 3]
    assert [start[key] for key in ("periodSeconds", "failureThreshold")] == [5, 30]
    if name != "small":
        assert container["resources"]["requests"]["cpu"] == "1"
        assert container["resources"]["requests"]["memory"] == "2Gi"
        assert container["resources"]["limits"]["memory"] == "4Gi"


@pytest.mark.parametrize("name", OVERLAYS)
def test_probes_ask_what_the_gateway_answers(name) -> None:
    """Each probe asks a path that the gateway has, at a port that the container names, without a program in the image."""
    from llm_gateway.edge.health import PATHS

    container = gateway(overlay(name))
    wanted = {"startupProbe": "startup", "livenessProbe": "live", "readinessProbe": "ready"}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    server = yaml.safe_load(config_of(overlay(name))["data"]["config.yaml"])["server"]
    assert ports == {"http": server["port"], "metrics": server["admin"]["port"]} == {"http": 8080, "metrics": 9090}
    for probe, what in wanted.items():
        asked = container[probe]["httpGet"]
        assert PATHS[asked["path"].encode()] == what
        assert asked["port"] == "http"


@pytest.mark.parametrize("name", OVERLAYS)
def test_pods_are_given_the_time_that_draining_takes(name) -> None:
    """The kubelet kills no pod that is still within preStop, server.drain and what ending takes beyond."""
    spec = one(overlay(name), "Deployment")["spec"]["template"]["spec"]
    drain = yaml.safe_load(config_of(overlay(name))["data"]["config.yaml"])["server"]["drain"]
    (command,) = [gateway(overlay(name))["lifecycle"]["preStop"]["exec"]["command"]]
    assert command == ["python3", "-c", "import time; time.sleep(10)"]
    assert spec["terminationGracePeriodSeconds"] >= 10 + int(drain.removesuffix("s")) + END_SECONDS + CONTROL_SECONDS + 10


@pytest.mark.parametrize("name", OVERLAYS)
def test_selectors_find_pods_and_only_theirs(name) -> None:
    """Service, PodDisruptionBudget, PodMonitor and HPA mean the gateway's pods; the migration's pod is not among them."""
    things = overlay(name)
    job = pod_labels(one(things, "Job", "llm-gateway-migrate"))
    deployment = one(things, "Deployment")
    pods = pod_labels(deployment)
    for service in of(things, "Service"):
        found = [thing for thing in workloads(things) if pod_labels(thing).items() >= service["spec"]["selector"].items()]
        assert len(found) == 1, service["metadata"]["name"]
        names = {port["name"] for one in containers(found[0]) for port in one.get("ports", [])}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names
    for thing in of(things, "PodDisruptionBudget", "PodMonitor"):
        wanted = thing["spec"]["selector"]["matchLabels"]
        assert pods.items() >= wanted.items()
        assert not job.items() >= wanted.items()
    for hpa in of(things, "HorizontalPodAutoscaler"):
        assert hpa["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "llm-gateway"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_node_can_always_be_drained(name) -> None:
    """The PodDisruptionBudget is below the fewest pods there are, and it is 3 where there are four (K7)."""
    things = overlay(name)
    hpas = of(things, "HorizontalPodAutoscaler")
    least = hpas[0]["spec"]["minReplicas"] if hpas else one(things, "Deployment")["spec"]["replicas"]
    minimum = one(things, "PodDisruptionBudget")["spec"]["minAvailable"]
    assert minimum < least
    assert least == {"small": 2, "ap-south-1": 3}.get(name, 4)
    assert minimum == {"small": 1, "ap-south-1": 2}.get(name, 3)


def test_the_hpa_has_its_figures() -> None:
    """4 to 20 pods by CPU, memory and requests per second, quickly up and slowly down (K6); the Deployment says no number."""
    things = overlay("production")
    spec = one(things, "HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (4, 20)
    cpu, memory, requests = spec["metrics"]
    assert (cpu["resource"]["name"], cpu["resource"]["target"]["averageUtilization"]) == ("cpu", 70)
    assert (memory["resource"]["name"], memory["resource"]["target"]["averageUtilization"]) == ("memory", 80)
    assert (requests["pods"]["metric"]["name"], requests["pods"]["target"]["averageValue"]) == (
        "http_requests_per_second",
        "1000",
    )
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert "replicas" not in one(things, "Deployment")["spec"]
    assert "replicas" in one(overlay("small"), "Deployment")["spec"]


def test_the_adapter_makes_the_metric_that_the_hpa_asks_for() -> None:
    """prometheus-adapter.yaml makes http_requests_per_second of a metric that the gateway has."""
    from llm_gateway.telemetry import families

    rules = yaml.safe_load((K8S / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    (rule,) = rules
    assert rule["name"]["as"] == "http_requests_per_second"
    metric = rule["seriesQuery"].partition("{")[0]
    assert metric == "gateway_requests_total"
    assert metric in {family.name for family in families.REQUESTS}


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_pod_is_locked_down(name) -> None:
    """No root, no privileges, a read-only root with places to write, no token of the Kubernetes API: of every container."""
    for thing in workloads(overlay(name)):
        spec = thing["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(thing):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, container["name"]
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            mounted = {mount["name"] for mount in container["volumeMounts"]} if "volumeMounts" in container else set()
            there = {volume["name"] for volume in spec["volumes"]}
            there |= {claim["metadata"]["name"] for claim in thing["spec"].get("volumeClaimTemplates", [])}
            assert mounted <= there


@pytest.mark.parametrize("name", OVERLAYS)
def test_all_containers_of_ours_have_one_image(name) -> None:
    """Init containers, gateway and migration come from one image with a fixed version, so that one entry in `images` moves all."""
    images = {one["image"] for thing in workloads(overlay(name)) for one in containers(thing) if "llm-gateway" in one["image"]}
    assert images == {"ghcr.io/example/llm-gateway:v0.1.0"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_secret_that_pods_want_is_the_one_that_is_made(name) -> None:
    """Generated names reach every place that uses them, and the ExternalSecret makes the name that pods mount."""
    things = overlay(name)
    made = {thing["metadata"]["name"] for thing in of(things, "Secret", "ConfigMap")}
    made |= {thing["spec"]["target"]["name"] for thing in of(things, "ExternalSecret")}
    for thing in workloads(things):
        for volume in thing["spec"]["template"]["spec"]["volumes"]:
            wanted = volume.get("secret", {}).get("secretName") or volume.get("configMap", {}).get("name")
            assert wanted is None or wanted in made
    for secret in of(things, "ExternalSecret"):
        assert secret["spec"]["refreshInterval"] == "1h"


def test_production_runs_no_stores_of_its_own() -> None:
    """Redis and PostgreSQL in the cluster are for small installations; they are components."""
    assert {thing["metadata"]["name"] for thing in of(overlay("small"), "StatefulSet")} == {"redis", "postgresql"}
    assert not of(overlay("production"), "StatefulSet")


def test_redis_has_its_figures() -> None:
    """Three pods of K9; callers only reach the one that takes writes."""
    things = with_components("redis")
    redis = one(things, "StatefulSet", "redis")
    assert redis["spec"]["replicas"] == 3
    (container,) = containers(redis)
    assert container["resources"]["requests"] == {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "64Mi"}
    assert container["resources"]["limits"]["cpu"] == "1"
    claim = redis["spec"]["volumeClaimTemplates"][0]["spec"]
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("fast-ssd", "20Gi")
    assert one(things, "Service", "redis-service")["spec"]["selector"]["statefulset.kubernetes.io/pod-name"] == "redis-0"
    waits = [one for one in containers(one(things, "Deployment")) if one["name"] == "wait-for-redis"]
    assert "redis-service" in waits[0]["args"][0]


def test_durable_state_gives_each_pod_a_volume() -> None:
    """With the component, the Deployment is a StatefulSet whose state is a claim, and the HPA scales that."""
    things = with_components("durable-state")
    assert not of(things, "Deployment")
    gateways = one(things, "StatefulSet")
    assert "strategy" not in gateways["spec"]
    assert gateways["spec"]["serviceName"] == one(things, "Service", "llm-gateway-headless")["metadata"]["name"]
    assert [claim["metadata"]["name"] for claim in gateways["spec"]["volumeClaimTemplates"]] == ["state"]
    assert "state" not in {volume["name"] for volume in gateways["spec"]["template"]["spec"]["volumes"]}
    assert one(things, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["kind"] == "StatefulSet"


def test_the_load_balancer_takes_80_and_443() -> None:
    """K5: both go to the gateway's port, and callers from anywhere may come to it."""
    things = with_components("load-balancer")
    spec = one(things, "Service")["spec"]
    assert spec["type"] == "LoadBalancer"
    assert {(port["port"], port["targetPort"]) for port in spec["ports"]} == {(80, "http"), (443, "http")}


def test_the_ingress_lets_streams_through() -> None:
    """No buffering, 300 s, 10 MB (uploads: as much as the gateway takes), 100 requests a second, a certificate (K5)."""
    things = overlay("production")
    notes = {one["metadata"]["name"]: one["metadata"]["annotations"] for one in of(things, "Ingress")}
    prefix = "nginx.ingress.kubernetes.io/"
    for given in notes.values():
        assert given[prefix + "proxy-buffering"] == "off"
        assert given[prefix + "proxy-read-timeout"] == given[prefix + "proxy-send-timeout"] == "300"
        assert given["cert-manager.io/cluster-issuer"]
    assert notes["llm-gateway"][prefix + "proxy-body-size"] == "10m"
    assert notes["llm-gateway"][prefix + "limit-rps"] == "100"
    assert notes["llm-gateway-uploads"][prefix + "proxy-body-size"] == "100m"
    for region in ("us-east-1", "eu-west-1", "ap-south-1"):
        for ingress in of(overlay(region), "Ingress"):
            hosts = [f"{region}.gateway.example.com", "gateway.example.com"]
            assert (
                sorted(rule["host"] for rule in ingress["spec"]["rules"])
                == sorted(hosts)
                == sorted(ingress["spec"]["tls"][0]["hosts"])
            )


@pytest.mark.parametrize("name", ["us-east-1", "eu-west-1", "ap-south-1"])
def test_each_region_knows_its_name(name) -> None:
    """Gateway and migration are told where they run, and secrets come from that region's entry."""
    things = overlay(name)
    for thing in (one(things, "Deployment"), one(things, "Job", "llm-gateway-migrate")):
        (container,) = thing["spec"]["template"]["spec"]["containers"]
        assert {"name": "REGION", "value": name} in container["env"]
    assert of(things, "ExternalSecret")[0]["spec"]["dataFrom"][0]["extract"]["key"] == f"llm-gateway/{name}"


def test_nobody_has_rights_that_they_do_not_use() -> None:
    """The gateway's account has no role; the deployer's reads no Secret and enters no pod."""
    things = overlay("production")
    bound = {subject["name"] for thing in of(things, "RoleBinding") for subject in thing["subjects"]}
    assert bound == {"llm-gateway-deployer"}
    for rule in one(things, "Role", "llm-gateway-deployer")["rules"]:
        assert not {"secrets", "pods/exec", "*"} & {*rule["resources"], *rule["verbs"]}


@pytest.mark.parametrize("name", [one for one in OVERLAYS if one != "small"])
def test_the_deployer_may_apply_what_is_installed(name) -> None:
    """kubectl apply asks for every object first, and changes those that a new version changes; canary.sh takes its own away."""
    things = overlay(name)
    may: dict[str, set[str]] = {}
    for rule in one(things, "Role", "llm-gateway-deployer")["rules"]:
        for resource in rule["resources"]:
            may.setdefault(resource, set()).update(rule["verbs"] if "resourceNames" not in rule else ())
    plural = {
        kind: f"{kind.lower().removesuffix('y')}ies" if kind.endswith("cy") else f"{kind.lower()}s"
        for kind in {thing["kind"] for thing in things}
    }
    plural |= {"Ingress": "ingresses"}
    for kind, resource in plural.items():
        assert "get" in may[resource], kind
    for kind in ("Deployment", "Service", "ConfigMap", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress"):
        assert {"get", "create", "patch"} <= may[plural[kind]], kind
    assert {"create", "delete"} <= may["jobs"]
    assert {"get", "create"} <= may["pods/portforward"], "over a WebSocket kubectl gets it, over SPDY it creates it"
    assert not {"create", "patch", "update"} & {verb for kind in ("Role", "RoleBinding") for verb in may[plural[kind]]}


def test_the_pod_monitor_scrapes_the_metrics_port() -> None:
    """Prometheus finds the pods by the label `app`, and calls the job llm-gateway."""
    monitor = one(overlay("production"), "PodMonitor")["spec"]
    assert monitor["selector"] == {"matchLabels": OWN}
    assert monitor["jobLabel"] == "app"
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("metrics", "/metrics")
