"""Kubernetes objects as kubectl and Helm make them of deployment/, and who may talk to whom by their NetworkPolicies."""

from __future__ import annotations

import functools
import ipaddress
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
K8S = ROOT / "deployment" / "k8s"
CHART = ROOT / "deployment" / "helm" / "llm-gateway"
OVERLAYS = ("small", "production", "us-east-1", "eu-west-1", "ap-south-1")
FOREIGN = ("external-secrets.io/v1", "monitoring.coreos.com/v1")
"""Of operators; their schemas are not Kubernetes'."""

SECRETS = {
    "ADMIN_KEY": "sk-admin-0123456789abcdef",
    "APP_KEY": "sk-app-0123456789abcdef",
    "MASTER_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "PEPPER": "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=",
    "REDIS_PASSWORD": "redis-0123456789",
    "REDIS_URL": "redis://:redis-0123456789@redis-service:6379/0",
    "POSTGRES_PASSWORD": "postgres-0123456789",
    "DATABASE_URL": "postgresql://llm_gateway:postgres-0123456789@postgresql:5432/llm_gateway",
    "OPENAI_API_KEY": "sk-0123456789abcdef",
    "ANTHROPIC_API_KEY": "sk-ant-0123456789abcdef",
    "MISTRAL_API_KEY": "0123456789abcdef",
}
"""What a Secret of each of the examples has."""

Thing = dict[str, Any]


def kustomized(folder: Path) -> list[Thing]:
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # warnings: a field that is going away
    return [thing for thing in yaml.safe_load_all(done.stdout) if thing]


def copied(folder: Path) -> Path:
    """deployment/k8s with the file of secrets that each operator makes; the folder of its overlays."""
    shutil.copytree(K8S, folder / "k8s")
    small = folder / "k8s" / "overlays" / "small"
    (small / "secrets.env").write_text("".join(f"{name}={value}\n" for name, value in SECRETS.items()))
    return folder / "k8s" / "overlays"


@functools.cache
def overlay(name: str) -> Sequence[Thing]:
    """The objects of one of OVERLAYS. Do not change them."""
    with tempfile.TemporaryDirectory() as folder:
        return kustomized(copied(Path(folder)) / name)


@functools.cache
def with_components(*components: str) -> Sequence[Thing]:
    """Those of production with components that it does not have itself."""
    with tempfile.TemporaryDirectory() as folder:
        here = copied(Path(folder)) / "production"
        text = (here / "kustomization.yaml").read_text()
        more = "".join(f"  - ../../components/{name}\n" for name in components)
        (here / "kustomization.yaml").write_text(text.replace("components:\n", f"components:\n{more}"))
        parts = yaml.safe_load((here / "kustomization.yaml").read_text())
        parts["components"].sort(key=lambda name: name.endswith("/durable-state"))  # after what it changes
        (here / "kustomization.yaml").write_text(yaml.safe_dump(parts))
        return kustomized(here)


def of(things: Sequence[Thing], *kinds: str) -> list[Thing]:
    return [thing for thing in things if thing["kind"] in kinds]


def one(things: Sequence[Thing], kind: str, name: str = "llm-gateway") -> Thing:
    found = [thing for thing in of(things, kind) if thing["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def workloads(things: Sequence[Thing]) -> list[Thing]:
    return of(things, "Deployment", "StatefulSet", "Job")


def pod_labels(thing: Thing) -> Mapping[str, str]:
    """Of its pods; a StatefulSet's first one is told by its name, too."""
    labels = dict(thing["spec"]["template"]["metadata"]["labels"])
    if thing["kind"] == "StatefulSet":
        labels["statefulset.kubernetes.io/pod-name"] = f"{thing['metadata']['name']}-0"
    return labels


def containers(thing: Thing) -> list[Thing]:
    spec = thing["spec"]["template"]["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def gateway(things: Sequence[Thing]) -> Thing:
    """The container that serves."""
    (found,) = [one for thing in of(things, "Deployment", "StatefulSet") for one in containers(thing) if one["name"] == "gateway"]
    return found


def config_of(things: Sequence[Thing]) -> Thing:
    """The ConfigMap with the gateway's configuration."""
    (found,) = [thing for thing in of(things, "ConfigMap") if "config.yaml" in thing["data"]]
    return found


# Who may talk to whom


class Peer(NamedTuple):
    """A pod by its labels and its namespace's name, or an address."""

    labels: Mapping[str, str] = {}
    namespace: str = "llm-gateway"
    address: str = ""
    namespace_labels: Mapping[str, str] = {}


def matches(selector: Thing | None, labels: Mapping[str, str]) -> bool:
    assert set(selector or {}) <= {"matchLabels"}, "only matchLabels is understood here"
    return all(labels.get(name) == value for name, value in ((selector or {}).get("matchLabels") or {}).items())


def allowed(things: Sequence[Thing], here: Peer, there: Peer, port: int, direction: str = "Egress") -> bool:
    """Whether `here`, a pod of ours, may open a connection to `there` (Egress) or be called from there (Ingress)."""
    policies = [
        thing["spec"]
        for thing in of(things, "NetworkPolicy")
        if direction in thing["spec"]["policyTypes"] and matches(thing["spec"]["podSelector"], here.labels)
    ]
    if not policies:
        return True
    rules = [rule for policy in policies for rule in policy.get(direction.lower(), [])]
    side = "to" if direction == "Egress" else "from"
    return any(_reaches(rule, side, there) and _port(rule, things, here, port) for rule in rules)


def _reaches(rule: Thing, side: str, peer: Peer) -> bool:
    return side not in rule or any(_is(place, peer) for place in rule[side])


def _is(place: Thing, peer: Peer) -> bool:
    if "ipBlock" in place:
        return bool(peer.address) and _within(place["ipBlock"], peer.address)
    if peer.address:
        return False
    names = {"kubernetes.io/metadata.name": peer.namespace, **peer.namespace_labels}
    inside = matches(place["namespaceSelector"], names) if "namespaceSelector" in place else peer.namespace == "llm-gateway"
    return inside and matches(place.get("podSelector"), peer.labels)


def _within(block: Thing, address: str) -> bool:
    ip, network = ipaddress.ip_address(address), ipaddress.ip_network(block["cidr"])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped  # what goes out over the wire is IPv4
    return ip in network and not any(ip in ipaddress.ip_network(one) for one in block.get("except", []))


def blocks(things: Sequence[Thing]) -> Iterator[Thing]:
    """Every ipBlock of the NetworkPolicies."""
    for thing in of(things, "NetworkPolicy"):
        for rule in [*thing["spec"].get("ingress", []), *thing["spec"].get("egress", [])]:
            yield from (place["ipBlock"] for place in [*rule.get("from", []), *rule.get("to", [])] if "ipBlock" in place)


def wrong(block: Thing) -> list[str]:
    """What the API server would not take of an ipBlock. It reads an IPv4-mapped network as IPv4, so that none lies within ::/0."""
    network = ipaddress.ip_network(block["cidr"])
    left_out = [ipaddress.ip_network(one) for one in block.get("except", [])]
    return [str(one) for one in (network, *left_out) if one.version == 6 and one.network_address.ipv4_mapped is not None] + [
        str(one)
        for one in left_out
        if one.version != network.version or not one.subnet_of(network) or one.prefixlen <= network.prefixlen  # type: ignore[arg-type]
    ]


def _port(rule: Thing, things: Sequence[Thing], here: Peer, port: int) -> bool:
    return "ports" not in rule or any(port == number for number in _numbers(rule["ports"], things, here))


def _numbers(ports: Sequence[Thing], things: Sequence[Thing], here: Peer) -> Iterator[int]:
    for each in ports:
        if isinstance(each["port"], int):
            yield each["port"]
            continue
        for thing in workloads(things):
            if pod_labels(thing).items() >= here.labels.items():
                yield from (
                    named["containerPort"]
                    for one in containers(thing)
                    for named in one.get("ports", [])
                    if named["name"] == each["port"]
                )
