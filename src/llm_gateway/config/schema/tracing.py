"""`telemetry.tracing`: which requests are traced, and where their spans go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from llm_gateway.config.schema.addresses import base_fault, parts_of
from llm_gateway.config.schema.base import Fault, Section, Text, about
from llm_gateway.config.schema.providers import header_fault
from llm_gateway.config.values import Duration, Secret

_OURS = frozenset({"content-type", "content-encoding", "accept-encoding"})


class Tracing(Section, frozen=True):
    """Spans of requests, as OpenTelemetry has them (docs/TRACING.md)."""

    endpoint: Annotated[
        Text | None,
        about("Collector that takes OTLP over HTTP, such as http://collector:4318; absent: nothing is traced."),
    ] = None
    enabled: Annotated[bool, about("false: nothing is traced, whatever `endpoint` says.")] = True
    headers: Annotated[dict[str, Secret], about("Headers for the collector, such as its key.")] = msgspec.field(
        default_factory=dict
    )
    ca_file: Annotated[Text | None, about("PEM file with the collector's authority, in place of network.ca_file.")] = None
    compression: Annotated[Literal["gzip", "none"], about("Of what is sent.")] = "gzip"
    sample: Annotated[
        float, about("Share of requests that are traced, from 0 to 1, beside those that failed or were slow.", ge=0, le=1)
    ] = 0.01
    slow: Annotated[Duration, about("A request that takes longer is always traced.", positive=True)] = Duration(30)
    parent: Annotated[
        Literal["follow", "ignore"],
        about("A caller's traceparent. follow: its trace goes on here, recorded if it says so; ignore: as if there were none."),
    ] = "follow"
    service: Annotated[Text, about("Name of this service: service.name.")] = "llm-gateway"
    resource: Annotated[dict[str, Text], about("Further attributes of it, such as deployment.environment.name.")] = msgspec.field(
        default_factory=dict
    )
    batch: Annotated[int, about("Most requests' traces that are sent at once.", ge=1, le=10_000)] = 512
    queue: Annotated[int, about("Most requests' traces that wait to be sent; more are dropped.", ge=1, le=1_000_000)] = 2048
    interval: Annotated[Duration, about("How long a trace waits for others to be sent with.", positive=True)] = Duration(5)
    timeout: Annotated[Duration, about("Most time for one attempt to send.", positive=True)] = Duration(10)

    @property
    def on(self) -> bool:
        """Whether there is anything to do."""
        return self.enabled and self.endpoint is not None

    def check(self) -> Iterator[Fault]:
        if self.endpoint is not None and (fault := _unusable(self.endpoint)):
            yield "endpoint", fault
        for name in self.headers:
            if fault := header_fault(name):
                yield "headers", fault
            elif name.lower() in _OURS:
                yield "headers", f"must not hold {name}: the gateway sets it"
        if self.batch > self.queue:
            yield "batch", "is larger than queue"


def _unusable(url: str) -> str:
    """What is wrong with a collector's address, "" if nothing is."""
    parts = parts_of(url) if url.isascii() else None
    if parts is not None and parts.port == 4317:
        return "4317 is the port of OTLP over gRPC; OTLP over HTTP usually has 4318"
    return base_fault(url if parts is not None else "", "http://collector:4318", "headers")
