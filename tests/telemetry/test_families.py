"""The table of metrics is one that Prometheus takes."""

from __future__ import annotations

import re

from llm_gateway.telemetry.families import FAMILIES, GROUPS, NAMES


def test_every_name_is_there_once():
    """And belongs to one group of the documents."""
    assert len(NAMES) == len(FAMILIES) == sum(map(len, GROUPS.values()))


def test_names_and_labels_are_prometheus():
    """Counters end with _total, nothing else does; labels are lower-case words, each once."""
    for family in FAMILIES:
        assert re.fullmatch(r"[a-z][a-z0-9_]+", family.name), family
        assert family.name.endswith("_total") == (family.kind == "counter"), family
        assert len(set(family.every)) == len(family.every), family
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) and name != "le" for name in family.every), family


def test_buckets_ascend():
    """A histogram has bounds, and nothing else has any."""
    for family in FAMILIES:
        assert bool(family.buckets) == (family.kind == "histogram"), family
        assert list(family.buckets) == sorted(set(family.buckets)), family


def test_an_alias_has_labels_of_what_it_stands_for():
    """So that its values can be summed from there."""
    aliases = [family for family in FAMILIES if family.alias_of]
    assert {"http_requests_total", "llm_provider_health_status", "llm_rate_limit_exceeded_total"} <= {one.name for one in aliases}
    for family in aliases:
        own = NAMES[family.alias_of]
        assert (family.kind, family.buckets) == (own.kind, own.buckets)
        assert set(family.labels) <= set(own.labels)


def test_every_family_says_something():
    """A sentence that ends."""
    assert [family.name for family in FAMILIES if not family.help.endswith(".")] == []
