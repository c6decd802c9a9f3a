"""Prometheus takes its configuration, finds the gateway's pods, and loads every rule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.programs import Run
from monitoring.rules import FILES, MONITORING, ROOT, alerts

COMPOSE = MONITORING / "prometheus.compose.yml"
CLUSTER = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
JOBS = {job["job_name"]: job for job in CLUSTER["scrape_configs"]}
SEVERITIES = {"critical", "warning", "info"}


def relabelled(job: dict[str, Any], labels: dict[str, str]) -> dict[str, str] | None:
    """What Prometheus makes of a target's labels; None: it is not scraped."""
    found = dict(labels)
    for step in job.get("relabel_configs", []):
        value = ";".join(found.get(name, "") for name in step["source_labels"])
        match = re.fullmatch(str(step.get("regex", "(.*)")).replace("True", "true"), value)
        action = step.get("action", "replace")
        if (action == "keep") != (match is not None) and action in {"keep", "drop"}:
            return None
        if action == "replace" and match is not None:
            found[step["target_label"]] = match.expand(re.sub(r"\$(\d)", r"\\\1", step.get("replacement", "$1")))
    return {name: value for name, value in found.items() if not name.startswith("__meta")}


def pod(**changed: str) -> dict[str, str]:
    meta = {
        "namespace": "llm-gateway",
        "pod_name": "llm-gateway-abc",
        "pod_node_name": "n",
        "pod_phase": "Running",
        "pod_label_app": "llm-gateway",
        "pod_annotation_prometheus_io_scrape": "true",
        "pod_annotation_prometheus_io_port": "9090",
        "pod_annotation_prometheus_io_path": "/metrics",
        **changed,
    }
    return {"__address__": "10.1.2.3:8080", **{f"__meta_kubernetes_{name}": value for name, value in meta.items()}}


def test_jobs_are_those_of_the_founding_documents() -> None:
    """Each 15 seconds, and redis is its exporter: Redis itself speaks no HTTP."""
    assert CLUSTER["global"]["scrape_interval"] == "15s"
    assert set(CLUSTER["global"]["external_labels"]) == {"cluster", "environment"}
    wanted = {"llm-gateway", "redis", "kubernetes-apiservers", "kubernetes-nodes", "kubernetes-kubelet", "kubernetes-cadvisor"}
    assert set(JOBS) == {*wanted, "node-exporter", "prometheus", "kube-state-metrics"}
    assert all(
        ":6379" not in target for job in JOBS.values() for one in job.get("static_configs", []) for target in one["targets"]
    )


def test_a_pod_is_scraped_on_its_metrics_port() -> None:
    """Whatever port discovery names, the annotation's is asked; the target says which pod on which node it is."""
    assert relabelled(JOBS["llm-gateway"], pod()) == {
        "__address__": "10.1.2.3:9090",
        "__metrics_path__": "/metrics",
        "namespace": "llm-gateway",
        "pod": "llm-gateway-abc",
        "node": "n",
    }
    found = relabelled(JOBS["llm-gateway"], {**pod(), "__address__": "[fd00::1]:8080"})
    assert found is not None
    assert found["__address__"] == "[fd00::1]:9090"


@pytest.mark.parametrize(
    "change", [{"pod_label_app": "other"}, {"pod_annotation_prometheus_io_scrape": "false"}, {"pod_phase": "Succeeded"}]
)
def test_other_pods_are_left_alone(change: dict[str, str]) -> None:
    """Not ours, not annotated, or ended."""
    assert relabelled(JOBS["llm-gateway"], pod(**change)) is None


def test_the_deployment_has_the_annotations_that_discovery_wants() -> None:
    """Pods of deployment/k8s are found by the job, on the port of the admin listener."""
    made = next(yaml.safe_load_all((ROOT / "deployment/k8s/base/deployment.yaml").read_text()))["spec"]["template"]["metadata"]
    wanted = {"prometheus.io/scrape", "prometheus.io/port", "prometheus.io/path"}
    assert wanted <= set(made["annotations"])
    notes = {f"pod_annotation_{re.sub('[./-]', '_', name)}": value for name, value in made["annotations"].items()}
    found = relabelled(JOBS["llm-gateway"], pod(**notes, pod_label_app=made["labels"]["app"]))
    assert found is not None
    assert (found["__address__"], found["__metrics_path__"]) == ("10.1.2.3:9090", "/metrics")


@pytest.mark.deployment
def test_promtool_takes_both_configurations(promtool: Run, tmp_path: Path) -> None:
    """With all rules. Debian's Prometheus knows no Kubernetes, so that discovery is left out for it, and files exist here."""
    done = promtool("check", "config", COMPOSE)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (MONITORING / "prometheus.yml").read_text().replace("rules/*.yml", f"{MONITORING}/rules/*.yml")
    for name in ("token", "ca.crt"):
        (tmp_path / name).touch()
    document = yaml.safe_load(text.replace("/var/run/secrets/kubernetes.io/serviceaccount", str(tmp_path)))
    for job in document["scrape_configs"]:
        for found in job.pop("kubernetes_sd_configs", []):
            assert found["role"] in {"pod", "endpoints", "node"}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(document))
    done = promtool("check", "config", tmp_path / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(FILES)} rule files found" in done.stdout


@pytest.mark.deployment
@pytest.mark.parametrize(
    "planted", ["scrape_intervall: 15s", "rule_files: [rules/none.yml]", "scrape_configs: [{job_name: a}, {job_name: a}]"]
)
def test_promtool_notices_a_mistake(promtool: Run, tmp_path: Path, planted: str) -> None:
    """An unknown key, a rule file that is not there, two jobs of one name."""
    file = tmp_path / "prometheus.yml"
    file.write_text(planted)
    assert promtool("check", "config", file).returncode != 0


@pytest.mark.deployment
def test_promtool_notices_a_bad_rule(promtool: Run, tmp_path: Path) -> None:
    """A rule that is no PromQL."""
    file = tmp_path / "rules.yml"
    file.write_text(
        (MONITORING / "rules" / "provider-alerts.yml").read_text().replace("min by (namespace", "min by namespace", 1)
    )
    assert promtool("check", "rules", file).returncode != 0


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule.name}-{rule.labels.get('window', '')}")
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: Any) -> None:
    """Severity, service, summary, description, and a runbook of its own name."""
    assert rule.labels["severity"] in SEVERITIES | ({"none"} if rule.name == "Watchdog" else set())
    assert rule.labels["service"] == "llm-gateway"
    assert rule.annotations["summary"]
    assert rule.annotations["description"].endswith(".")
    assert rule.annotations["runbook_url"] == f"docs/OPERATIONS.md#{rule.name.lower()}"


def test_every_runbook_is_there_and_none_is_of_nothing() -> None:
    """docs/OPERATIONS.md has a heading for each alert, and each says what it means, where to look, and what to do."""
    page = (ROOT / "docs" / "OPERATIONS.md").read_text()
    part = page[page.index("## Runbooks: alerts") :]
    part = part[: match.start() + 1] if (match := re.search(r"\n## ", part[1:])) else part
    books = dict(re.findall(r"^#### (\w+)\n(.*?)(?=^#{2,4} |\Z)", part, re.DOTALL | re.MULTILINE))
    assert set(books) == {rule.name for rule in alerts()}
    for name, text in books.items():
        for word in ("**Means**", "**Look**", "**Causes**", "**Do**", "**Escalate**"):
            assert word in text, f"{name}: {word}"
        assert "`" in text, f"{name}: no command or query"
