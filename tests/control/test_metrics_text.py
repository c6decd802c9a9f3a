"""The text of metrics: read back with prometheus-client's own parsers, and judged by promtool."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from llm_gateway.control.metrics_text import number, rendered
from llm_gateway.telemetry.families import FAMILIES
from llm_gateway.telemetry.family import SECONDS
from llm_gateway.telemetry.series import bounds_of

PARSERS = {False: parse_plain, True: parse_open}


def full(value: str = "x"):
    """A row in every family that is not an alias."""
    data = {}
    for family in FAMILIES:
        if not family.alias_of:
            size = len(bounds_of(family, SECONDS)) + 2
            data[family.name] = [((value,) * len(family.every), [1] * size if family.kind == "histogram" else [3])]
    return data


def read(data, *, openmetrics: bool):
    """Samples by name and labels."""
    text = rendered(data, SECONDS, openmetrics=openmetrics).decode()
    found = {}
    for family in PARSERS[openmetrics](text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, key
            found[key] = sample.value
    return found


@pytest.mark.parametrize("openmetrics", [False, True])
def test_every_family_can_be_read(openmetrics):
    """With its type, its labels and its values; an alias has those of what it stands for."""
    found = read(full(), openmetrics=openmetrics)
    names = {name for name, _ in found}
    for family in FAMILIES:
        if family.kind == "histogram":
            assert {f"{family.name}_bucket", f"{family.name}_sum", f"{family.name}_count"} <= names
            assert found[f"{family.name}_count", _labels(family)] == len(bounds_of(family, SECONDS)) + 1
        else:
            assert found[family.name, _labels(family)] == 3


def _labels(family):
    return frozenset((name, "x") for name in family.every)


@pytest.mark.parametrize("openmetrics", [False, True])
@given(value=st.text(min_size=1, max_size=20).filter(lambda text: not {"\r", "\x85", "\u2028", "\u2029"} & set(text)))
def test_names_are_escaped(openmetrics, value):
    """Whatever a tenant is called."""
    value = value.encode("utf-8", "replace").decode()
    found = read({"gateway_budget_refused_total": [((value,), [1])]}, openmetrics=openmetrics)
    assert found["gateway_budget_refused_total", frozenset({("tenant", value)})] == 1


def test_an_alias_is_the_sum():
    """Over the labels that it does not have."""
    rows = [(("/v1/x", "p", model, "t", "200", "", "", ""), [count]) for model, count in (("a", 2), ("b", 5))]
    found = read({"gateway_requests_total": rows}, openmetrics=False)
    assert found["http_requests_total", frozenset({("endpoint", "/v1/x"), ("status", "200")})] == 7


def test_buckets_are_cumulative():
    """As Prometheus wants them; the last one holds everything."""
    values = [1, 2, *[0] * (len(SECONDS) - 2), 4, 9.5]
    found = read({"gateway_provider_latency_seconds": [(("p", "m"), values)]}, openmetrics=False)
    who = {("provider", "p"), ("model", "m")}
    cumulated = {
        dict(labels)["le"]: value for (name, labels), value in found.items() if name == "gateway_provider_latency_seconds_bucket"
    }
    assert (cumulated["0.001"], cumulated["0.0025"], cumulated["300.0"], cumulated["+Inf"]) == (1, 3, 3, 7)
    assert found["gateway_provider_latency_seconds_sum", frozenset(who)] == 9.5


def test_what_has_no_row_is_named_all_the_same():
    """Unless something would have to be configured for it: then it is not there."""
    text = rendered({}, SECONDS).decode()
    assert "# TYPE http_requests_total counter" in text
    assert "gateway_redis_degraded" not in text


@pytest.mark.parametrize(
    ("bound", "text"),
    [
        (0.5, "0.5"),
        (1.0, "1.0"),
        (262144.0, "262144.0"),
        (1048576.0, "1.048576e+06"),
        (67108864.0, "6.7108864e+07"),
        (1e6, "1e+06"),
    ],
)
def test_bounds_are_written_as_go_does(bound, text):
    """A bound is a label: two ways to write it would be two series."""
    assert number(bound) == text


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool of the Debian package prometheus is not installed")
def test_promtool_has_nothing_to_say():
    """Neither about names nor about types."""
    ran = subprocess.run(["promtool", "check", "metrics"], input=rendered(full(), SECONDS), capture_output=True, check=False)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, b"")


def test_ten_thousand_series_are_written_quickly():
    """In a few times what joining as many lines takes: 10 ms on a machine of 2024."""
    rows = [(("/v1/x", "p", f"model-{number}", "acme", "200", "", "", ""), [number]) for number in range(10_000)]
    rendered({"gateway_requests_total": rows}, SECONDS)

    def took() -> float:
        begin = time.process_time()
        rendered({"gateway_requests_total": rows}, SECONDS)
        return time.process_time() - begin

    assert min(took() for _ in range(5)) < 0.15
