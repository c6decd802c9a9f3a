"""Every query of rules and dashboards asks for metrics that there are, with labels that they have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from llm_gateway.resilience.effects import EFFECTS
from llm_gateway.telemetry.families import FAMILIES, NAMES
from llm_gateway.telemetry.family import Family
from monitoring.foreign import METRICS, TARGET
from monitoring.promql import groupings, joined, plain, selectors
from monitoring.rules import queries, rules


class Asked(NamedTuple):
    """One query, and where it stands."""

    where: str
    query: str
    legend: str = ""


def asked() -> Iterator[Asked]:
    for rule in rules():
        yield Asked(f"{rule.file}: {rule.name}", rule.query)
    for where, legend, query, _ in queries():
        yield Asked(where, plain(query), legend)


ASKED = list(asked())


def family_of(name: str) -> Family | None:
    """A histogram's family is asked for by its parts."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return NAMES.get(name) or (NAMES[base] if base in NAMES and NAMES[base].kind == "histogram" else None)


def recorded() -> Mapping[str, frozenset[str]]:
    """Labels of what rules record: those that the outermost aggregation keeps, and those that the rule adds."""
    found: dict[str, set[str]] = {}
    for rule in rules():
        if not rule.alert:
            kept = {label for grouping in groupings(rule.query) for label in grouping.labels} - {"le"}
            for one in selectors(rule.query):
                kept |= found.get(one.name, set())
            found.setdefault(rule.name, set()).update(kept, rule.labels)
    return {name: frozenset(labels) for name, labels in found.items()}


RECORDED = recorded()


def labels_of(name: str) -> frozenset[str] | None:
    """None: there is no such metric."""
    if name in RECORDED:
        return RECORDED[name]
    if name in METRICS:
        return METRICS[name] | TARGET
    family = family_of(name)
    if family is None:
        return None
    return frozenset(family.labels) | TARGET | ({"le"} if name.endswith("_bucket") else frozenset())


def wrong(query: str, legend: str = "") -> list[str]:
    """What a query asks for that there is not."""
    found: list[str] = []
    known: set[str] = set()
    for one in selectors(query):
        labels = labels_of(one.name)
        if labels is None:
            found.append(f"no metric {one.name}")
            continue
        known |= labels
        found += [f"{one.name} has no label {label}" for label, _ in one.matchers if label not in labels]
        family = family_of(one.name)
        if family is not None and family.kind == "histogram" and one.name == family.name:
            found.append(f"{one.name} is a histogram: _bucket, _sum or _count")
        if family is not None:
            bounds = [float(value) for label, value in one.matchers if label == "le"]
            found += [f"{one.name} has no bound {bound}" for bound in bounds if bound not in family.buckets]
    for grouping in groupings(query):
        inside = {label for one in selectors(grouping.body) for label in labels_of(one.name) or ()}
        found += [f"nothing in by (...) has a label {label}" for label in grouping.labels if label not in inside]
    found += [f"on (...): {label}" for label in joined(query) - known]
    found += [f"the legend's {label}" for label in re.findall(r"\{\{(\w+)\}\}", legend) if label not in known]
    return found


@pytest.mark.parametrize("one", ASKED, ids=lambda one: one.where)
def test_a_query_asks_for_what_there_is(one: Asked) -> None:
    """Metrics, their labels, bounds of histograms, labels that are grouped by, joined on, or shown."""
    assert wrong(one.query, one.legend) == []


@pytest.mark.parametrize(
    ("query", "legend", "what"),
    [
        ("sum(gateway_request_total)", "", "no metric gateway_request_total"),
        ('gateway_requests_total{state="200"}', "", "gateway_requests_total has no label state"),
        ("sum by (kind) (rate(gateway_requests_total[5m]))", "", "nothing in by (...) has a label kind"),
        ('rate(gateway_overhead_seconds_bucket{le="0.02"}[5m])', "", "gateway_overhead_seconds_bucket has no bound 0.02"),
        ("rate(gateway_overhead_seconds[5m])", "", "gateway_overhead_seconds is a histogram: _bucket, _sum or _count"),
        ("gateway_requests_total / on (who) gateway_tokens_total", "", "on (...): who"),
        ("gateway_requests_total", "{{color}}", "the legend's color"),
    ],
)
def test_a_wrong_query_would_be_noticed(query: str, legend: str, what: str) -> None:
    """Each kind of mistake is found and named."""
    assert what in wrong(query, legend)


def test_queries_use_canonical_names() -> None:
    """Aliases are for queries that were written for them, not for ours."""
    aliases = {family.name for family in FAMILIES if family.alias_of}
    assert [one.where for one in ASKED for found in selectors(one.query) if found.name in aliases] == []


def test_words_of_failures_are_those_that_the_gateway_says() -> None:
    """Reasons that queries name are words of resilience/effects.py."""
    for one in ASKED:
        for found in selectors(one.query):
            if found.name.startswith("gateway_provider_errors"):
                words = {word for label, value in found.matchers if label == "error_type" for word in value.split("|")}
                assert words <= set(EFFECTS), one.where


def test_what_matters_is_looked_at() -> None:
    """Each of our own families is part of a dashboard or of an alert, or it stands here why not."""
    elsewhere = {
        "gateway_start_time_seconds": "restarts are counted by gateway_worker_restarts_total",
        "gateway_ledger_records_written_total": "only what is lost matters",
        "gateway_cache_hits_total": "one of the results of gateway_cache_operations_total",
        "gateway_ledger_refused_total": "LedgerCannotBeWritten says so earlier",
    }
    used = {family.name for one in ASKED for found in selectors(one.query) if (family := family_of(found.name))}
    ours = {family.name for family in FAMILIES if not family.alias_of and family.name.startswith("gateway_")}
    assert ours - used - set(elsewhere) == set()
    assert set(elsewhere) - ours == set()
