"""Alertmanager takes its configuration, and each alert reaches those that it is for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.programs import Run
from monitoring.rules import MONITORING, alerts

FILE = MONITORING / "alertmanager.yml"
CONFIG = yaml.safe_load(FILE.read_text())
CRITICAL = ["pagerduty", "slack-critical"]


def routed(amtool: Run, file: Path, **labels: str) -> list[str]:
    done = amtool("config", "routes", "test", f"--config.file={file}", *(f"{name}={value}" for name, value in labels.items()))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split(",")


@pytest.mark.deployment
def test_amtool_takes_it(amtool: Run) -> None:
    """Routes, receivers and templates."""
    done = amtool("check-config", FILE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 templates" in done.stdout


@pytest.mark.deployment
@pytest.mark.parametrize("planted", ["receiver: nobody", "receiverr: email"])
def test_amtool_notices_a_mistake(amtool: Run, tmp_path: Path, planted: str) -> None:
    """A receiver that is not there, and a key that is none."""
    file = tmp_path / "alertmanager.yml"
    file.write_text(FILE.read_text().replace("receiver: email", planted, 1))
    assert amtool("check-config", file).returncode != 0


@pytest.mark.deployment
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"alertname": "PodDown", "severity": "critical"}, CRITICAL),
        ({"alertname": "ProviderUnhealthy", "severity": "warning"}, ["slack-providers", "slack-alerts"]),
        ({"alertname": "AllProvidersDown", "severity": "critical"}, ["slack-providers", *CRITICAL]),
        ({"alertname": "HighErrorRate", "severity": "critical"}, ["slack-performance", *CRITICAL]),
        ({"alertname": "HighLatency", "severity": "warning"}, ["slack-performance", "slack-alerts"]),
        ({"alertname": "HighMemoryUsage", "severity": "critical"}, ["slack-performance", *CRITICAL]),
        ({"alertname": "HighCPUUsage", "severity": "warning"}, ["slack-performance", "slack-alerts"]),
        ({"alertname": "CostSpike", "severity": "warning"}, ["slack-alerts"]),
        ({"alertname": "BudgetRefusals", "severity": "info"}, ["slack-info"]),
        ({"alertname": "Watchdog", "severity": "none"}, ["watchdog"]),
        ({"alertname": "PodDown", "severity": "critical", "namespace": "llm-gateway-staging"}, ["slack-info"]),
        ({"alertname": "Unknown"}, ["email"]),
    ],
    ids=lambda value: value["alertname"] if isinstance(value, dict) else "",
)
def test_an_alert_reaches_those_that_it_is_for(amtool: Run, labels: dict[str, str], receivers: list[str]) -> None:
    """By topic and by severity, both: `continue` is where it belongs."""
    assert routed(amtool, FILE, **labels) == receivers


def test_no_route_is_dead_for_want_of_continue() -> None:
    """Routes by topic go on to those by severity, and of the two of critical alerts the first does."""
    routes = CONFIG["route"]["routes"]
    by = [(" ".join(route["matchers"]), route.get("continue", False)) for route in routes]
    severity = [(matcher, goes_on) for matcher, goes_on in by if matcher.startswith("severity")]
    assert severity[0] == ("severity = critical", True)
    assert severity[1] == ("severity = critical", False)
    topics = [goes_on for matcher, goes_on in by if "alertname =~" in matcher]
    assert topics == [True, True]


def test_no_secret_and_no_variable_stands_in_the_file() -> None:
    """Secrets are in files, since ${VAR} would be taken literally; the events API is version 2, with a routing key."""
    text = "\n".join(line.partition("#")[0] for line in FILE.read_text().splitlines() if not line.strip().startswith("#"))
    assert "${" not in text
    assert "/v2/enqueue" in CONFIG["global"]["pagerduty_url"]
    assert "service_key" not in text
    for name in re.findall(r"\b\w*(?:password|routing_key|api_url|service_key|secret)\w*(?=:)", text):
        assert name.endswith("_file"), name


def _names(rule: dict[str, Any]) -> list[str]:
    matchers = [matcher for key in ("source_matchers", "target_matchers") for matcher in rule[key]]
    return [matcher.split(maxsplit=2)[2].strip('"') for matcher in matchers if matcher.startswith("alertname")]


def test_routes_and_inhibitions_name_alerts_that_there_are() -> None:
    """Each expression fits at least one alert."""
    names = [rule.name for rule in alerts()]
    patterns = [name for rule in CONFIG["inhibit_rules"] for name in _names(rule)]
    patterns += [
        matcher.split(maxsplit=2)[2].strip('"')
        for route in CONFIG["route"]["routes"]
        for matcher in route["matchers"]
        if matcher.startswith("alertname")
    ]
    for pattern in patterns:
        for part in re.split(r"\|(?![^(]*\))", pattern):
            assert any(re.fullmatch(part, name) for name in names), part


def test_what_follows_from_something_worse_is_held_back() -> None:
    """Pods of a node that is down, warnings under critical alerts of the same thing, what all providers being down leads to."""
    rules = {rule["source_matchers"][0]: rule for rule in CONFIG["inhibit_rules"]}
    assert rules["alertname = NodeDown"]["equal"] == ["cluster", "node"]
    assert "provider" in rules["severity = critical"]["equal"]
    assert "slo" in rules["severity = critical"]["equal"]
