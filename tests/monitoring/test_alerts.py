"""Every alert is tried with promtool: it fires when it should, says of whom, and is silent otherwise."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitoring import cases_gateway, cases_infrastructure, cases_provider, cases_slo
from monitoring.cases import Case
from monitoring.programs import Run
from monitoring.promql import selectors
from monitoring.rules import Rule, alerts, rules

QUICK = (*cases_gateway.CASES, *cases_provider.CASES, *cases_infrastructure.CASES)
SLO = cases_slo.CASES
RULES_BY_NAME = {name: [rule for rule in rules() if rule.name == name] for name in {rule.name for rule in rules()}}
RULES_BY_TEXT = {str(rule): rule for rule in rules()}


def sample(alert: str, labels: dict[str, str]) -> dict[str, Any]:
    found = {"alertname": alert, "alertstate": "firing", **labels}
    return {"labels": "ALERTS{" + ",".join(f'{name}="{value}"' for name, value in sorted(found.items())) + "}", "value": 1}


def given(case: Case, labels: dict[str, str]) -> dict[str, str]:
    """With what the rule itself adds."""
    fits = [rule for rule in alerts() if rule.name == case.alert and labels.get("window", "") == rule.labels.get("window", "")]
    return {**fits[0].labels, **labels}


def needed(alert: str) -> list[Rule]:
    """The rules of this alert, and those that record what it asks for."""
    wanted, found = {alert}, set()
    while wanted:
        name = wanted.pop()
        found.add(name)
        wanted |= {one.name for rule in RULES_BY_NAME[name] for one in selectors(rule.query) if ":" in one.name} - found
    return [rule for name in found for rule in RULES_BY_NAME[name]]


@functools.cache
def names_of(alert: str) -> frozenset[str]:
    return frozenset(one.name for rule in needed(alert) for one in selectors(rule.query))


def touched(case: Case) -> set[str]:
    """Names of all series that have to do with it."""
    return names_of(case.alert) | {series.partition("{")[0] for series in case.series}


def minutes(case: Case) -> int:
    """Until it is looked at."""
    return int(case.at[:-1]) * {"m": 1, "h": 60}[case.at[-1]]


def batches(which: Sequence[Case]) -> list[list[Case]]:
    """Cases that do not touch each other may share a database, of which each costs promtool a tenth of a second."""
    made: list[list[Case]] = []
    for case in sorted(which, key=minutes):
        free = (batch for batch in made if not any(touched(case) & touched(other) for other in batch))
        batch = next((batch for batch in free if minutes(case) <= 2 * minutes(batch[0])), None)
        if batch is None:
            made.append([case])
        else:
            batch.append(case)
    return made


def rule_file(batch: Sequence[Case]) -> dict[str, Any]:
    """What promtool evaluates each minute: no more than is needed."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for rule in dict.fromkeys(str(rule) for case in batch for rule in needed(case.alert)):
        found = RULES_BY_TEXT[rule]
        named = {"alert": found.name, "for": found.hold or "0s"} if found.alert else {"record": found.name}
        groups.setdefault(found.group, []).append({**named, "expr": found.query, "labels": found.labels})
    return {"groups": [{"name": name, "rules": kept} for name, kept in groups.items()]}


def case_file(batch: Sequence[Case], file: Path, every: str) -> dict[str, Any]:
    series = {series: values for case in batch for series, values in case.series.items()}
    asked = [
        {
            "expr": f'ALERTS{{alertname="{case.alert}",alertstate="firing"}}',
            "eval_time": case.at,
            "exp_samples": [sample(case.alert, given(case, dict(labels))) for labels in case.fires],
        }
        for case in batch
    ]
    test = {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": asked,
    }
    order = list(dict.fromkeys(rule.group for rule in rules()))
    return {"rule_files": [str(file)], "evaluation_interval": every, "group_eval_order": order, "tests": [test]}


def tried(promtool: Run, folder: Path, which: Sequence[Case], every: str = "1m") -> str:
    """What promtool has to say; "": nothing is wrong."""
    files = []
    for place, batch in enumerate(batches(which)):
        rules_of, file = folder / f"{place}.rules.json", folder / f"{place}.json"
        rules_of.write_bytes(msgspec.json.encode(rule_file(batch)))
        file.write_bytes(msgspec.json.encode(case_file(batch, rules_of, every)))
        files.append(file)
    done = promtool("test", "rules", *files)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.deployment
def test_alerts_fire_when_they_should_and_not_otherwise(promtool: Run, tmp_path: Path) -> None:
    """Of each alert one situation in which it fires, with all its labels, and one just below it; service levels are apart."""
    assert tried(promtool, tmp_path, QUICK) == ""


@pytest.mark.deployment
def test_error_budgets_are_watched_over_days(promtool: Run, tmp_path: Path) -> None:
    """Burn rates of 20, 10, 4, 2 and a half, of each service level."""
    assert tried(promtool, tmp_path, SLO, "10m") == ""


@pytest.mark.deployment
@pytest.mark.parametrize(
    "wrong",
    [
        Case("RedisDown", {'redis_up{job="redis"}': "0x60"}, "20m"),
        Case("RedisDown", {'redis_up{job="redis"}': "1x60"}, "20m", ({"job": "redis"},)),
    ],
)
def test_a_wrong_alert_would_be_noticed(promtool: Run, tmp_path: Path, wrong: Case) -> None:
    """The cases fail for an alert that fires and should not, and for one that should and does not."""
    assert "RedisDown" in tried(promtool, tmp_path, [wrong])


def test_every_alert_has_a_case_of_each_kind() -> None:
    """One that fires and one that does not, except for the one that always fires."""
    loud = {case.alert for case in (*QUICK, *SLO) if case.fires}
    quiet = {case.alert for case in (*QUICK, *SLO) if not case.fires} | {"Watchdog"}
    names = {rule.name for rule in alerts()}
    assert names - loud == set()
    assert names - quiet == set()
    assert (loud | quiet) - names == set()


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule.name}-{rule.labels.get('window', '')}")
def test_words_of_an_alert_have_something_to_say(rule: Rule) -> None:
    """Labels that its summary and description name are labels that it has when it fires."""
    fired = [case for case in (*QUICK, *SLO) if case.alert == rule.name and case.fires]
    known = set.intersection(*(set(labels) for case in fired for labels in case.fires)) | set(rule.labels)
    said = " ".join(rule.annotations.values())
    assert set(re.findall(r"\$labels\.([a-z_]+)", said)) - known == set()
