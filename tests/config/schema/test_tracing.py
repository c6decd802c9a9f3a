"""`telemetry.tracing`."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.config.schema import Tracing
from llm_gateway.config.values import Duration, Secret

GOOD = "http://collector:4318"


def faults(**fields: Any) -> list[str]:
    return [field for field, _ in Tracing(**fields).check()]


def test_it_is_off_until_it_is_told_where_to_send():
    """No collector, or not enabled: nothing is done."""
    assert not Tracing().on
    assert Tracing(endpoint=GOOD).on
    assert not Tracing(endpoint=GOOD, enabled=False).on


def test_what_otlp_exporters_do():
    """Sizes and times of requirement O2: 2048 wait, 512 at once, every 5 seconds."""
    made = Tracing()
    assert (made.queue, made.batch, made.interval) == (2048, 512, Duration(5))


@pytest.mark.parametrize("url", [GOOD, "https://otlp.example.com/otlp", "http://127.0.0.1:4318/v1/traces", "http://[::1]:4318"])
def test_addresses(url: str):
    """With or without a path."""
    assert faults(endpoint=url) == []


@pytest.mark.parametrize(
    "url",
    [
        "collector:4318",
        "grpc://collector:4317",
        "http://collector:4317",
        "http://user:password@collector:4318",
        "http://collector:4318?key=x",
        "http://collector:99999",
        "http://coll ector",
    ],
)
def test_what_is_none(url: str):
    """Also the port of OTLP over gRPC, which is a likely mistake."""
    assert faults(endpoint=url) == ["endpoint"]


@pytest.mark.parametrize("name", ["Content-Type", "content-encoding", "Host", "a b"])
def test_headers_that_the_gateway_sets(name: str):
    """They cannot be set."""
    assert faults(headers={name: Secret("x")}) == ["headers"]


def test_a_batch_fits_into_the_queue():
    """Otherwise it would never be full."""
    assert faults(batch=3000) == ["batch"]
