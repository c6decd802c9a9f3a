"""Who may talk to whom in Kubernetes: what the NetworkPolicies of deployment/k8s let through, and that it is nothing else."""

from __future__ import annotations

import pytest

from kubernetes_support import OVERLAYS, Peer, allowed, blocks, one, overlay, pod_labels, with_components, wrong

pytestmark = pytest.mark.deployment

PUBLIC = Peer(address="104.18.7.192")
PUBLIC_6 = Peer(address="2606:4700::6812:7c0")
METADATA = [Peer(address="169.254.169.254"), Peer(address="fd00:ec2::254"), Peer(address="100.100.100.200")]
PRIVATE = [
    Peer(address=one)
    for one in ("10.0.0.5", "172.16.3.4", "192.168.1.1", "100.64.0.1", "127.0.0.1", "::ffff:10.0.0.5", "fd12::1", "fe80::1")
]
DNS = Peer({"k8s-app": "kube-dns"}, "kube-system")
INGRESS = Peer({"app.kubernetes.io/name": "ingress-nginx"}, "ingress-nginx")
PROMETHEUS = Peer({"app.kubernetes.io/name": "prometheus"}, "monitoring")
COLLECTOR = Peer({"app.kubernetes.io/name": "opentelemetry-collector"}, "monitoring")
STRANGER = Peer({"app": "other"}, "default")


@pytest.fixture(autouse=True)
def _kubectl(tool) -> None:
    tool("kubectl")


def pod(things, kind: str = "Deployment", name: str = "llm-gateway") -> Peer:
    return Peer(pod_labels(one(things, kind, name)))


@pytest.mark.parametrize("name", OVERLAYS)
def test_providers_can_be_reached(name) -> None:
    """HTTPS to any public address, of both families, from the gateway; and nothing but HTTPS (C19)."""
    things = overlay(name)
    for to in (PUBLIC, PUBLIC_6):
        assert allowed(things, pod(things), to, 443)
        for port in (22, 25, 80, 8443):
            assert not allowed(things, pod(things), to, port)


@pytest.mark.parametrize("name", OVERLAYS)
def test_private_networks_and_metadata_cannot_be_reached(name) -> None:
    """A request that somebody talked the gateway into comes to no private address and to no cloud's credentials."""
    things = overlay(name)
    for to in (*METADATA, *PRIVATE):
        for port in (80, 443):
            assert not allowed(things, pod(things), to, port), (to, port)


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_api_server_takes_every_exception(name) -> None:
    """What an ipBlock leaves out lies within it, as the API server reads addresses: one that does not makes it refuse the policy."""
    found = list(blocks(overlay(name)))
    assert any(block.get("except") for block in found)
    assert [wrong(block) for block in found] == [[]] * len(found)


@pytest.mark.parametrize("left_out", ["::ffff:0:0/96", "::/0", "10.0.0.0/8"])
def test_an_exception_that_would_be_refused_is_noticed(left_out) -> None:
    """An IPv4-mapped network, the whole and the other family are none that ::/0 may leave out."""
    assert wrong({"cidr": "::/0", "except": [left_out, "fc00::/7"]})


@pytest.mark.parametrize("name", OVERLAYS)
def test_names_can_be_looked_up(name) -> None:
    """DNS in kube-system answers the gateway and the migration; no other pod is asked at that port."""
    things = overlay(name)
    for who in (pod(things), pod(things, "Job", "llm-gateway-migrate")):
        assert allowed(things, who, DNS, 53)
        assert allowed(things, who, Peer(address="169.254.20.10"), 53)
        assert not allowed(things, who, STRANGER, 53)


def test_stores_beside_the_gateway_can_be_reached() -> None:
    """Small: gateway to Redis and PostgreSQL, migration to PostgreSQL, from both ends; nobody else."""
    things = overlay("small")
    redis, postgresql = pod(things, "StatefulSet", "redis"), pod(things, "StatefulSet", "postgresql")
    migrate = pod(things, "Job", "llm-gateway-migrate")
    for who, to, port in ((pod(things), redis, 6379), (pod(things), postgresql, 5432), (migrate, postgresql, 5432)):
        assert allowed(things, who, to, port)
        assert allowed(things, to, who, port, "Ingress")
    for to, port in ((redis, 6379), (postgresql, 5432)):
        assert not allowed(things, to, STRANGER, port, "Ingress")
        assert not allowed(things, to, PUBLIC, 443)
    assert not allowed(things, postgresql, redis, 6379)
    assert not allowed(things, pod(things), Peer(address="10.0.3.4"), 6379)


def test_replicas_of_redis_reach_their_primary() -> None:
    """The three pods of Redis talk to each other, and find each other's names."""
    things = with_components("redis")
    redis = pod(things, "StatefulSet", "redis")
    assert allowed(things, redis, redis, 6379)
    assert allowed(things, redis, redis, 6379, "Ingress")
    assert allowed(things, redis, DNS, 53)


def test_managed_stores_can_be_reached() -> None:
    """Production: Redis and PostgreSQL in the cloud's network, at their ports only, also from the migration."""
    things = overlay("production")
    for who in (pod(things), pod(things, "Job", "llm-gateway-migrate")):
        assert allowed(things, who, Peer(address="10.0.3.4"), 6379)
        assert allowed(things, who, Peer(address="10.0.3.4"), 5432)
        assert not allowed(things, who, Peer(address="10.0.3.4"), 22)
        assert not allowed(things, who, Peer(address="10.1.0.4"), 5432)


@pytest.mark.parametrize("name", OVERLAYS)
def test_callers_come_in_where_they_may(name) -> None:
    """The ingress controller and labelled namespaces reach 8080, not 9090; others reach nothing."""
    things = overlay(name)
    application = Peer({"app": "chat"}, "chat", namespace_labels={"llm-gateway/caller": "true"})
    for who in (INGRESS, application):
        assert allowed(things, pod(things), who, 8080, "Ingress")
        assert not allowed(things, pod(things), who, 9090, "Ingress")
    for port in (8080, 9090):
        assert not allowed(things, pod(things), STRANGER, port, "Ingress")
        assert not allowed(things, pod(things), PUBLIC, port, "Ingress")
    assert not allowed(things, pod(things, "Job", "llm-gateway-migrate"), INGRESS, 8080, "Ingress")


def test_monitoring_comes_in_and_traces_go_out() -> None:
    """Prometheus reaches 9090 and nothing else; traces go to the collector and to no other pod there."""
    things = overlay("production")
    assert allowed(things, pod(things), PROMETHEUS, 9090, "Ingress")
    assert not allowed(things, pod(things), PROMETHEUS, 8080, "Ingress")
    assert not allowed(things, pod(things), COLLECTOR, 9090, "Ingress")
    assert allowed(things, pod(things), COLLECTOR, 4318)
    assert not allowed(things, pod(things), PROMETHEUS, 9090)
    assert not allowed(overlay("small"), pod(overlay("small")), COLLECTOR, 4318)


@pytest.mark.parametrize(
    ("component", "address", "port"),
    [
        ("eks-pod-identity", "169.254.170.23", 80),
        ("gke-workload-identity", "169.254.169.254", 80),
        ("gke-workload-identity", "169.254.169.252", 988),
    ],
)
def test_a_cloud_identity_opens_its_own_address_only(component, address, port) -> None:
    """Where the pod's credentials come from a link-local address, that one can be reached, at that port."""
    things = with_components(component)
    assert allowed(things, pod(things), Peer(address=address), port)
    assert not allowed(things, pod(things), Peer(address=address), 443)
    others = {"169.254.170.23", "169.254.169.254"} - {address}
    if component == "eks-pod-identity":
        assert not any(allowed(things, pod(things), Peer(address=other), 80) for other in others)


def test_a_load_balancer_lets_everybody_in() -> None:
    """With a load balancer of its own the gateway is called from anywhere; the operators' port still is not."""
    things = with_components("load-balancer")
    assert allowed(things, pod(things), PUBLIC, 8080, "Ingress")
    assert not allowed(things, pod(things), PUBLIC, 9090, "Ingress")
