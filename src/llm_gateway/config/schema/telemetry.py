"""The `telemetry` section: what can be seen of the gateway's work from outside."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal

from llm_gateway.config.schema.base import Fault, Section, about
from llm_gateway.config.schema.content import Content
from llm_gateway.config.schema.tracing import Tracing
from llm_gateway.config.values import Duration

Label = Literal["tenant", "project", "key", "alias"]


class Metrics(Section, frozen=True):
    """GET /metrics on the admin port, for Prometheus."""

    enabled: Annotated[bool, about("Whether anything is counted and shown.")] = True
    needs_key: Annotated[
        bool,
        about(
            "Whether reading them on the admin port takes a key with the scope admin:read. On the main port"
            " (`server.expose_admin`) it always does. They name tenants, models and what they cost; they hold no prompt, key or"
            " end user."
        ),
    ] = False
    labels: Annotated[
        tuple[Label, ...],
        about(
            "Labels of requests, tokens and cost besides endpoint, provider, model and status. Each multiplies the number of"
            " series: with `key` by that of the keys. alias: the name of `models` that was asked for."
        ),
    ] = ("tenant",)
    max_series: Annotated[
        int, about("Most combinations of labels of one metric; what comes beyond is counted under `other`.", ge=100, le=1_000_000)
    ] = 10_000
    buckets: Annotated[
        tuple[Duration, ...] | None,
        about(
            "Upper bounds of the histograms of whole requests and attempts, ascending. Absent: 1ms to 5m. From the next start on."
            " Keep 10s among them: the latency objective of deployment/monitoring counts by it."
        ),
    ] = None

    def check(self) -> Iterator[Fault]:
        bounds = self.buckets
        if bounds is not None and (not bounds or bounds[0] <= 0 or any(low >= high for low, high in pairwise(bounds))):
            yield "buckets", "expected ascending durations above 0, for example [10ms, 100ms, 1s, 10s]"


class Telemetry(Section, frozen=True):
    """What can be seen of the gateway's work from outside, besides its logs."""

    metrics: Annotated[Metrics, about("Numbers for Prometheus.")] = Metrics()
    tracing: Annotated[Tracing, about("Spans for OpenTelemetry.")] = Tracing()
    content: Annotated[Content, about("What was asked and answered, of tenants that agreed to it.")] = Content()
